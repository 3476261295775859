//! Part 3 of the tutorial: where reports go.
//!
//! ```sh
//! cargo run --bin log
//! ```
//!
//! Lines with the time since the program began and a level, of what was logged after a logger was
//! installed: two messages, a failure that was caught, one that came down a chain to an errback, and one
//! that no one handled.
//!
//! What to notice: none of the library's reports was printed by the program. They go to the `log` crate,
//! so that a program decides by its logger what becomes of them; without a logger they go to standard
//! error, as in `exception`. The last one is the reason why that matters: there is no code that asks for it.
//!
//! *The tutorial's program logs with `twisted.python.log`. Deferreds and their errbacks come in part 7.*

use std::sync::OnceLock;
use std::time::Instant;

use clap::Parser;
use examples::cli;
use log::{LevelFilter, Log, Metadata, Record};
use protocols::deferred::{Deferred, Failure};

/// Shows what is logged, and where it goes.
#[derive(Parser)]
#[command(name = "log", version)]
struct Options {}

fn main() {
    let Options {} = cli::parse();
    log::info!("This is not logged, as there is no logger yet.");

    start_logging();

    log::info!("This is logged.");
    log::error!("This is logged as an error.");

    if let Err(failure) = bad_callback(true) {
        log::error!("The next line logs the failure that was returned.");
        log::error!("{failure:?}");
    }

    let (firer, deferred) = Deferred::new();
    deferred
        .add_callback(bad_callback)
        .add_errback(on_error)
        .ignore();
    firer.callback(true);

    let (firer, deferred) = Deferred::new();
    drop(deferred.add_callback(bad_callback));
    firer.callback(true);

    log::info!("End of example.");
}

fn bad_callback(_result: bool) -> Result<bool, Failure> {
    Err(Failure::msg("the callback is bad"))
}

fn on_error(failure: Failure) -> Result<bool, Failure> {
    log::error!("The next line logs the failure that came down the chain.");
    log::error!("{failure:?}");
    Ok(false)
}

/// Prints on standard output what is logged.
struct Logger {
    started: Instant,
}

impl Log for Logger {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let time = self.started.elapsed().as_secs_f64();
        cli::say(format!("{time:.6} [{}] {}", record.level(), record.args()));
    }

    fn flush(&self) {
        // Each line is written at once.
    }
}

fn start_logging() {
    static LOGGER: OnceLock<Logger> = OnceLock::new();
    let logger = LOGGER.get_or_init(|| Logger {
        started: Instant::now(),
    });
    log::set_logger(logger).expect("this is the only logger");
    log::set_max_level(LevelFilter::Info);
}
