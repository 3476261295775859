//! Part 19 of the tutorial: cancelling a Deferred that has fired.
//!
//! ```sh
//! cargo run --bin defer-cancel-3
//! ```
//!
//! It prints what the callback was given, and "done".
//!
//! What to notice: cancelling comes too late, and does nothing. That is no error: who cancels need not find out first
//! whether there is still something to cancel.

use examples::cli;
use protocols::deferred::{Deferred, Failure};

fn main() {
    cli::no_arguments("defer-cancel-3");
    let (firer, d) = Deferred::new();
    let d = d.add_callbacks(callback, errback);
    firer.callback("result");
    d.cancel();
    cli::say("done");
}

fn callback(res: &str) {
    cli::say(format!("callback got: {res}"));
}

fn errback(err: Failure) {
    cli::say(format!("errback got: {err}"));
}
