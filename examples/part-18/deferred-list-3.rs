//! Part 18 of the tutorial: a list of two Deferreds.
//!
//! ```sh
//! cargo run --bin deferred-list-3
//! ```
//!
//! It prints a list of two results, when the second one is there.
//!
//! What to notice: nothing is printed between the two firings. The list waits for all.

use examples::cli;
use protocols::deferred::{Deferred, DeferredList, Failure};

fn main() {
    cli::no_arguments("deferred-list-3");
    cli::say("Two Deferreds.");
    let (firer_1, d1) = Deferred::new();
    let (firer_2, d2) = Deferred::new();
    let d = DeferredList::new([d1, d2]).entries();
    cli::say("Adding Callback.");
    d.add_callback(got_results).ignore();
    cli::say("Firing d1.");
    firer_1.callback("d1 result");
    cli::say("Firing d2.");
    firer_2.callback("d2 result");
}

fn got_results(res: Vec<Result<&str, Failure>>) {
    cli::say(format!("We got: {res:?}"));
}
