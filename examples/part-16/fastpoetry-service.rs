//! Part 16 of the tutorial: a poetry server that runs as a service.
//!
//! ```sh
//! cargo run --bin fastpoetry-service -- --port 10000 --poem examples/poems/river.txt
//! ```
//!
//! It logs, with the time, where it listens and what it sends to whom; Ctrl-C stops it, and what it does then is
//! logged too. With `--logfile` these lines go into a file, and `kill $(cat fastpoetry.pid)` stops it from elsewhere.
//!
//! What to notice: the program is two objects and two triggers. The factory knows poetry, the port knows where,
//! and the reactor says when: *before* it shuts down the port is closed, then those clients that have not got all of
//! their poem have `--grace` seconds for the rest, and the loop goes on until that is done. A second Ctrl-C cuts
//! them off at once. *After* it nothing is left that could still send. All else is in
//! `examples/src/service/`, and serves any service: what is logged goes to one place, be it this program's lines or
//! a library's report of a failure that no one handles; and the file with the number of the process is gone when the
//! service is.
//!
//! *The tutorial's `PoetryService` is a plugin, which `twistd` finds, starts and makes a daemon of. This one stays in
//! the foreground, which is where systemd, a container or a shell's `&` want it.*

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;
use examples::service::{PidFile, log_to};
use examples::{BackendOption, PoetryServerFactory, cli, report, try_listen};
use protocols::reactor::{Reactor, Stopped, SystemEvent};

/// Serves a poem, whole and at once, until it is told to stop.
#[derive(Parser)]
#[command(name = "fastpoetry-service", version)]
struct Options {
    /// The poem, which may be any file.
    #[arg(long, value_name = "FILE")]
    poem: PathBuf,

    /// The port to listen on, or 0 for any that is free.
    #[arg(long, short, value_name = "N", default_value = "10000")]
    #[arg(value_parser = cli::parse_port, allow_negative_numbers = true)]
    port: u16,

    /// The interface to listen on, by name or address.
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    iface: String,

    /// The file to log into, instead of standard output.
    #[arg(long, value_name = "FILE")]
    logfile: Option<PathBuf>,

    /// The file with the number of the process, as long as it runs.
    #[arg(long, value_name = "FILE", default_value = "fastpoetry.pid")]
    pidfile: PathBuf,

    /// How long clients may take for the rest of their poem when the service stops.
    #[arg(long, value_name = "SECONDS", default_value = "5")]
    #[arg(value_parser = cli::parse_patience, allow_negative_numbers = true)]
    grace: Duration,

    #[command(flatten)]
    backend: BackendOption,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = options.backend.reactor();
    let poem = cli::read_poem(&options.poem);

    match serve(&reactor, poem, &options) {
        Ok(stopped) => cli::exit_code(stopped, true),
        Err(error) => cli::die(report::with_causes(&*error)),
    }
}

/// Runs the service from its first line in the log to its last.
fn serve(reactor: &Reactor, poem: Vec<u8>, options: &Options) -> Result<Stopped, Box<dyn Error>> {
    log_to(options.logfile.as_deref(), reactor)?;
    let _pid_file = PidFile::create(reactor, &options.pidfile)?;
    let bytes = poem.len();
    let factory = Rc::new(PoetryServerFactory::new(poem));
    let Options { iface, port, .. } = options;
    let port = try_listen(reactor, iface, *port, Rc::clone(&factory))?;

    let poem = options.poem.display();
    let serving = format!(
        "serving {bytes} bytes of poetry from {poem} on {}",
        port.address()
    );
    // Whoever reads that may send a signal, which is the reactor's from now on.
    reactor.call_when_running(move |_| log::info!("{serving}"));

    let (grace, closing) = (options.grace, port.clone());
    reactor.before(SystemEvent::Shutdown, move |_| {
        closing.stop_listening().add_callback(move |()| {
            log::info!(
                "the port is closed, and {} clients still read",
                factory.clients()
            );
            factory.finish_within(grace)
        })
    });
    reactor.after(SystemEvent::Shutdown, |_| {
        log::info!("the service has stopped")
    });
    Ok(reactor.run()?)
}
