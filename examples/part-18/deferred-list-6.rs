//! Part 18 of the tutorial: a list of two Deferreds, one of which fails, and reports it as well.
//!
//! ```sh
//! cargo run --bin deferred-list-6
//! ```
//!
//! It prints a report on standard error, and then the list that `deferred-list-5` prints.
//!
//! What to notice: the tutorial's program leaves `consumeErrors` out, and so has Twisted report the failure
//! that the list is given too. Here nothing is reported that somebody was given. If it is wanted, it is asked
//! for: [`reporting`] is an errback that reports a failure, and lets it go on to the list.

use examples::cli;
use protocols::deferred::{Deferred, DeferredList, Failure, reporting};

fn main() {
    cli::no_arguments("deferred-list-6");
    let (firer_1, d1) = Deferred::new();
    let (firer_2, d2) = Deferred::new();
    let d2 = d2.add_errback(reporting("Error in d2"));
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
