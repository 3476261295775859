//! Part 4 of the tutorial: the first client on a reactor, client 1.0.
//!
//! ```sh
//! cargo run --bin client-1 -- 10000 10001 10002
//! ```
//!
//! with the servers of part 2's `blocking-client`. It prints what part 2's `async-client` prints.
//!
//! What to notice: the loop has gone, and what it did for each socket that was ready is now `do_read`. The
//! reactor is not given a function but an object, a [`ReadDescriptor`]: what has to do with one connection is
//! called on one object, and can remember things there. `do_read` reads what there is and returns; if there
//! is more, it is called again. An error of it ends the connection, and an end in order counts among them.
//! From `add_reader` on the socket is the reactor's; it is closed when the reactor has let go of it.
//!
//! It is low-level work, to see what stands under the other clients. One server that refuses costs all
//! poems, and one that sends nothing keeps the program waiting: the exercises mend that, in
//! `client-1-refused` and `client-1-timeout`. And it assumes that the reactor has nothing else to do: it
//! stops it when there is no reader left.

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

/// Gets poems from poetry servers, all at once, with sockets of its own on a reactor.
#[derive(Parser)]
#[command(name = "client-1", version)]
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

// ANCHOR: read
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
// ANCHOR_END: read

impl Descriptor for PoetrySocket {
    // ANCHOR: lost
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
    // ANCHOR_END: lost

    fn log_prefix(&self) -> String {
        format!("the socket of task {}", self.task)
    }
}
