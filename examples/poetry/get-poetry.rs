//! Gets poems from poetry servers, all at once, each through a Deferred of its own.
//!
//! ```sh
//! cargo run --release --bin get-poetry -- 10000 10001 localhost:10002
//! ```
//!
//! with servers such as `slowpoetry` listening there. The poems go to standard output, whole, in the
//! order in which they were complete; what is said about them goes to standard error.
//!
//! What to notice: each poem is one chain of two links. The first has a side for the poem and a side for
//! the failure, and both end in the tally, so that a server that refuses, resets the connection or
//! stays silent is a matter of its own poem only, and the others still arrive.

use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;
use examples::{ServerAddress, Tally, cli, get_poetry, report};

/// Gets poems from poetry servers, all at once.
#[derive(Parser)]
#[command(name = "get-poetry", version)]
struct Options {
    /// The servers: each a port of this machine, or a host and a port.
    #[arg(
        value_name = "[HOST:]PORT",
        required = true,
        allow_negative_numbers = true
    )]
    servers: Vec<ServerAddress>,

    /// How long a server may send nothing before it is given up.
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    #[arg(value_parser = cli::parse_patience, allow_negative_numbers = true)]
    timeout: Duration,

    /// How the reactor waits; the environment's REACTOR_BACKEND says it as well.
    #[arg(long, value_name = "NAME")]
    backend: Option<String>,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = cli::reactor(options.backend.as_deref());
    let tally = Rc::new(Tally::new(&reactor, &options.servers));

    for (index, server) in options.servers.iter().enumerate() {
        let task = index + 1;
        let (pieces, poems, failures) = (Rc::clone(&tally), Rc::clone(&tally), Rc::clone(&tally));
        get_poetry(&reactor, server, options.timeout, move |bytes, _| {
            pieces.piece(task, bytes)
        })
        .add_callbacks(
            move |poem| {
                cli::print(&poem);
                cli::note(report::poem(task, poem.len()));
                poems.got(task);
            },
            move |failure| failures.failed(task, &failure),
        )
        .ignore();
    }

    let stopped = cli::run(&reactor);
    cli::note(report::total(tally.times().len(), tally.elapsed()));
    tally.end_of_run(stopped)
}
