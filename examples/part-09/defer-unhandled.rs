//! Part 9 of the tutorial: a failure that no errback handles.
//!
//! ```sh
//! cargo run --bin defer-unhandled
//! ```
//!
//! It prints "Finished", and after that, on standard error, a report of an unhandled error.
//!
//! What to notice: the failure of the last callback does not come out of `firer.callback`, which has done its
//! part. It stays at the end of the chain, where another link could be added still; so nobody can say yet
//! that it is unhandled. With `drop(d)` the end of the chain is gone: now it is certain, and the failure is
//! reported, with the links that it passed and where the chain was made. (In Python it takes the garbage
//! collector to find that out.) With `RUST_BACKTRACE=1` the report has the stack too.
//!
//! `d.ignore()` would be the way to say that failures do not matter, `d.log_failure("…")` that the report is
//! what is wanted.

use examples::cli;
use protocols::deferred::{Deferred, Failure};

fn main() {
    cli::no_arguments("defer-unhandled");

    // ANCHOR: drop
    let (firer, d) = Deferred::new();

    let d = d.add_callback(callback);

    firer.callback("Here is your result.");

    cli::say("Finished");
    drop(d);
    // ANCHOR_END: drop
}

fn callback(_result: &str) -> Result<(), Failure> {
    Err(Failure::msg("oops"))
}
