//! Part 17 of the tutorial: callbacks that are one function are a Deferred to everybody else.
//!
//! ```sh
//! cargo run --bin inline-callbacks-2
//! ```
//!
//! Two functions take turns. The first ends after four seconds with a result, the second after six with an
//! error. `--second 0.1` is for those who cannot wait.
//!
//! What to notice: both run at the same time, in one thread, as each lets the reactor go on while it waits.
//! Whoever spawned them has a Deferred for each, and adds to it what one adds to any. What the function
//! returns is what that fires with: an error that leaves it by `?` or `return Err` is a failure on its chain.

use std::cell::Cell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;
use examples::{BackendOption, cli};
use protocols::deferred::Failure;
use protocols::reactor::Reactor;

/// Runs two functions that wait, at the same time.
#[derive(Parser)]
#[command(name = "inline-callbacks-2", version)]
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

    reactor.call_when_running(move |reactor| run_callbacks(reactor, options.second));

    cli::exit_code(cli::run(&reactor), true)
}

fn run_callbacks(reactor: &Reactor, second: Duration) {
    let main = Rc::new(Main {
        reactor: reactor.clone(),
        count: Cell::new(0),
    });
    let d1 = reactor.spawn(my_callbacks_1(reactor.clone(), second));
    let d2 = reactor.spawn(my_callbacks_err(reactor.clone(), second));

    for d in [d1, d2] {
        let (failed, finished) = (Rc::clone(&main), Rc::clone(&main));
        d.add_callbacks(got_result, move |failure| failed.got_error(failure))
            .add_both(move |_| finished.callbacks_finished())
            .ignore();
    }
}

async fn my_callbacks_1(reactor: Reactor, second: Duration) -> Result<u32, Failure> {
    cli::say("my_callbacks_1 first callback");
    reactor.sleep(2 * second).await?;

    cli::say("my_callbacks_1 second callback");
    reactor.sleep(2 * second).await?;

    cli::say("my_callbacks_1 third callback");
    Ok(1)
}

async fn my_callbacks_err(reactor: Reactor, second: Duration) -> Result<u32, Failure> {
    cli::say("my_callbacks_err first callback");
    reactor.sleep(3 * second).await?;

    cli::say("my_callbacks_err second callback");
    reactor.sleep(3 * second).await?;

    cli::say("my_callbacks_err third callback");
    Err(Failure::msg("uh oh"))
}

fn got_result(res: u32) {
    cli::say(format!("got result: {res}"));
}

/// What the two have in common.
struct Main {
    reactor: Reactor,
    /// How many have finished.
    count: Cell<u32>,
}

impl Main {
    fn got_error(&self, failure: Failure) {
        // After Ctrl-C whatever waits fails, which is no news.
        if self.reactor.is_running() {
            cli::say(format!("got error: {failure}"));
        }
    }

    fn callbacks_finished(&self) {
        self.count.set(self.count.get() + 1);
        if self.count.get() == 2 && self.reactor.stop().is_ok() {
            cli::say("all done");
        }
    }
}
