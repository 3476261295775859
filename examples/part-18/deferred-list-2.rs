//! Part 18 of the tutorial: a list of one Deferred.
//!
//! ```sh
//! cargo run --bin deferred-list-2
//! ```
//!
//! It prints a list of one result, as soon as that is there.
//!
//! What to notice: the callback gets an `Ok` with the result in it, not just the result. A list does not fail when
//! one of its Deferreds does, so each entry says which of the two it is. In Python that is a pair of a boolean and
//! a value.

use examples::cli;
use protocols::deferred::{Deferred, DeferredList, Failure};

fn main() {
    cli::no_arguments("deferred-list-2");
    cli::say("One Deferred.");
    let (firer_1, d1) = Deferred::new();
    let d = DeferredList::new([d1]).entries();
    cli::say("Adding Callback.");
    d.add_callback(got_results).ignore();
    cli::say("Firing d1.");
    firer_1.callback("d1 result");
}

fn got_results(res: Vec<Result<&str, Failure>>) {
    cli::say(format!("We got: {res:?}"));
}
