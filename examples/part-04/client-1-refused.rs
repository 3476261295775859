//! Part 4 of the tutorial, the first exercise: client 1.0 survives a server that is not there.
//!
//! ```sh
//! cargo run --bin client-1-refused -- 10000 10009 10002
//! ```
//!
//! with servers at two of these ports. It says why there is no poem from the third, and gets the others.
//!
//! What to notice, in the difference to `client-1`: the error was an end of the program, and is now a line
//! on standard error. And one more thing has to be thought of: if no server at all was there, no connection
//! is ever lost, so nothing would stop the loop, and it would wait for ever.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Instant;

use clap::Parser;
use examples::{BackendOption, ServerAddress, Servers, cli, report};
use protocols::ConnectionClosed;
use protocols::deferred::Failure;
use protocols::reactor::{Descriptor, Reactor, ReadDescriptor};

/// Gets poems from those poetry servers that can be reached, with sockets of its own on a reactor.
#[derive(Parser)]
#[command(name = "client-1-refused", version)]
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
        stream.set_nonblocking(true)?;
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
        if reactor.readers().is_empty() {
            // After Ctrl-C it is stopping already.
            let _ = reactor.stop();
        }
    }

    fn log_prefix(&self) -> String {
        format!("the socket of task {}", self.task)
    }
}
