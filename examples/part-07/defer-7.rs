//! Part 7 of the tutorial: a Deferred that is to be fired twice, with an error and then with a result.
//!
//! ```sh
//! cargo run --bin defer-7
//! ```
//!
//! It prints the first error; then that nobody can fire any more.
//!
//! What to notice: the order that hurts most, a poem that comes after it was given up. Client 3.1 with its
//! timeout must not call back then, and has to remember that it has called already. Here nothing has to be
//! remembered, since the one who gave up has used up what the other one would need.

use examples::cli;
use protocols::deferred::{Deferred, Failure, Firer};

fn main() {
    cli::no_arguments("defer-7");
    let (firer, d) = Deferred::new();
    d.add_callbacks(got_result, got_error).ignore();

    let mut firer = Some(firer);
    fire(&mut firer, Err(Failure::msg("First error")));
    fire(&mut firer, Ok("First result"));

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
