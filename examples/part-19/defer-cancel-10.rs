//! Part 19 of the tutorial: a poem that is cancelled, and sent all the same.
//!
//! ```sh
//! cargo run --bin defer-cancel-10
//! ```
//!
//! The poem is cancelled after two seconds; "Sending poem" comes after five, and the program ends after ten.
//! `--second 0.1` is for those who cannot wait.
//!
//! What to notice: `get_poem` has no canceller. Whoever waits is told at once, but the work that they waited for
//! goes on, and its result is thrown away when it is there. (The Deferred is moved into the delayed call that
//! cancels it, and is dropped with that. Where the end of a chain goes elsewhere, `d.cancel_handle()` is what
//! cancels it.)

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use examples::{BackendOption, cli};
use protocols::deferred::{Deferred, Failure, Firer};
use protocols::reactor::Reactor;

/// Waits for a poem, but not to its end.
#[derive(Parser)]
#[command(name = "defer-cancel-10", version)]
struct Options {
    /// How long a second takes.
    #[arg(long, value_name = "SECONDS", default_value = "1")]
    #[arg(value_parser = cli::parse_delay, allow_negative_numbers = true)]
    second: Duration,

    #[command(flatten)]
    backend: BackendOption,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = options.backend.reactor();
    // Stop the reactor in ten seconds.
    reactor.call_later(10 * options.second, |reactor| reactor.stop());

    let failed = reactor.clone();
    let d = get_poem(&reactor, options.second)
        .add_callbacks(got_poem, move |err| poem_error(&failed, err));

    // Cancel after two seconds.
    reactor.call_later(2 * options.second, move |_| d.cancel());

    cli::exit_code(cli::run(&reactor), true)
}

/// Returns a poem five seconds later.
fn get_poem(reactor: &Reactor, second: Duration) -> Deferred<&'static str> {
    let (firer, d) = Deferred::new();
    reactor.call_later(5 * second, move |_| send_poem(firer));
    d
}

fn send_poem(firer: Firer<&'static str>) {
    cli::say("Sending poem");
    firer.callback("Once upon a midnight dreary");
}

fn got_poem(poem: &str) {
    cli::say(format!("I got a poem: {poem}"));
}

fn poem_error(reactor: &Reactor, err: Failure) {
    // After Ctrl-C the poem fails, which is no news.
    if reactor.is_running() {
        cli::say(format!("get_poem failed: {err}"));
    }
}
