//! The clients of parts 2 and 4 against the same slow servers: the tutorial's figures 1, 3 and 4, from real
//! runs.

use std::cell::RefCell;
use std::env;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::rc::Rc;
use std::time::Duration;

use clap::Args;
use examples::{BackendOption, ServerAddress, cli};
use protocols::deferred::Failure;
use protocols::reactor::Reactor;
use protocols::reactor::task::{Exit, react_with};

use crate::server::SlowPoetryFactory;
use crate::timeline::{self, Piece, Timeline};
use crate::{POEMS, listen, svg};

/// The options of the race.
#[derive(Args)]
pub(crate) struct RaceOptions {
    /// A file to draw the timelines into as well, in the format SVG.
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,

    /// The time between two pieces.
    #[arg(long, value_name = "SECONDS", default_value = "0.02")]
    #[arg(value_parser = cli::parse_delay, allow_negative_numbers = true)]
    delay: Duration,

    #[command(flatten)]
    backend: BackendOption,
}

/// The one that blocks, the one with a loop of its own, and the one on a reactor.
const CLIENTS: [&str; 3] = ["blocking-client", "async-client", "client-1"];

/// How much of each poem is sent at a time, as in the tutorial.
const NUM_BYTES: [usize; 3] = [30, 10, 10];

/// Runs the clients, one after the other, and draws what was sent to them when.
pub(crate) fn race(options: RaceOptions) -> ExitCode {
    let reactor = options.backend.reactor();
    let clients = CLIENTS.map(program);
    let mut svg = options.svg.map(|path| open(&path));
    let sent = Rc::new(Sent {
        reactor: reactor.clone(),
        pieces: RefCell::default(),
    });
    let servers = serve(&reactor, options.delay, &sent);

    react_with(&reactor, |reactor| {
        let reactor = reactor.clone();
        reactor.clone().spawn(async move {
            // The loop runs when this is over: a signal before that would end this program, but not its client.
            reactor.sleep(Duration::ZERO).await?;
            let mut timelines = Vec::new();
            for (name, path) in CLIENTS.into_iter().zip(clients) {
                cli::say(format!("Running {name} ..."));
                let began = reactor.now();
                run(&reactor, &path, &servers).await?;
                timelines.push(Timeline {
                    name,
                    took: reactor.now() - began,
                    pieces: sent.take_since(began),
                });
            }
            cli::say("What the servers sent to each client, and when:");
            cli::print(timeline::text(&timelines).as_bytes());
            if let Some(file) = &mut svg {
                write(file, &svg::svg(&timelines))?;
            }
            Ok(())
        })
    })
}

/// What the servers have sent.
struct Sent {
    reactor: Reactor,
    pieces: RefCell<Vec<Piece>>,
}

impl Sent {
    fn note(&self, task: usize) {
        let at = self.reactor.now();
        self.pieces.borrow_mut().push(Piece { at, task });
    }

    /// Takes all pieces, with their times from `began` on.
    fn take_since(&self, began: Duration) -> Vec<Piece> {
        let mut pieces = self.pieces.take();
        for piece in &mut pieces {
            piece.at -= began;
        }
        pieces
    }
}

/// Starts a server a poem, each of which notes what it sends.
fn serve(reactor: &Reactor, delay: Duration, sent: &Rc<Sent>) -> Vec<ServerAddress> {
    let serve = |(task, ((_, poem), num_bytes)): (usize, ((_, &[u8]), _))| {
        let sent = Rc::clone(sent);
        let factory = SlowPoetryFactory {
            reactor: reactor.clone(),
            poem: poem.to_vec(),
            num_bytes,
            delay,
            sent: Box::new(move || sent.note(task)),
        };
        listen(reactor, factory)
    };
    (1..)
        .zip(POEMS.into_iter().zip(NUM_BYTES))
        .map(serve)
        .collect()
}

/// Runs a client to its end.
async fn run(reactor: &Reactor, path: &Path, servers: &[ServerAddress]) -> Result<(), Failure> {
    let mut command = Command::new(path);
    command
        .args(servers.iter().map(ToString::to_string))
        .env("REACTOR_BACKEND", reactor.backend_name())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut client = Running(command.spawn()?);
    let output = client.0.stdout.take().expect("it was piped");
    let output = Rc::new(File::from(OwnedFd::from(output)));

    // The end of its output is its end, and meanwhile it must not have to wait for a reader.
    loop {
        reactor.readable(Rc::clone(&output)).await?;
        if (&*output).read(&mut [0; 1024])? == 0 {
            break;
        }
    }
    if client.0.wait()?.success() {
        Ok(())
    } else {
        // It has told why.
        Err(Exit(1).into())
    }
}

/// A client that runs, and does not outlive the race.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Both fail only for a program that has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Where another program of this package is: beside this one.
fn program(name: &str) -> PathBuf {
    let path = env::current_exe()
        .unwrap_or_else(|error| cli::die(format!("cannot find the programs: {error}")))
        .with_file_name(format!("{name}{}", env::consts::EXE_SUFFIX));
    if !path.exists() {
        cli::die(format!(
            "there is no {path:?}; `cargo build` builds all programs, with --release if this one is"
        ));
    }
    path
}

/// Opens a file to be written when the race is over; what is in it stays until then.
fn open(path: &Path) -> File {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .unwrap_or_else(|error| {
            cli::die(format!(
                "cannot write {path:?}: {error}; --svg is a file in a folder that there is"
            ))
        })
}

fn write(file: &mut File, drawing: &str) -> io::Result<()> {
    file.set_len(0)?;
    file.write_all(drawing.as_bytes())
}
