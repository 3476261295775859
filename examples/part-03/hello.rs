//! Part 3 of the tutorial: the first callback.
//!
//! ```sh
//! cargo run --bin hello
//! ```
//!
//! ```text
//! Starting the reactor.
//! Hello from the reactor loop!
//! Lately I feel like I'm stuck in a rut.
//! ```
//!
//! After that it waits for ever; Ctrl-C ends it.
//!
//! What to notice: nothing in this file calls `hello`. The program leaves it with the reactor before the
//! loop runs, and the loop calls it when it does. A *callback* is no more than that: a function which is
//! given away, to be called when it is time.

use std::process::ExitCode;

use clap::Parser;
use examples::{BackendOption, cli};
use protocols::reactor::Reactor;

/// Says hello from inside the loop, and goes on waiting; Ctrl-C ends it.
#[derive(Parser)]
#[command(name = "hello", version)]
struct Options {
    #[command(flatten)]
    backend: BackendOption,
}

// ANCHOR: hello
fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = options.backend.reactor();

    reactor.call_when_running(hello);

    cli::say("Starting the reactor.");
    let stopped = cli::run(&reactor);

    cli::exit_code(stopped, true)
}

fn hello(_reactor: &Reactor) {
    cli::say("Hello from the reactor loop!");
    cli::say("Lately I feel like I'm stuck in a rut.");
}
// ANCHOR_END: hello
