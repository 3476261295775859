//! Part 19 of the tutorial: a Deferred that is cancelled.
//!
//! ```sh
//! cargo run --bin defer-cancel-1
//! ```
//!
//! It prints "done", and after that, on standard error, a report of an unhandled error.
//!
//! What to notice: a Deferred that is cancelled fails, with a `CancelledError`, at once, and as with any failure
//! that nobody handles, there is a report when the end of the chain is dropped. Giving up is a way to end, not a way to
//! vanish: whoever waits for the result is told that there will be none.

use examples::cli;
use protocols::deferred::Deferred;

fn main() {
    cli::no_arguments("defer-cancel-1");
    let (_firer, d) = Deferred::new();
    let d = d.add_callback(callback);
    d.cancel();
    cli::say("done");
}

fn callback(res: &str) {
    cli::say(format!("callback got: {res}"));
}
