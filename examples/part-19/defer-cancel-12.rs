//! Part 19 of the tutorial: cancelling a Deferred that waits for another one.
//!
//! ```sh
//! cargo run --bin defer-cancel-12
//! ```
//!
//! It prints that the inner canceller was called, and what the outer errback was given; the outer canceller is not
//! called.
//!
//! What to notice: the outer Deferred has fired, so that its own canceller has nothing to end. It waits for the inner
//! one, and that is what is cancelled: what an outer chain waits for is nobody's business but its own, and the
//! inner one was moved into it. Its failure then goes down the outer chain, as any other would.

use examples::cli;
use protocols::deferred::{Deferred, Failure, Firer};

fn main() {
    cli::no_arguments("defer-cancel-12");
    let (outer_firer, outer_d) = Deferred::with_canceller(cancel_outer);
    let (_inner_firer, inner_d) = Deferred::with_canceller(cancel_inner);

    let outer_d = outer_d
        .add_callback(move |res| first_outer_callback(res, inner_d))
        .add_callbacks(second_outer_callback, outer_errback);

    outer_firer.callback("result");

    // At this point the outer Deferred has fired, but waits for the inner one.

    cli::say("canceling outer deferred.");
    outer_d.cancel();

    cli::say("done");
}

fn cancel_outer(_firer: Firer<&'static str>) {
    cli::say("outer cancel callback.");
}

fn cancel_inner(_firer: Firer<&'static str>) {
    cli::say("inner cancel callback.");
}

fn first_outer_callback(_res: &str, inner_d: Deferred<&'static str>) -> Deferred<&'static str> {
    cli::say("first outer callback, returning inner deferred");
    inner_d
}

fn second_outer_callback(res: &str) {
    cli::say(format!("second outer callback got: {res}"));
}

fn outer_errback(err: Failure) {
    cli::say(format!("outer errback got: {err}"));
}
