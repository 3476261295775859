//! Part 19 of the tutorial: a canceller that is not needed.
//!
//! ```sh
//! cargo run --bin defer-cancel-8
//! ```
//!
//! It prints what the callback was given, and "done".
//!
//! What to notice: the canceller is not called, as there is nothing to end any more. It was dropped when the Deferred
//! fired, and with it all that it held.

use examples::cli;
use protocols::deferred::{Deferred, Failure, Firer};

fn main() {
    cli::no_arguments("defer-cancel-8");
    // Made by lower-level code.
    let (firer, d) = Deferred::with_canceller(canceller);
    // Added by higher-level code.
    let d = d.add_callbacks(callback, errback);
    firer.callback("result");
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
