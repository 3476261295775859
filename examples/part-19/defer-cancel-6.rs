//! Part 19 of the tutorial: a canceller that fires with a result.
//!
//! ```sh
//! cargo run --bin defer-cancel-6
//! ```
//!
//! It prints that the canceller was called, what the callback was given, and "done".
//!
//! What to notice: the canceller is given a firer, and what it fires counts. A half may be better than nothing: who
//! cancels a poem can still get the lines that have come.

use examples::cli;
use protocols::deferred::{Deferred, Failure, Firer};

fn main() {
    cli::no_arguments("defer-cancel-6");
    // Made by lower-level code.
    let (_firer, d) = Deferred::with_canceller(canceller);
    // Added by higher-level code.
    let d = d.add_callbacks(callback, errback);
    d.cancel();
    cli::say("done");
}

fn canceller(firer: Firer<&'static str>) {
    cli::say("I need to cancel this deferred.");
    cli::say("Firing the deferred with a result.");
    firer.callback("result");
}

fn callback(res: &str) {
    cli::say(format!("callback got: {res}"));
}

fn errback(err: Failure) {
    cli::say(format!("errback got: {err}"));
}
