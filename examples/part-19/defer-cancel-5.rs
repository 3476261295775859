//! Part 19 of the tutorial: a Deferred with a canceller.
//!
//! ```sh
//! cargo run --bin defer-cancel-5
//! ```
//!
//! It prints that the canceller was called, what the errback was given, and "done".
//!
//! What to notice: two who do not know each other meet here. Higher-level code cancels; lower-level code, which has
//! begun whatever takes so long, is called to end it. When the canceller returns and has not fired the firer, the
//! chain fails with a `CancelledError`, as without one.

use examples::cli;
use protocols::deferred::{Deferred, Failure, Firer};

fn main() {
    cli::no_arguments("defer-cancel-5");
    // Made by lower-level code.
    let (_firer, d) = Deferred::with_canceller(canceller);
    // Added by higher-level code.
    let d = d.add_callbacks(callback, errback);
    d.cancel();
    cli::say("done");
}

fn canceller(_firer: Firer<&'static str>) {
    cli::say("I need to cancel this deferred.");
}

fn callback(res: &str) {
    cli::say(format!("callback got: {res}"));
}

fn errback(err: Failure) {
    cli::say(format!("errback got: {err}"));
}
