//! Part 18 of the tutorial: a list of two Deferreds, of which the second one fires first.
//!
//! ```sh
//! cargo run --bin deferred-list-4
//! ```
//!
//! It prints the list that `deferred-list-3` prints.
//!
//! What to notice: the results stand in the order of the Deferreds, whichever came first. So it is the place
//! in the list that says whose result it is.

use examples::cli;
use protocols::deferred::{Deferred, DeferredList, Failure};

fn main() {
    cli::no_arguments("deferred-list-4");
    cli::say("Two Deferreds.");
    let (firer_1, d1) = Deferred::new();
    let (firer_2, d2) = Deferred::new();
    let d = DeferredList::new([d1, d2]).entries();
    cli::say("Adding Callback.");
    d.add_callback(got_results).ignore();
    cli::say("Firing d2.");
    firer_2.callback("d2 result");
    cli::say("Firing d1.");
    firer_1.callback("d1 result");
}

fn got_results(res: Vec<Result<&str, Failure>>) {
    cli::say(format!("We got: {res:?}"));
}
