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
//! # What it calls back for
//!
//! - **Time**: [`Reactor::call_later`], and [`DelayedCall`] to cancel or move the call. What is done again and
//!   again, little by little, or not for too long is a [`task`]; all of it is tested on a
//!   [`TestClock`](testing::TestClock), whose time passes when the test says so.
//! - **Readiness**: objects with a descriptor, given to [`Reactor::add_reader`] and
//!   [`Reactor::add_writer`]; see [`ReadDescriptor`] and [`WriteDescriptor`].
//! - **Other threads**: [`Reactor::remote_handle`] sends calls to the loop, and may wait for their
//!   results; [`Reactor::defer_to_thread`] has work done elsewhere that would block it, by the reactor's
//!   own [`ThreadPool`] or another one.
//! - **`async`**: [`Reactor::spawn`] runs a future, in which any Deferred can be awaited, such as those of
//!   [`Reactor::sleep`], [`Reactor::readable`] and [`Reactor::writable`].
//! - **Signals**: SIGINT and SIGTERM end [`Reactor::run`] in order; [`Reactor::set_signal_handler`] hears of others.
//! - **Its own beginning and end**: see [`SystemEvent`].
//!
//! # Backends
//!
//! How the system tells of readiness is a [`backend`]'s business. [`Reactor::new`] takes `polling`, which
//! works everywhere, or the one that the environment variable `REACTOR_BACKEND` names: `epoll`, `poll` or
//! `select`. [`Reactor::with_backend`] takes any [`Backend`](backend::Backend), yours too.
//!
//! # What it is not
//!
//! It knows no protocols and no bytes on a wire: these are the `protocols` crate's. It is not
//! multi-threaded and not global: more cores are more reactors, one per thread.
//!
//! *The design is that of Twisted's reactor; the turn of the loop, shown as one function, is in the
//! manner of libuv's documentation.*

pub mod backend;
mod blocking;
mod callback;
mod calls;
mod clock;
mod closed;
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
