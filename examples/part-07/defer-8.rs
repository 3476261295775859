//! Part 7 of the tutorial: a Deferred that is fired by the reactor.
//!
//! ```sh
//! cargo run --bin defer-8
//! ```
//!
//! It prints the poem, and ends.
//!
//! What to notice: `main` adds the links and gives the firer away; from there on the chain waits, until the
//! reactor, which knows nothing of chains, runs the closure that fires it. Both functions end by stopping the
//! reactor; `defer-9` says it once.

use std::process::ExitCode;

use clap::Parser;
use examples::{BackendOption, cli};
use protocols::deferred::{Deferred, Failure};
use protocols::reactor::Reactor;

/// Fires a Deferred when the reactor runs.
#[derive(Parser)]
#[command(name = "defer-8", version)]
struct Options {
    #[command(flatten)]
    backend: BackendOption,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = options.backend.reactor();
    let (firer, d) = Deferred::new();

    let (got, failed) = (reactor.clone(), reactor.clone());
    d.add_callbacks(
        move |poem| got_poem(&got, poem),
        move |failure| poem_failed(&failed, failure),
    )
    .ignore();

    reactor.call_when_running(|_| {
        firer.callback("Another short poem.");
    });

    cli::exit_code(cli::run(&reactor), true)
}

fn got_poem(reactor: &Reactor, poem: &str) -> Result<(), Failure> {
    cli::say(poem);
    Ok(reactor.stop()?)
}

fn poem_failed(reactor: &Reactor, _failure: Failure) -> Result<(), Failure> {
    cli::note("poem download failed");
    cli::note("I am terribly sorry");
    cli::note("try again later?");
    Ok(reactor.stop()?)
}
