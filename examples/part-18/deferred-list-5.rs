//! Part 18 of the tutorial: a list of two Deferreds, of which one fails.
//!
//! ```sh
//! cargo run --bin deferred-list-5
//! ```
//!
//! It prints a list of a result and a failure, and no report of an unhandled error.
//!
//! What to notice: the list succeeds, and its callback runs: the failure is an entry as the result is. Whoever
//! gets the entries is to look at them. (A list that fails with its first failure is
//! [`gather`](protocols::deferred::gather).)
//!
//! In Twisted the list must be told `consumeErrors=True`, or the failure is also reported as unhandled: `d2` is still
//! there, with a failure at its end that nobody has handled. Here `d2` was moved into the list, and has no
//! end of its own any more, so there is nothing to be told.

use examples::cli;
use protocols::deferred::{Deferred, DeferredList, Failure};

fn main() {
    cli::no_arguments("deferred-list-5");
    let (firer_1, d1) = Deferred::new();
    let (firer_2, d2) = Deferred::new();
    let d = DeferredList::new([d1, d2]).entries();
    d.add_callback(got_results).ignore();
    cli::say("Firing d1.");
    firer_1.callback("d1 result");
    cli::say("Firing d2 with errback.");
    firer_2.errback(Failure::msg("d2 failure"));
}

fn got_results(res: Vec<Result<&str, Failure>>) {
    // Of a failure, a line is enough here.
    let in_a_line = |it: Result<_, Failure>| it.map_err(|failure| failure.to_string());
    let res: Vec<_> = res.into_iter().map(in_a_line).collect();
    cli::say(format!("We got: {res:?}"));
}
