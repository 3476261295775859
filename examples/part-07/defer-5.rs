//! Part 7 of the tutorial: a Deferred that is to be fired twice, with a result and then with an error.
//!
//! ```sh
//! cargo run --bin defer-5
//! ```
//!
//! It prints the first result; then that nobody can fire any more.
//!
//! What to notice: it makes no difference what it would have been fired with. A result that was given is given:
//! the links may have handed it on, printed it, or made a poem of it, and nobody can take that back.

use examples::cli;
use protocols::deferred::{Deferred, Failure, Firer};

fn main() {
    cli::no_arguments("defer-5");
    let (firer, d) = Deferred::new();
    d.add_callbacks(got_result, got_error).ignore();

    let mut firer = Some(firer);
    fire(&mut firer, Ok("First result"));
    fire(&mut firer, Err(Failure::msg("First error")));

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
