//! Part 7 of the tutorial: the same chain, fired with an error that no one has made a failure of.
//!
//! ```sh
//! cargo run --bin defer-3
//! ```
//!
//! It prints the type of what the errback is given, then that itself, then that there is no poem.
//!
//! What to notice: `errback` takes any error, and makes a [`Failure`] of it, so that an errback is always
//! given a failure. It has kept the error's own type, by which an errback will tell errors apart.

use std::any;

use examples::cli;
use protocols::deferred::{Deferred, Failure};

fn main() {
    cli::no_arguments("defer-3");
    let (firer, d) = Deferred::new();

    // Add a pair of a callback and an errback to the chain; nothing is to follow.
    d.add_callbacks(got_poem, poem_failed).ignore();

    // Fire the chain with an error.
    firer.errback(NoPoem);
}

/// An error like any other.
#[derive(Debug, thiserror::Error)]
#[error("I have failed.")]
struct NoPoem;

fn got_poem(poem: &str) {
    cli::say("Your poem is served:");
    cli::say(poem);
}

fn poem_failed(failure: Failure) {
    cli::say(any::type_name_of_val(&failure));
    cli::say(failure);
    cli::say("No poetry for you.");
}
