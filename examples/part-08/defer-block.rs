//! Part 8 of the tutorial: a callback that blocks.
//!
//! ```sh
//! cargo run --bin defer-block
//! ```
//!
//! A verse comes slowly, word by word, between the line that says that the Deferred is being fired and the line
//! that says that this is done.
//!
//! What to notice: `firer.callback` does not return before the last word. A Deferred calls the callbacks, and
//! that is all; it makes none of them wait less. What a callback blocks, it blocks for everybody: the
//! chain, whoever has fired it, and in a program with a reactor all other connections.

use std::thread;
use std::time::Duration;

use clap::Parser;
use examples::cli;
use protocols::deferred::Deferred;

/// Fires a Deferred with a callback that blocks.
#[derive(Parser)]
#[command(name = "defer-block", version)]
struct Options {
    /// The time before each word.
    #[arg(long, value_name = "SECONDS", default_value = "0.5")]
    #[arg(value_parser = cli::parse_delay, allow_negative_numbers = true)]
    delay: Duration,
}

const VERSE: &str = "\
I sleep, and while I sleep the chain
stands still, the loop stands still,
and not a single drop of rain
is heard by anyone, until
I wake.
";

fn main() {
    let Options { delay } = cli::parse();
    let (firer, d) = Deferred::new();

    d.add_callback(start_chain)
        .add_callback(move |()| blocking_poem(delay))
        .add_callback(end_chain)
        .ignore();

    cli::say("Firing deferred.");
    firer.callback(true);
    cli::say("Firing finished.");
}

fn start_chain(_: bool) {
    cli::say("The start of the callback chain.");
}

fn blocking_poem(delay: Duration) {
    for word in VERSE.split_inclusive(char::is_whitespace) {
        thread::sleep(delay);
        cli::print(word.as_bytes());
    }
}

fn end_chain((): ()) {
    cli::say("The end of the callback chain.");
}
