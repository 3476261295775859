//! Part 19 of the tutorial: a canceller that fires with an error of its own.
//!
//! ```sh
//! cargo run --bin defer-cancel-7
//! ```
//!
//! It prints that the canceller was called, what the errback was given, and "done".
//!
//! What to notice: the errback gets this error, and no `CancelledError`. A canceller that fires decides everything;
//! one that does not is what most should be, so that all who cancel see the same error.

use examples::cli;
use protocols::deferred::{Deferred, Failure, Firer};

fn main() {
    cli::no_arguments("defer-cancel-7");
    // Made by lower-level code.
    let (_firer, d) = Deferred::with_canceller(canceller);
    // Added by higher-level code.
    let d = d.add_callbacks(callback, errback);
    d.cancel();
    cli::say("done");
}

fn canceller(firer: Firer<&'static str>) {
    cli::say("I need to cancel this deferred.");
    cli::say("Firing the deferred with an error.");
    firer.errback(Failure::msg("error!"));
}

fn callback(res: &str) {
    cli::say(format!("callback got: {res}"));
}

fn errback(err: Failure) {
    cli::say(format!("errback got: {err}"));
}
