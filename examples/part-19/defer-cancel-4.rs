//! Part 19 of the tutorial: firing a Deferred that was cancelled.
//!
//! ```sh
//! cargo run --bin defer-cancel-4
//! ```
//!
//! It prints what the errback was given, that the firer was refused, and "done".
//!
//! What to notice: firing comes too late, and does nothing. That is no error either, as whoever fires may not have
//! heard that nobody wants the result any more. `callback` returns whether the result was accepted, for those
//! who care. (In Python firing twice is an error, but for this one case, where the second firing is passed over.)

use examples::cli;
use protocols::deferred::{Deferred, Failure};

fn main() {
    cli::no_arguments("defer-cancel-4");
    let (firer, d) = Deferred::new();
    let d = d.add_callbacks(callback, errback);
    d.cancel();
    let accepted = firer.callback("result");
    cli::say(format!("accepted: {accepted}"));
    cli::say("done");
}

fn callback(res: &str) {
    cli::say(format!("callback got: {res}"));
}

fn errback(err: Failure) {
    cli::say(format!("errback got: {err}"));
}
