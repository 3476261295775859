//! Part 7 of the tutorial: the same chain, fired with a failure.
//!
//! ```sh
//! cargo run --bin defer-2
//! ```
//!
//! It prints that there is no poem, and then that it has finished.
//!
//! What to notice: only the call that fires is another one than in `defer-1`, and now the other one of the
//! pair runs. Whoever adds the pair says what is to be done in either case; whoever fires knows which case
//! it is. The failure holds a text here; mostly it holds an error.

use examples::cli;
use protocols::deferred::{Deferred, Failure};

fn main() {
    cli::no_arguments("defer-2");
    let (firer, d) = Deferred::new();

    // Add a pair of a callback and an errback to the chain; nothing is to follow.
    d.add_callbacks(got_poem, poem_failed).ignore();

    // Fire the chain with a failure.
    firer.errback(Failure::msg("I have failed."));

    cli::say("Finished");
}

fn got_poem(poem: &str) {
    cli::say("Your poem is served:");
    cli::say(poem);
}

fn poem_failed(_failure: Failure) {
    cli::say("No poetry for you.");
}
