//! Part 18 of the tutorial: a list of two Deferreds, one of which fails, and handles it itself.
//!
//! ```sh
//! cargo run --bin deferred-list-7
//! ```
//!
//! It prints a list of two results. The second one is what the errback of `d2` has made of the failure.
//!
//! What to notice: the list gets what comes out at the end of each chain. In the tutorial the errback is added when
//! `d2` is in the list already; then it runs behind the list, which gets the failure all the same, and all that
//! it changes is that nothing is reported. Here [`DeferredList::new`] takes `d2`, and nobody can add to it any
//! more: [`protocols::deferred::unwritable`] shows what the compiler says to that.

use examples::cli;
use protocols::deferred::{Deferred, DeferredList, Failure};

fn main() {
    cli::no_arguments("deferred-list-7");
    let (firer_1, d1) = Deferred::new();
    let (firer_2, d2) = Deferred::new();
    let d2 = d2.add_errback(|_failure| Ok("d2 failed, never mind"));
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
