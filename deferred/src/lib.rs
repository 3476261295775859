//! Typed callback and errback chains, and a failure that shows the way it came.
//!
//! A program that waits for many things at once cannot return a result: it is not there yet. It can
//! return a [`Deferred`]: the promise of a result, to which callbacks are added for when it comes.
//!
//! ```
//! use deferred::{Deferred, Failure};
//!
//! #[derive(Debug, thiserror::Error)]
//! #[error("nobody rhymes with {0}")]
//! struct NoRhyme(String);
//!
//! /// Whoever calls this gets a poem, but not yet.
//! fn rhyme(word: Deferred<String>) -> Deferred<String> {
//!     word.add_callback(|word| match word.as_str() {
//!         "moon" => Ok(format!("{word}, June")),
//!         _ => Err(Failure::new(NoRhyme(word))),
//!     })
//!     .add_errback(|failure| {
//!         let NoRhyme(word) = failure.trap()?;
//!         Ok(format!("{word}, {word}"))
//!     })
//! }
//!
//! let (firer, word) = Deferred::new();
//! let poem = rhyme(word);
//! firer.callback(String::from("orange"));
//!
//! assert_eq!(deferred::testing::success_result_of(poem), "orange, orange");
//! ```
//!
//! # Two ends, two lines
//!
//! [`Deferred::new`] makes the two ends of a chain. The [`Firer`] goes to whoever will have the result; it
//! is consumed by firing, so that no chain can fire twice. The `Deferred` goes to whoever wants the
//! result, who adds to it: callbacks on one line, errbacks on the other. Each link decides on which line
//! the chain goes on: `Ok` on the callback line, `Err` or a panic on the errback line.
//!
//! ```text
//!                 callback line            errback line
//!
//!   fired with a value  │                       │  fired with a failure
//!                       ▼                       │
//!                  ┌──────────┐                 │
//!                  │ callback │── Err, panic ──►│
//!                  └──────────┘                 ▼
//!                       │                  ┌─────────┐
//!                       │◄───── Ok ────────│ errback │
//!                       │                  └─────────┘
//!                       ▼                       ▼
//! ```
//!
//! # Waiting for another one
//!
//! A link that needs time itself returns a `Deferred`, and the chain waits for it. Nothing else changes: the
//! next link gets the value, or the failure, when it is there.
//!
//! ```
//! use deferred::{Deferred, testing};
//!
//! let (firer, translation) = Deferred::<&str>::new();
//! let poem = Deferred::succeed("Der Fluß wartet auf keinen")
//!     .add_callback(move |_german| translation)
//!     .map(str::to_uppercase);
//!
//! assert!(!poem.has_result());
//! firer.callback("The river waits on no one");
//! assert_eq!(testing::success_result_of(poem), "THE RIVER WAITS ON NO ONE");
//! ```
//!
//! # Giving up
//!
//! [`Deferred::cancel`], or a [`CancelHandle`] from elsewhere, cancels whatever the chain waits for; the
//! producer learns of it through [`Deferred::with_canceller`], and the errbacks through [`CancelledError`].
//! [`Deferred::pause`] holds a chain for a while.
//!
//! # Many at once
//!
//! [`gather`] waits for all of an iterator or a tuple; [`first_success`] and [`race`] for the first;
//! [`DeferredList`] tells of each. [`Shared`] gives one result to many. [`DeferredLock`],
//! [`DeferredSemaphore`] and [`DeferredQueue`] let chains take turns.
//!
//! # `async`
//!
//! A `Deferred` can be awaited ([`DeferredFuture`]), and [`Deferred::from_future`] makes one of a future.
//! Callbacks and `async fn` are two ways to write the same chain.
//!
//! # When things go wrong
//!
//! A [`Failure`] carries the error, the links that it passed, and where `RUST_BACKTRACE` asks for it the
//! stack. If nobody handles it, it is reported when the end of its chain is dropped: see
//! [`set_report_hook`]. For tests there are [`testing`]'s functions, and its [`Tidy`](testing::Tidy) guard.
//!
//! # What always holds
//!
//! - A chain fires once, or ends with [`Abandoned`] when its firer is dropped: it never waits for nobody.
//! - A failure is handled, passed on, or reported; it is never silent.
//! - A link costs one allocation when it is added to a chain that waits, and none otherwise.
//! - Chains are run by a loop: a million links, or a loop of ten million turns each of which returns the
//!   next, need no more stack than one, and such a loop no more memory. (A loop whose turns add a link
//!   *behind* the next turn's chain keeps that link for each turn, as any recursion would.)
//! - Nothing of ours is borrowed while a link runs: it may add to, cancel or drop any chain, its own too.
//!
//! What Twisted checks when a program runs is settled here when it is compiled: [`unwritable`] lists
//! programs that do not compile.
//!
//! # What it is not
//!
//! There is no executor, no reactor and no clock here, and nothing is `Send` but [`Failure`]: a chain
//! lives on one thread. The `reactor` crate brings time, readiness and threads.
//!
//! # Where the ideas come from
//!
//! The idea, the names and most of the behaviour are those of Twisted's `twisted.internet.defer` and
//! `twisted.python.failure`. That a chain has two ends, one of which is used up by firing, is the promise and
//! the future of Scala, twitter-util and Rust's own channels. Handing on the successor, so that loops
//! cost no memory, is Scala's promise linking and twitter-util's `Promise.become`. Walking chains by a loop
//! is Twisted's `_runCallbacks`. The trail of places comes from the error traces of Zig; backtraces as
//! bare addresses from `anyhow`. Racing with the losers cancelled is structured concurrency's.
//!
//! What each name of Twisted's is here, the page `twisted` of the `protocols` crate says.

#![forbid(unsafe_code)]

mod cancel;
mod chain;
mod debug;
mod deferred;
mod describe;
mod failure;
mod firer;
mod frames;
mod future;
mod held;
mod list;
mod node;
mod outcome;
mod panics;
mod queue;
mod report;
mod semaphore;
mod shared;
pub mod testing;
mod trail;
pub mod unwritable;
mod waiters;
mod work;

pub use cancel::{CancelHandle, CancelledError, CircularChain};
pub use chain::Pause;
pub use debug::{debugging, set_debugging};
pub use deferred::Deferred;
pub use failure::{Failure, Kind, Panicked};
pub use firer::{Abandoned, Firer};
pub use future::{DeferredFuture, Spawn};
pub use list::{
    AllFailed, ByIterator, ByTuple, DeferredList, FirstError, Gather, first_success, gather, race,
};
pub use outcome::{Outcome, maybe_deferred};
pub use queue::{DeferredQueue, QueueOverflow, QueueUnderflow};
pub use report::{Report, report, reporting, reset_report_hook, set_report_hook};
pub use semaphore::{DeferredLock, DeferredSemaphore, NoPermits, Permit};
pub use shared::Shared;
