//! Part 16 of the tutorial: the fast server as a service, which runs unattended.
//!
//! ```sh
//! cargo run --bin fastpoetry-service -- --poem examples/poems/river.txt --logfile poetry.log --pidfile poetry.pid
//! ```
//!
//! It prints nothing, and writes into `poetry.log` what it does: that it loaded the poem, for each client that it
//! sends it, and how it ends. What the library logs is there too. `kill $(cat poetry.pid)` is how to end it; the pid file is gone then. Without `--logfile`
//! the lines come to standard output.
//!
//! What to notice: a service has a beginning and an end, and nothing else is asked of it. One holds the poem, and loads
//! it when it is started; one listens, and stops listening when it is stopped; a third is the two of them together.
//! What stops is stopped before the event `Shutdown`, which waits for the Deferred: no client comes in any more when
//! the connections are closed. What `twistd` does for all services in Twisted, options, log and pid file, is
//! the rest of this program.

use std::cell::{OnceCell, RefCell};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{self, ExitCode};
use std::rc::Rc;
use std::sync::OnceLock;
use std::time::SystemTime;

use clap::Parser;
use examples::{BackendOption, cli, listen};
use log::{LevelFilter, Log, Metadata, Record};
use protocols::deferred::{Deferred, DeferredList};
use protocols::reactor::{Reactor, SystemEvent};
use protocols::{Address, Factory, Port, Protocol, Transport};

/// Serves a poem, until it is told to stop.
#[derive(Parser)]
#[command(name = "fastpoetry-service", version)]
struct Options {
    /// The file with the poem.
    #[arg(long, value_name = "POEM-FILE")]
    poem: PathBuf,

    /// The port to listen on, or 0 for any that is free.
    #[arg(short, long, value_name = "N", default_value = "10000")]
    #[arg(value_parser = cli::parse_port, allow_negative_numbers = true)]
    port: u16,

    /// The interface to listen on, by name or address.
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    iface: String,

    /// The file to log to, rather than to standard output; lines are added at its end.
    #[arg(long, value_name = "FILE")]
    logfile: Option<PathBuf>,

    /// The file that holds the number of this process while it runs.
    #[arg(long, value_name = "FILE")]
    pidfile: Option<PathBuf>,

    #[command(flatten)]
    backend: BackendOption,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = options.backend.reactor();
    start_logging(options.logfile.as_deref());

    let top_service = make_service(&options);
    top_service.start_service(&reactor);
    let pid_file = options.pidfile.map(PidFile::create);
    reactor.before(SystemEvent::Shutdown, move |_| top_service.stop_service());

    let stopped = cli::run(&reactor);

    drop(pid_file);
    log::info!("server shut down");
    cli::exit_code(stopped, true)
}

/// The service that consists of all the others.
fn make_service(options: &Options) -> MultiService {
    let poetry_service = Rc::new(PoetryService {
        poem_file: options.poem.clone(),
        poem: OnceCell::new(),
    });
    let factory = Rc::new(PoetryFactory {
        service: Rc::clone(&poetry_service),
    });
    let tcp_service = Rc::new(TcpService {
        iface: options.iface.clone(),
        port: options.port,
        factory,
        listening: RefCell::default(),
    });
    MultiService {
        services: vec![poetry_service, tcp_service],
    }
}

/// Something that a program does from when it is started to when it is stopped.
trait Service {
    /// Begins, or ends the program.
    fn start_service(&self, reactor: &Reactor);

    /// Ends; the Deferred fires when it has.
    fn stop_service(&self) -> Deferred<()> {
        Deferred::succeed(())
    }
}

/// Holds the poem.
struct PoetryService {
    poem_file: PathBuf,
    /// Loaded when the service is started.
    poem: OnceCell<Vec<u8>>,
}

impl PoetryService {
    fn poem(&self) -> &[u8] {
        self.poem.get().map_or(b"", |poem| poem)
    }
}

