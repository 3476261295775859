//! An event loop that calls you back: readiness, time, threads and signals.
//!
//! A reactor waits for many things at once, and when one of them has happened, it calls the function that
//! was left for it. One callback runs at a time, on one thread; when it returns, the loop goes on, also
//! when it failed.
//!
//! ```
//! use reactor::Reactor;
//! use std::time::Duration;
//!
//! fn count(reactor: &Reactor, n: u32) {
//!     if n == 0 {
//!         reactor.stop().expect("it runs: this is one of its callbacks");
//!     } else {
//!         println!("{n} …");
//!         reactor.call_later(Duration::from_millis(2), move |reactor| count(reactor, n - 1));
//!     }
//! }
//!
//! let reactor = Reactor::new()?;
//! reactor.call_when_running(|reactor| count(reactor, 3));
//! reactor.run()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A loop that does nothing
//!
//! `Reactor::new()?.run()` waits for ever, without using the processor: nobody has left it anything to call.
//! Ctrl-C ends it. All that a program does, it does in callbacks, and the first of these is given to
//! [`Reactor::call_when_running`]. Each gets `&Reactor`, which need not be kept, and may return nothing or a
//! `Result`; an error, or a panic, is reported, and the loop goes on.
//!
//! # Time
//!
//! [`Reactor::call_later`] runs a function once a delay has passed; [`DelayedCall`] cancels or moves it. What is
//! done again and again, little by little, or not for too long is a [`task`]. All of it is tested on a
//! [`TestClock`](testing::TestClock), whose time passes when the test says so.
//!
//! A million calls may wait: to make one then takes about a tenth of a microsecond, to cancel one a third (random
//! delays, two cores of a Xeon; `cargo bench -p reactor --bench timers_beside` has tokio and calloop beside it).
//!
//! # Readiness
//!
//! An object with a descriptor is given to [`Reactor::add_reader`] or [`Reactor::add_writer`], and called in each
//! turn in which it can read or write, until it is removed or says that it is over.
//!
//! ```
//! use deferred::Failure;
//! use reactor::{Descriptor, Reactor, ReadDescriptor};
//! use std::io::{Read, Write};
//! use std::os::fd::{AsFd, BorrowedFd};
//! use std::os::unix::net::UnixStream;
//! use std::rc::Rc;
//!
//! /// Prints what comes, and stops the reactor when that is all.
//! struct Printer(UnixStream);
//!
//! impl AsFd for Printer {
//!     fn as_fd(&self) -> BorrowedFd<'_> {
//!         self.0.as_fd()
//!     }
//! }
//!
//! impl Descriptor for Printer {
//!     fn connection_lost(self: Rc<Self>, _reactor: &Reactor, reason: Failure) {
//!         println!("no more: {reason}");
//!     }
//! }
//!
//! impl ReadDescriptor for Printer {
//!     fn do_read(self: Rc<Self>, reactor: &Reactor) -> Result<(), Failure> {
//!         let mut buffer = [0; 1024];
//!         match (&self.0).read(&mut buffer)? {
//!             0 => reactor.stop()?,
//!             n => print!("{}", String::from_utf8_lossy(&buffer[..n])),
//!         }
//!         Ok(())
//!     }
//! }
//!
//! let (ours, mut theirs) = UnixStream::pair()?;
//! ours.set_nonblocking(true)?;
//! theirs.write_all(b"The river waits on no one\n")?;
//! drop(theirs);
//!
//! let reactor = Reactor::new()?;
//! reactor.add_reader(Rc::new(Printer(ours)))?;
//! reactor.run()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Its beginning and its end
//!
//! [`Reactor::stop`] ends a run in order, and so do SIGINT and SIGTERM; [`Reactor::set_signal_handler`] hears of
//! other signals. What is to be done [`before`](Reactor::before) the end may return a Deferred, and the loop goes on
//! until that has fired; see [`SystemEvent`]. A reactor can run again.
//!
//! # Threads
//!
//! A reactor belongs to one thread. [`Reactor::remote_handle`] gives others a way to call back into it, and to wait
//! for the answer; [`Reactor::defer_to_thread`] has work done elsewhere that would block the loop, by its own
//! [`ThreadPool`] or another one, and gives a Deferred of its result.
//!
//! # `async`
//!
//! [`Reactor::spawn`] runs a future, in which any Deferred can be awaited, such as those of
//! [`Reactor::sleep`], [`Reactor::readable`] and [`Reactor::writable`]; it gives a Deferred in turn.
//! [`task::react`] runs a whole program that is one Deferred or one coroutine.
//!
//! # Seeing it
//!
//! [`Reactor::stats`] counts what the loop does, and [`Reactor::watch_callbacks`] tells which callback holds it up.
//! A program with a loop of its own can turn this one by hand: [`Reactor::iterate`].
//!
//! # Backends
//!
//! How the system tells of readiness is a [`backend`]'s business; its page says what each costs and where it
//! stops scaling. [`Reactor::new`] takes `polling`, which works everywhere, or the one that the environment variable
//! `REACTOR_BACKEND` names: `epoll`, `poll` or `select`. [`Reactor::with_backend`] takes any
//! [`Backend`](backend::Backend), yours too.
//!
//! # What it is not
//!
//! It knows no protocols and no bytes on a wire: these are the `protocols` crate's. It is not
//! multi-threaded and not global: more cores are more reactors, one per thread.
//!
//! # Where the ideas come from
//!
//! The design, the names and most of the behaviour are those of Twisted's reactor, its `task` and its `threads`. That
//! the turn of the loop is one function which reads as a numbered list is in the manner of libuv's documentation.
//! Keys with a generation, so that an event never reaches the successor of a descriptor that was closed, are
//! calloop's; the watch for slow callbacks is that of asyncio's debug mode.
//!
//! What each name of Twisted's is here, the page `twisted` of the `protocols` crate says.

pub mod backend;
mod blocking;
mod callback;
mod calls;
mod clock;
mod closed;
mod crossing;
mod delayed;
mod descriptors;
mod events;
mod jobs;
mod pool;
mod reactor;
mod readiness;
mod remote;
mod running;
pub mod signals;
mod spawn;
mod stats;
mod sync;
pub mod task;
pub mod testing;
mod threads;
mod turn;
mod waiting;

pub use self::callback::CallResult;
pub use self::clock::{Clock, Work};
pub use self::closed::ConnectionClosed;
pub use self::delayed::{CallError, DelayedCall};
pub use self::descriptors::{Descriptor, ReadDescriptor, WriteDescriptor};
pub use self::events::{SystemEvent, Trigger};
pub use self::jobs::Job;
pub use self::pool::ThreadPool;
pub use self::reactor::{Reactor, ReactorError, Stopped};
pub use self::remote::RemoteHandle;
pub use self::stats::{SlowCallback, Stats};
