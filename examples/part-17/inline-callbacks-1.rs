//! Part 17 of the tutorial: callbacks that are written as one function.
//!
//! ```sh
//! cargo run --bin inline-callbacks-1
//! ```
//!
//! Four lines, the third after five seconds and the last after five more. `--second 0.1` is for those who
//! cannot wait.
//!
//! What to notice: at each `.await` the function stands still, and the reactor runs. What would be four
//! callbacks in a chain are four pieces of one text here, with the variables of all of them in reach. A Deferred
//! that is awaited gives its result as any function does: a value, or a failure, which is an `Err` for `match`
//! or `?`. That is the errback line. In Python a generator `yield`s its Deferreds, and a decorator makes a
//! Deferred of it; here the language has `async`, and [`Reactor::spawn`] makes the Deferred.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use examples::{BackendOption, cli};
use protocols::deferred::{Deferred, Failure};
use protocols::reactor::Reactor;

/// Runs four callbacks that are one function.
#[derive(Parser)]
#[command(name = "inline-callbacks-1", version)]
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

    reactor.call_when_running(move |reactor| {
        let callbacks = my_callbacks(reactor.clone(), options.second);
        reactor.spawn(callbacks).ignore();
    });

    cli::exit_code(cli::run(&reactor), true)
}

async fn my_callbacks(reactor: Reactor, second: Duration) -> Result<(), Failure> {
    cli::say("first callback");
    let result = Deferred::succeed(1).await?; // What is there already comes right back.

    cli::say(format!("second callback got {result}"));
    let (firer, d) = Deferred::new();
    reactor.call_later(5 * second, move |_| {
        firer.callback(2);
    });
    let result = d.await?; // What is not there yet makes the function wait.

    cli::say(format!("third callback got {result}")); // The result of the Deferred.
    let (firer, d) = Deferred::<u32>::new();
    reactor.call_later(5 * second, move |_| {
        firer.errback(Failure::msg(3));
    });
    let result = d.await.map_err(|failure| failure.to_string());

    cli::say(format!("fourth callback got {result:?}")); // The failure of the Deferred.
    Ok(reactor.stop()?)
}
