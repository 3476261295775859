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
//! the chain goes on: `Ok` on the callback line, `Err` or a panic on the errback line. And a link that
//! needs time itself returns a `Deferred`: the chain waits for it.
//!
//! # What always holds
//!
//! - A chain fires once, or ends with [`Abandoned`] when its firer is dropped: it never waits for nobody.
//! - A failure is handled, passed on, or reported; it is never silent. See [`set_report_hook`].
//! - A link costs one allocation when it is added to a chain that waits, and none otherwise.
//! - Chains are run by a loop: a million links, or a loop of ten million turns each of which returns the
//!   next, need no more stack than one, and such a loop no more memory.
//! - Nothing of ours is borrowed while a link runs: it may add to, cancel or drop any chain, its own too.
//!
//! # What it is not
//!
//! There is no executor, no reactor and no clock here, and nothing is `Send` but [`Failure`]: a chain
//! lives on one thread. The `reactor` crate brings time, readiness and threads.
//!
//! *The idea, the names and most of the behaviour are those of Twisted's `twisted.internet.defer` and
//! `twisted.python.failure`.*

#![forbid(unsafe_code)]

mod cancel;
mod chain;
mod deferred;
mod failure;
mod firer;
mod frames;
mod node;
mod outcome;
mod report;
pub mod testing;

pub use cancel::{CancelHandle, CancelledError, CircularChain};
pub use deferred::Deferred;
pub use failure::{Failure, Panicked};
pub use firer::{Abandoned, Firer};
pub use outcome::Outcome;
pub use report::{Report, report, reset_report_hook, set_report_hook};
