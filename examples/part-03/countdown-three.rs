//! Part 3 of the tutorial, the first exercise: three countdowns at once.
//!
//! ```sh
//! cargo run --bin countdown-three
//! ```
//!
//! Three counters go at rates of their own, one a second, one every two seconds and one every three, and their
//! lines come as they are due. It takes fifteen seconds, which is what the slowest needs.
//!
//! What to notice: the counters know nothing of each other, and there is still only one thread. Nothing had to
//! be locked either: two callbacks never run at the same time, so that the last counter to end is surely
//! the only one which sees that it is the last.

use std::cell::Cell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;
use examples::{BackendOption, cli};
use protocols::reactor::{Reactor, ReactorError};

/// Counts down from 5 three times at once, and stops when all three are done.
#[derive(Parser)]
#[command(name = "countdown-three", version)]
struct Options {
    /// The time between two numbers of the fastest counter.
    #[arg(long, value_name = "SECONDS", default_value = "1")]
    #[arg(value_parser = cli::parse_delay, allow_negative_numbers = true)]
    delay: Duration,

    #[command(flatten)]
    backend: BackendOption,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = options.backend.reactor();
    let counting = Rc::new(Cell::new(3));

    for (name, rate) in [("first", 1), ("second", 2), ("third", 3)] {
        let countdown = Countdown {
            name,
            counter: 5,
            delay: options.delay * rate,
            counting: Rc::clone(&counting),
        };
        reactor.call_when_running(|reactor| countdown.count(reactor));
    }

    cli::say("Start!");
    let stopped = cli::run(&reactor);
    cli::say("Stop!");

    cli::exit_code(stopped, true)
}

struct Countdown {
    name: &'static str,
    counter: u32,
    delay: Duration,
    /// How many counters have not come to their end yet; they all share it.
    counting: Rc<Cell<u32>>,
}

impl Countdown {
    /// Says the number, and leaves a call for the next one.
    fn count(mut self, reactor: &Reactor) -> Result<(), ReactorError> {
        if self.counter == 0 {
            self.counting.set(self.counting.get() - 1);
            return match self.counting.get() {
                0 => reactor.stop(),
                _ => Ok(()),
            };
        }
        cli::say(format!("{}: {} ...", self.name, self.counter));
        self.counter -= 1;
        reactor.call_later(self.delay, |reactor| self.count(reactor));
        Ok(())
    }
}