impl Service for PoetryService {
    fn start_service(&self, _reactor: &Reactor) {
        self.poem.get_or_init(|| cli::read_poem(&self.poem_file));
        log::info!("loaded a poem from: {}", self.poem_file.display());
    }
}

/// Listens for clients.
struct TcpService {
    iface: String,
    port: u16,
    factory: Rc<PoetryFactory>,
    /// While it listens.
    listening: RefCell<Option<Port>>,
}

impl Service for TcpService {
    fn start_service(&self, reactor: &Reactor) {
        let port = listen(reactor, &self.iface, self.port, Rc::clone(&self.factory));
        *self.listening.borrow_mut() = Some(port);
    }

    fn stop_service(&self) -> Deferred<()> {
        match self.listening.take() {
            Some(port) => port.stop_listening(),
            None => Deferred::succeed(()),
        }
    }
}

/// Several services, which are started in their order, and stopped the other way round.
struct MultiService {
    services: Vec<Rc<dyn Service>>,
}

impl Service for MultiService {
    fn start_service(&self, reactor: &Reactor) {
        for service in &self.services {
            service.start_service(reactor);
        }
    }

    fn stop_service(&self) -> Deferred<()> {
        let stopped = self.services.iter().rev().map(|it| it.stop_service());
        DeferredList::new(stopped).values().map(|_| ())
    }
}

/// Sends the poem to one client.
struct PoetryProtocol {
    service: Rc<PoetryService>,
}

impl Protocol for PoetryProtocol {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        let poem = self.service.poem();
        let (length, peer) = (poem.len(), transport.peer());
        log::info!("sending {length} bytes of poetry to {peer}");
        transport.write(poem);
        transport.lose_connection();
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {
        // A poetry server does not take requests.
    }
}

/// Makes the protocol for each client.
struct PoetryFactory {
    service: Rc<PoetryService>,
}

impl Factory for PoetryFactory {
    type Protocol = PoetryProtocol;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<PoetryProtocol> {
        Some(PoetryProtocol {
            service: Rc::clone(&self.service),
        })
    }
}

/// Writes what is logged, a line at a time, each with the time in seconds since 1970, for `date -d @…`.
struct Logger {
    /// The log file, if it is not standard output.
    file: Option<File>,
}

impl Log for Logger {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &Record<'_>) {
        let time = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let time = time.as_secs_f64();
        let line = format!("{time:.6} [{}] {}", record.level(), record.args());
        match &self.file {
            // There is nowhere to tell of a full disk.
            Some(file) => drop({ file }.write_all(format!("{line}\n").as_bytes())),
            None => cli::say(line),
        }
    }

    fn flush(&self) {
        // Each line is written at once.
    }
}

fn start_logging(path: Option<&Path>) {
    static LOGGER: OnceLock<Logger> = OnceLock::new();
    let open = |path| {
        let opened = File::options().append(true).create(true).open(path);
        opened.unwrap_or_else(|error| {
            cli::die(format!(
                "cannot log to {path:?}: {error}; a log is a file that you may write"
            ))
        })
    };
    let logger = LOGGER.get_or_init(|| Logger {
        file: path.map(open),
    });
    log::set_logger(logger).expect("this is the only logger");
    log::set_max_level(LevelFilter::Info);
}

/// The file that holds the number of this process; dropping it removes the file.
struct PidFile {
    path: PathBuf,
}

impl PidFile {
    /// Writes the file, which must not be there yet; or ends the program.
    fn create(path: PathBuf) -> Self {
        let write = || -> io::Result<()> {
            let mut file = File::create_new(&path)?;
            writeln!(file, "{}", process::id())
        };
        write().unwrap_or_else(|error| {
            cli::die(format!(
                "cannot write {path:?}: {error}; a pid file is there while a service runs, and only then"
            ))
        });
        Self { path }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        // Whoever has removed it already has done what is to be done.
        let _ = fs::remove_file(&self.path);
    }
}
