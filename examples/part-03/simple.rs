//! Part 3 of the tutorial: the smallest program with a reactor.
//!
//! ```sh
//! cargo run --bin simple
//! ```
//!
//! Nothing happens, and the prompt does not come back, until Ctrl-C ends it.
//!
//! What to notice: the loop begins when it is told to, and then it has the thread: `run` does not return.
//! It waits for something to happen, and as nothing was left with it that could, it waits for ever. It
//! does not look around meanwhile: `top` shows that it uses no processor at all.
//!
//! The tutorial's reactor is one for the whole program, made by being imported. This one is a value: the
//! program makes it, hands it to those who need it, and could make a second one.

use std::process::ExitCode;

use clap::Parser;
use examples::{BackendOption, cli};

/// Runs a loop that has nothing to do; Ctrl-C ends it.
#[derive(Parser)]
#[command(name = "simple", version)]
struct Options {
    #[command(flatten)]
    backend: BackendOption,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = options.backend.reactor();

    let stopped = cli::run(&reactor);

    cli::exit_code(stopped, true)
}
