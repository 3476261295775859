//! Part 6 of the tutorial: a failure is an error, with the way that it came, which can be kept.
//!
//! ```sh
//! cargo run --bin failure-examples
//! RUST_BACKTRACE=1 cargo run --bin failure-examples
//! ```
//!
//! It makes the same error in four ways, keeps the failures, and prints them when all is over. (Rust itself
//! tells of the panic on standard error, when it happens.)
//!
//! What to notice: an error that nobody raised has no stack, and says so. One that `?` carries out of a
//! function knows the line that turned it into a failure; it has a stack if `RUST_BACKTRACE` asks for
//! one, since a stack costs time, and one can always be had by call. A panic becomes a failure as well, with
//! the place where it was raised. All this was kept when the failure was made: when it is printed,
//! `analyze_poem` has returned long ago.

use std::backtrace::Backtrace;

use examples::cli;
use protocols::deferred::Failure;

fn main() {
    cli::no_arguments("failure-examples");
    let made = Failure::without_backtrace(RhymeSchemeViolation);
    let raised = analyze_poem(POEM).unwrap_err();
    let with_stack = analyze_poem_with_care(POEM).unwrap_err();
    let panicked = Failure::catch(|| analyze_poem_in_a_hurry(POEM)).unwrap_err();

    for (title, failure) in [
        ("Just making an error:", made),
        ("Catching an error:", raised),
        ("Catching an error with its stack:", with_stack),
        ("Catching a panic:", panicked),
    ] {
        cli::say(format!("{title}\n\n{failure:#}\n\n"));
    }
}

const POEM: &str = "\
The sea is blue,
the sky as well,
and in the orange
there is an orange.
";

/// The poem does not do what its rhyme scheme asks for.
#[derive(Debug, thiserror::Error)]
#[error("nothing rhymes with orange")]
struct RhymeSchemeViolation;

/// Raises the error as most functions do.
fn analyze_poem(poem: &str) -> Result<(), Failure> {
    look_for_rhymes(poem)?;
    Ok(())
}

/// Raises the error with a stack, whatever the environment says.
fn analyze_poem_with_care(poem: &str) -> Result<(), Failure> {
    look_for_rhymes(poem)
        .map_err(|error| Failure::with_backtrace(error, &Backtrace::force_capture()))
}

/// Does not think that there can be an error.
fn analyze_poem_in_a_hurry(poem: &str) {
    look_for_rhymes(poem).expect("all poems rhyme");
}

fn look_for_rhymes(poem: &str) -> Result<(), RhymeSchemeViolation> {
    if poem.contains("orange") {
        return Err(RhymeSchemeViolation);
    }
    Ok(())
}
