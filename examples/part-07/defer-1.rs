//! Part 7 of the tutorial: a Deferred that is fired with a result.
//!
//! ```sh
//! cargo run --bin defer-1
//! ```
//!
//! It prints the poem, and then that it has finished.
//!
//! What to notice: no reactor, no network; a Deferred knows neither. The callback and the errback are added as
//! a pair, of which one will run, and it runs inside the call that fires: "Finished" comes last. What is in
//! the tutorial one object, `d`, has two ends here. `d` is where links are added, and `firer` is used up by
//! firing.

use examples::cli;
use protocols::deferred::{Deferred, Failure};

fn main() {
    cli::no_arguments("defer-1");

    // ANCHOR: fire
    let (firer, d) = Deferred::new();

    // Add a pair of a callback and an errback to the chain; nothing is to follow.
    d.add_callbacks(got_poem, poem_failed).ignore();

    // Fire the chain with a normal result.
    firer.callback("This poem is short.");

    cli::say("Finished");
    // ANCHOR_END: fire
}

fn got_poem(poem: &str) {
    cli::say("Your poem is served:");
    cli::say(poem);
}

fn poem_failed(_failure: Failure) {
    cli::say("No poetry for you.");
}
