//! Measures our crates beside a bare epoll loop and other tools, in one run.
//!
//! ```sh
//! cargo run --release -p benches                          # everything
//! cargo run --release -p benches -- --quick               # everything, roughly
//! cargo run --release -p benches -- ping-pong connect     # these
//! cargo run --release -p benches -- --list                # what there is
//! ```
//!
//! A [scenario](scenarios) is a question; it runs all [contenders] in turn, round after round, so that what
//! else the machine does hits all of them alike, and answers with a [table]. Those of the network have
//! each contender's program in a [process] of its own, and put it under a [load].
//! What is measured is the time that this process spent on a processor, which the load's own speed hardly changes.
//! The ratio to the bare loop of the same round is what can be compared between machines.

mod child;
mod contenders;
mod cores;
mod load;
mod machine;
mod options;
mod plot;
mod process;
mod report;
mod scenarios;
mod sockets;
mod table;
mod trial;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use options::Options;

fn main() -> ExitCode {
    let options = Options::parse();
    let done = match &options.serve {
        Some(contender) => child::run(contender, &options),
        None if options.list => list(),
        None => measure(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints what there is.
fn list() -> io::Result<()> {
    println!("Scenarios:");
    for scenario in scenarios::ALL {
        println!("  {:13} {}", scenario.name, scenario.about);
    }
    println!("\nContenders:");
    for contender in contenders::ALL {
        println!("  {:13} {}", contender.name, contender.about);
    }
    Ok(())
}

/// Runs the scenarios that were asked for, and shows or writes what came out.
fn measure(options: &Options) -> io::Result<()> {
    process::raise_descriptor_limit()?;
    contenders::report_missing(options);
    if !options.check {
        report::show_machine(options)?;
    }
    for scenario in scenarios::ALL {
        if !options.wants(scenario.name) {
            continue;
        }
        let tables = (scenario.run)(options)
            .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", scenario.name)))?;
        if options.check {
            println!("{}: every contender does it right", scenario.name);
        } else {
            report::show(scenario, &tables, options)?;
        }
    }
    Ok(())
}
