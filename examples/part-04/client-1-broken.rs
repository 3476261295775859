//! Part 4 of the tutorial: client 1.0 with a callback that blocks.
//!
//! ```sh
//! cargo run --bin client-1-broken -- 10000 10001 10002
//! ```
//!
//! with the servers of part 2's `blocking-client`. It gets all the poems, but one after the other:
//!
//! ```text
//! Task 1: got 3003 bytes of poetry from 127.0.0.1:10000
//! do_read of the socket of task 1 held up the loop for 10.098173s
//! ```
//!
//! What to notice, in the difference to `client-1`: the socket is left blocking, and `do_read` reads until
//! the end. No one can stop it; a loop whose callbacks block is no loop any more, and all else that the
//! program has to do waits. That goes for Ctrl-C too, which is an event like any other to a reactor; this
//! one therefore runs without minding the signals, so that they end the program at once.
//!
//! Callbacks that take too long are found by having them watched, which is the line with
//! `watch_callbacks`. The whole takes no longer than with `client-1`, but that is luck: all servers were
//! asked at the start, and while the first poem is read, the system takes in the others, as much as it has
//! room for. Poems too long for that would come one after the other, as with `blocking-client`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, Read};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Parser;
use examples::{BackendOption, ServerAddress, Servers, cli, report};
use protocols::ConnectionClosed;
use protocols::deferred::Failure;
use protocols::reactor::{Descriptor, Reactor, ReadDescriptor};

/// Gets poems from poetry servers on a reactor, and blocks in its callback.
#[derive(Parser)]
#[command(name = "client-1-broken", version)]
struct Options {
    #[command(flatten)]
    servers: Servers,

    #[command(flatten)]
    backend: BackendOption,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = options.backend.reactor();
    let started = Instant::now();

    let poems = Poems::default();
    for (task, server) in options.servers.tasks() {
        if let Err(error) = PoetrySocket::connect(&reactor, task, server, &poems) {
            cli::give_up(report::no_poem(task, server, &error.into()));
        }
    }

    reactor.watch_callbacks(Duration::from_millis(50), |slow| cli::say(slow));
    let stopped = reactor
        .run_without_signals()
        .unwrap_or_else(|error| cli::die(report::with_causes(&error)));

    let poems = poems.borrow();
    for (task, poem) in &*poems {
        cli::say(report::poem(*task, poem.len()));
    }
    cli::say(report::total(poems.len(), started.elapsed()));
    cli::exit_code(stopped, poems.len() == options.servers.count())
}

/// The poems that are whole, by their tasks.
type Poems = Rc<RefCell<BTreeMap<usize, Vec<u8>>>>;

/// A connection to a server, and what has come of its poem.
struct PoetrySocket {
    task: usize,
    server: ServerAddress,
    stream: TcpStream,
    poem: RefCell<Vec<u8>>,
    poems: Poems,
}

impl PoetrySocket {
    /// Connects to a server, which blocks still, and gives the connection to the reactor.
    fn connect(
        reactor: &Reactor,
        task: usize,
        server: &ServerAddress,
        poems: &Poems,
    ) -> io::Result<()> {
        let stream = TcpStream::connect((server.host.as_str(), server.port))?;
        // Here `client-1` has `stream.set_nonblocking(true)?`.
        let socket = Rc::new(Self {
            task,
            server: server.clone(),
            stream,
            poem: RefCell::default(),
            poems: Rc::clone(poems),
        });
        reactor.add_reader(socket)
    }
}

impl AsFd for PoetrySocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl ReadDescriptor for PoetrySocket {
    fn do_read(self: Rc<Self>, _reactor: &Reactor) -> Result<(), Failure> {
        // It should read what there is, and return; instead it waits for the end of the poem.
        let mut poem = Vec::new();
        match (&self.stream).read_to_end(&mut poem) {
            Ok(bytes) => {
                cli::say(report::piece(self.task, bytes, &self.server));
                self.poem.replace(poem);
                Err(ConnectionClosed::ConnectionDone.into())
            }
            Err(error) => Err(ConnectionClosed::ConnectionLost(error).into()),
        }
    }
}

impl Descriptor for PoetrySocket {
    /// Called when the reactor has let go of this socket, which is closed when this returns.
    fn connection_lost(self: Rc<Self>, reactor: &Reactor, reason: Failure) {
        match reason.check::<ConnectionClosed>() {
            Some(closed) if closed.is_clean() => {
                let poem = self.poem.take();
                self.poems.borrow_mut().insert(self.task, poem);
            }
            _ => cli::note(report::no_poem(self.task, &self.server, &reason)),
        }
        if reactor.readers().is_empty() {
            // After Ctrl-C it is stopping already.
            let _ = reactor.stop();
        }
    }

    fn log_prefix(&self) -> String {
        format!("the socket of task {}", self.task)
    }
}
