//! Part 18 of the tutorial: a list of no Deferreds.
//!
//! ```sh
//! cargo run --bin deferred-list-1
//! ```
//!
//! It prints what the callback of an empty list is given: an empty list.
//!
//! What to notice: `entries` makes one Deferred of a list of them, which fires when the last one has. When there
//! is none there is nothing to wait for, and the callback runs as it is added.

use examples::cli;
use protocols::deferred::{DeferredList, Failure};

fn main() {
    cli::no_arguments("deferred-list-1");
    cli::say("Empty List.");
    let d = DeferredList::new([]).entries();
    cli::say("Adding Callback.");
    d.add_callback(got_results).ignore();
}

fn got_results(res: Vec<Result<&str, Failure>>) {
    cli::say(format!("We got: {res:?}"));
}
