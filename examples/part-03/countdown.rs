//! Part 3 of the tutorial: a callback that comes later, and a program that ends by itself.
//!
//! ```sh
//! cargo run --bin countdown
//! ```
//!
//! ```text
//! Start!
//! 5 ...
//! 4 ...
//! 3 ...
//! 2 ...
//! 1 ...
//! Stop!
//! ```
//!
//! with a second after each number.
//!
//! What to notice: `count` never waits. It prints a number, leaves a call for the next one with the reactor,
//! and returns; the loop waits, until the call is due or something else happens. What a blocking program
//! keeps in a local variable of its loop is therefore in an object here, which each call hands on to the
//! next. `stop` ends the loop, and only then does `run` return.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use examples::{BackendOption, cli};
use protocols::reactor::{Reactor, ReactorError};

/// Counts down from 5, and stops.
#[derive(Parser)]
#[command(name = "countdown", version)]
struct Options {
    /// The time between two numbers.
    #[arg(long, value_name = "SECONDS", default_value = "1")]
    #[arg(value_parser = cli::parse_delay, allow_negative_numbers = true)]
    delay: Duration,

    #[command(flatten)]
    backend: BackendOption,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = options.backend.reactor();
    let countdown = Countdown {
        counter: 5,
        delay: options.delay,
    };

    reactor.call_when_running(|reactor| countdown.count(reactor));

    cli::say("Start!");
    let stopped = cli::run(&reactor);
    cli::say("Stop!");

    cli::exit_code(stopped, true)
}

struct Countdown {
    counter: u32,
    delay: Duration,
}

// ANCHOR: count
impl Countdown {
    /// Says the number, and leaves a call for the next one.
    fn count(mut self, reactor: &Reactor) -> Result<(), ReactorError> {
        if self.counter == 0 {
            return reactor.stop();
        }
        cli::say(format!("{} ...", self.counter));
        self.counter -= 1;
        reactor.call_later(self.delay, |reactor| self.count(reactor));
        Ok(())
    }
}
// ANCHOR_END: count
