//! Part 4 of the tutorial, the second exercise: client 1.0 gives up a poem that takes too long.
//!
//! ```sh
//! cargo run --bin client-1-timeout -- --timeout 8 10000 10001 10002
//! ```
//!
//! with the servers of part 2's `blocking-client`, of which the first needs ten seconds. That poem is given up
//! after eight, and the other two arrive.
//!
//! What to notice, in the difference to `client-1-refused`: each socket leaves a call with the reactor
//! when it begins, and takes it back when the connection has ended. Forgetting that would not only be
//! untidy: the call would find, eight seconds later, a poem that came long ago. `remove_reader` tells
//! nobody, since it was the program which asked for it, so the timeout tells the socket itself.
//!
//! The time runs from when the reactor does: until then `connect` blocks, and no callback can interrupt it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Parser;
use examples::{BackendOption, ServerAddress, Servers, cli, report};
use protocols::ConnectionClosed;
use protocols::deferred::Failure;
use protocols::reactor::{DelayedCall, Descriptor, Reactor, ReadDescriptor};

/// Gets poems from those poetry servers that send them in time, with sockets of its own on a reactor.
#[derive(Parser)]
#[command(name = "client-1-timeout", version)]
struct Options {
    #[command(flatten)]
    servers: Servers,

    /// How long a poem may take.
    #[arg(long, value_name = "SECONDS", default_value = "30")]
    #[arg(value_parser = cli::parse_patience, allow_negative_numbers = true)]
    timeout: Duration,

    #[command(flatten)]
    backend: BackendOption,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = options.backend.reactor();
    let started = Instant::now();

    let poems = Poems::default();
    for (task, server) in options.servers.tasks() {
        let connected = PoetrySocket::connect(&reactor, task, server, &poems, options.timeout);
        if let Err(error) = connected {
            cli::note(report::no_poem(task, server, &error.into()));
        }
    }
    if reactor.readers().is_empty() {
        // Else nobody would.
        reactor.call_when_running(Reactor::stop);
    }

    let stopped = cli::run(&reactor);

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
    timeout: RefCell<Option<DelayedCall>>,
}

impl PoetrySocket {
    /// Connects to a server, which blocks still, and gives the connection to the reactor.
    fn connect(
        reactor: &Reactor,
        task: usize,
        server: &ServerAddress,
        poems: &Poems,
        patience: Duration,
    ) -> io::Result<()> {
        let stream = TcpStream::connect((server.host.as_str(), server.port))?;
        stream.set_nonblocking(true)?;
        let socket = Rc::new(Self {
            task,
            server: server.clone(),
            stream,
            poem: RefCell::default(),
            poems: Rc::clone(poems),
            timeout: RefCell::default(),
        });
        reactor.add_reader(Rc::clone(&socket) as _)?;
        socket.start_timeout(reactor, patience);
        Ok(())
    }

    /// Has the connection ended if the poem is not whole after this time.
    fn start_timeout(self: &Rc<Self>, reactor: &Reactor, patience: Duration) {
        let socket = Rc::clone(self);
        let timeout = reactor.call_later(patience, move |reactor| {
            reactor.remove_reader(&*socket);
            socket.connection_lost(reactor, TimedOut(patience).into());
        });
        self.timeout.replace(Some(timeout));
    }
}

/// A poem was given up.
#[derive(Debug, thiserror::Error)]
#[error("the poem was not whole after {0:?}")]
struct TimedOut(Duration);

impl AsFd for PoetrySocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl ReadDescriptor for PoetrySocket {
    fn do_read(self: Rc<Self>, _reactor: &Reactor) -> Result<(), Failure> {
        let mut piece = [0; 1024];
        match (&self.stream).read(&mut piece) {
            Ok(0) => {
                cli::say(format!("Task {} finished", self.task));
                Err(ConnectionClosed::ConnectionDone.into())
            }
            Ok(bytes) => {
                cli::say(report::piece(self.task, bytes, &self.server));
                self.poem.borrow_mut().extend_from_slice(&piece[..bytes]);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
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
        if let Some(timeout) = self.timeout.take() {
            // It may be the timeout that has called this.
            let _ = timeout.cancel();
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
