//! Part 3 of the tutorial: who calls a callback.
//!
//! ```sh
//! cargo run --bin stack
//! ```
//!
//! The functions that are under way while the callback runs, the outermost first, each with the place in it
//! where it has called the next one. Ctrl-C ends the program.
//!
//! What to notice: `main` stands at the top, then `Reactor::run`, where this program has handed its thread
//! over, then the reactor's own functions, and at the bottom `print_stack` again, which is ours. The loop
//! stands still while that runs, and goes on when it returns. That is all there is to it: one thread, which
//! is either in the loop or in one callback.

use std::process::ExitCode;

use clap::Parser;
use examples::{BackendOption, cli, stack};
use protocols::reactor::Reactor;

/// Prints the stack of a callback, and goes on waiting; Ctrl-C ends it.
#[derive(Parser)]
#[command(name = "stack", version)]
struct Options {
    #[command(flatten)]
    backend: BackendOption,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = options.backend.reactor();

    reactor.call_when_running(print_stack);

    let stopped = cli::run(&reactor);

    cli::exit_code(stopped, true)
}

fn print_stack(_reactor: &Reactor) {
    cli::say("The stack:");
    cli::say(stack());
}
