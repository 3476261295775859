//! Part 6 of the tutorial, an exercise: `trap`, beside what it is in a program that does not wait.
//!
//! ```sh
//! cargo run --bin trap
//! ```
//!
//! It reads three poems, each in a function that returns and in a chain, and prints what both come to, which
//! is the same.
//!
//! What to notice: `trap` picks out one kind of error, as an arm of a `match` does, or an `except` clause in
//! Python. Given that kind it returns the error, and the errback goes on with its next line; given any
//! other it returns the failure as it came, and `?` hands that on to the next errback. An errback that
//! does not trap handles everything, the faults of the program too.

use std::fmt::Display;

use examples::cli;
use protocols::deferred::{Deferred, Failure};

fn main() {
    cli::no_arguments("trap");
    for poem in ["a rose is a rose", "brillig", ""] {
        let returned = synchronous(poem);
        let called_back = asynchronous(poem);

        cli::say(format!("A poem of {} letters:", poem.len()));
        cli::say(format!("  match: {}", shown(&returned)));
        cli::say(format!("  trap:  {}", shown(&called_back)));
    }
}

/// What goes wrong, and is expected to.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is gibberish")]
struct GibberishError(String);

/// What is not expected.
#[derive(Debug, thiserror::Error)]
#[error("there is no poem")]
struct NoPoem;

/// Reads a poem.
///
/// # Errors
///
/// [`GibberishError`] or [`NoPoem`].
fn read(poem: &str) -> Result<String, Failure> {
    match poem {
        "" => Err(NoPoem.into()),
        "brillig" => Err(GibberishError(poem.to_owned()).into()),
        _ => Ok(format!("{poem}, read aloud")),
    }
}

/// Reads a poem and returns it: a `match` handles one kind of error, and lets all others through.
fn synchronous(poem: &str) -> Result<String, Failure> {
    match read(poem) {
        Err(failure) if failure.check::<GibberishError>().is_some() => {
            Ok("a cough, and the next poem".to_owned())
        }
        other => other,
    }
}

/// Reads a poem in a callback: an errback handles one kind of error, and lets all others through.
fn asynchronous(poem: &'static str) -> Result<String, Failure> {
    // ANCHOR: trap
    let chain = Deferred::succeed(poem)
        .add_callback(read)
        .add_errback(|failure| {
            failure.trap::<GibberishError>()?;
            Ok("a cough, and the next poem".to_owned())
        });
    // ANCHOR_END: trap
    chain.into_result().expect("nothing here takes time")
}

fn shown(result: &Result<String, Failure>) -> &dyn Display {
    match result {
        Ok(text) => text,
        Err(failure) => failure,
    }
}
