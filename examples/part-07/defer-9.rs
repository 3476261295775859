//! Part 7 of the tutorial: what is to be done in either case stands in one place.
//!
//! ```sh
//! cargo run --bin defer-9
//! ```
//!
//! It prints the poem, and ends, as `defer-8` does.
//!
//! What to notice: `poem_done` is added once, for both lines, behind the pair. Whichever of the two ran, and
//! whatever came of it, `poem_done` is next, as what follows a `match` follows each of its arms.

use std::process::ExitCode;

use clap::Parser;
use examples::{BackendOption, cli};
use protocols::deferred::{Deferred, Failure};
use protocols::reactor::Reactor;

/// Fires a Deferred when the reactor runs.
#[derive(Parser)]
#[command(name = "defer-9", version)]
struct Options {
    #[command(flatten)]
    backend: BackendOption,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = options.backend.reactor();
    let (firer, d) = Deferred::new();

    let done = reactor.clone();
    d.add_callbacks(got_poem, poem_failed)
        .add_both(move |_| poem_done(&done))
        .ignore();

    reactor.call_when_running(|_| {
        firer.callback("Another short poem.");
    });

    cli::exit_code(cli::run(&reactor), true)
}

fn got_poem(poem: &str) {
    cli::say(poem);
}

fn poem_failed(_failure: Failure) {
    cli::note("poem download failed");
    cli::note("I am terribly sorry");
    cli::note("try again later?");
}

fn poem_done(reactor: &Reactor) -> Result<(), Failure> {
    Ok(reactor.stop()?)
}
