//! Part 3 of the tutorial: the smallest program again, with a loop that waits in another way.
//!
//! ```sh
//! cargo run --bin simple-poll
//! ```
//!
//! Nothing happens in the same manner, until Ctrl-C ends it. `strace` shows the one difference: the
//! thread stands in the system call `poll`, which is `ppoll` on Linux.
//!
//! What to notice: which call it is matters to the reactor's backend only. A program chooses one where it
//! makes the reactor, and all that is written above it stays as it is; so all other programs leave the
//! choice to whoever starts them, by `--backend poll` or by the environment's `REACTOR_BACKEND`.

use std::process::ExitCode;

use clap::Parser;
use examples::{cli, report};
use protocols::reactor::Reactor;
use protocols::reactor::backend::Poll;

/// Runs a loop that has nothing to do, and waits with `poll`; Ctrl-C ends it.
#[derive(Parser)]
#[command(name = "simple-poll", version)]
struct Options {}

fn main() -> ExitCode {
    let Options {} = cli::parse();
    let reactor = Reactor::with_backend(Box::new(Poll::new()))
        .unwrap_or_else(|error| cli::die(report::with_causes(&error)));

    let stopped = cli::run(&reactor);

    cli::exit_code(stopped, true)
}
