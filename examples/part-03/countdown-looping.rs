//! Part 3 of the tutorial, the second exercise: the countdown by a `LoopingCall`.
//!
//! ```sh
//! cargo run --bin countdown-looping
//! ```
//!
//! It prints what `countdown` prints.
//!
//! What to notice: the call for the next number is gone from `count`; the `LoopingCall` makes it, until it
//! is stopped. It also keeps better time: it counts from its start, where each call of `countdown` adds
//! its own delay to when the one before it happened to run.
//!
//! `start` gives a Deferred, which fires when the loop has been stopped. What that is good for comes in part 7;
//! here it is ignored, in so many words, as a failure in it would be reported otherwise.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use examples::{BackendOption, cli};
use protocols::deferred::Failure;
use protocols::reactor::Reactor;
use protocols::reactor::task::LoopingCall;

/// Counts down from 5 in a looping call, and stops.
#[derive(Parser)]
#[command(name = "countdown-looping", version)]
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
    let mut countdown = Countdown {
        counter: 5,
        reactor: reactor.clone(),
    };

    let looping = LoopingCall::new(&reactor, move |looping| countdown.count(looping));
    reactor.call_when_running(move |_| {
        looping.start(options.delay)?.ignore();
        Ok::<(), Failure>(())
    });

    cli::say("Start!");
    let stopped = cli::run(&reactor);
    cli::say("Stop!");

    cli::exit_code(stopped, true)
}

struct Countdown {
    counter: u32,
    reactor: Reactor,
}

impl Countdown {
    /// Says the number, or ends the loop and the reactor.
    fn count(&mut self, looping: &LoopingCall) -> Result<(), Failure> {
        if self.counter == 0 {
            looping.stop()?;
            self.reactor.stop()?;
            return Ok(());
        }
        cli::say(format!("{} ...", self.counter));
        self.counter -= 1;
        Ok(())
    }
}
