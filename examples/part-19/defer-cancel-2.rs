//! Part 19 of the tutorial: the errback of a Deferred that is cancelled.
//!
//! ```sh
//! cargo run --bin defer-cancel-2
//! ```
//!
//! It prints what the errback was given, and then "done".
//!
//! What to notice: the errback has run when `cancel` returns. Whoever is interested can `trap` the
//! `CancelledError`, and tell it from other failures.

use examples::cli;
use protocols::deferred::{Deferred, Failure};

fn main() {
    cli::no_arguments("defer-cancel-2");
    let (_firer, d) = Deferred::new();
    let d = d.add_callbacks(callback, errback);
    d.cancel();
    cli::say("done");
}

fn callback(res: &str) {
    cli::say(format!("callback got: {res}"));
}

fn errback(err: Failure) {
    cli::say(format!("errback got: {err}"));
}
