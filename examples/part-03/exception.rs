//! Part 3 of the tutorial: callbacks that fail.
//!
//! ```sh
//! cargo run --bin exception
//! ```
//!
//! ```text
//! Starting the reactor.
//! But I get up again.
//! ```
//!
//! on standard output; and between the two, on standard error, a report of each of the two failures. With
//! `RUST_BACKTRACE=1` the reports have the stack.
//!
//! What to notice: the third callback runs in spite of the other two. A Python callback fails by raising an
//! exception; in Rust there are two ways, to return an error and to panic, and the reactor treats them
//! alike: it reports the failure and goes on. So a fault that hits one client of a server leaves the others
//! alone. This is a net to fall into, and does not take the place of handling errors.

use std::process::ExitCode;

use clap::Parser;
use examples::{BackendOption, cli};
use protocols::deferred::Failure;
use protocols::reactor::{Reactor, ReactorError};

/// Falls down twice, and gets up again.
#[derive(Parser)]
#[command(name = "exception", version)]
struct Options {
    #[command(flatten)]
    backend: BackendOption,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = options.backend.reactor();

    reactor.call_when_running(fall_down);
    reactor.call_when_running(fall_flat);
    reactor.call_when_running(up_again);

    cli::say("Starting the reactor.");
    let stopped = cli::run(&reactor);

    cli::exit_code(stopped, true)
}

// ANCHOR: fail
fn fall_down(_reactor: &Reactor) -> Result<(), Failure> {
    Err(Failure::msg("I fall down."))
}

fn fall_flat(_reactor: &Reactor) {
    panic!("I fall flat on my face.");
}

fn up_again(reactor: &Reactor) -> Result<(), ReactorError> {
    cli::say("But I get up again.");
    reactor.stop()
}
// ANCHOR_END: fail
