//! Part 7 of the tutorial: a Deferred that is to be fired twice, both times with an error.
//!
//! ```sh
//! cargo run --bin defer-6
//! ```
//!
//! It prints the first error; then that nobody can fire any more.
//!
//! What to notice: as `defer-4`, on the other line. A chain that has failed has fired; its failure is a
//! result like any other, and what went wrong after that is to be told to somebody else.

use examples::cli;
use protocols::deferred::{Deferred, Failure, Firer};

fn main() {
    cli::no_arguments("defer-6");
    let (firer, d) = Deferred::new();
    d.add_callbacks(got_result, got_error).ignore();

    let mut firer = Some(firer);
    fire(&mut firer, Err(Failure::msg("First error")));
    fire(&mut firer, Err(Failure::msg("Second error")));

    cli::say("Finished");
}

/// Fires, if nobody has.
fn fire(firer: &mut Option<Firer<&'static str>>, result: Result<&'static str, Failure>) {
    if let Some(firer) = firer.take() {
        firer.fire(result);
    } else {
        cli::say("The firer is used up.");
    }
}

fn got_result(result: &str) {
    cli::say(result);
}

fn got_error(failure: Failure) {
    cli::say(failure.error());
}
