//! Part 2 of the tutorial: a client that gets all poems at once, with a loop of its own around `select`.
//!
//! ```sh
//! cargo run --bin async-client -- 10000 10001 10002
//! ```
//!
//! with the servers of `blocking-client`. A line for each piece that comes, whichever server it is from;
//! then a line a poem. It takes as long as the slowest server does, not as long as all of them.
//!
//! What to notice: the loop in `get_poetry`. It waits in one place for all sockets together, and reads
//! only where there is something to read, only as much as there is. So it never knows which poem comes
//! next, and has to keep the beginnings of all of them. A server that sends nothing costs nothing.
//!
//! The loop mixes two things: the waiting, which is the same in all such programs, and what is done with
//! poems, which is this one's own. A reactor is the first without the second; from part 3 on there is one.
//! What there is of one here is its smallest part: the system's `select` is an unsafe function in Rust,
//! since it is told of descriptors by their bare numbers, and the reactor's backend of that name is a safe
//! cover for it. It works without a reactor.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use examples::{ServerAddress, Servers, cli, report};
use protocols::reactor::backend::{Backend, Interest, Key, Select};

/// Gets poems from poetry servers, all at once, with a loop of its own.
#[derive(Parser)]
#[command(name = "async-client", version)]
struct Options {
    #[command(flatten)]
    servers: Servers,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let started = Instant::now();
    let connected = |(task, server)| match PoetrySocket::connect(server) {
        Ok(socket) => (task, socket),
        Err(error) => cli::give_up(report::no_poem(task, server, &error.into())),
    };
    let sockets = options.servers.tasks().map(connected).collect();

    let poems = get_poetry(sockets).unwrap_or_else(|error| cli::die(error));

    for (task, poem) in &poems {
        cli::say(report::poem(*task, poem.len()));
    }
    cli::say(report::total(poems.len(), started.elapsed()));
    if poems.len() == options.servers.count() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// A connection to a server, and what has come of its poem.
struct PoetrySocket {
    server: ServerAddress,
    stream: TcpStream,
    poem: Vec<u8>,
}

impl PoetrySocket {
    /// Connects to a server, which blocks still; reading will not.
    fn connect(server: &ServerAddress) -> io::Result<Self> {
        let stream = TcpStream::connect((server.host.as_str(), server.port))?;
        stream.set_nonblocking(true)?;
        Ok(Self {
            server: server.clone(),
            stream,
            poem: Vec::new(),
        })
    }
}

/// Gets the poems of all tasks, and returns those that are whole when no more will come.
///
/// # Errors
///
/// When the system refuses to wait.
fn get_poetry(mut sockets: BTreeMap<usize, PoetrySocket>) -> io::Result<BTreeMap<usize, Vec<u8>>> {
    let mut select = Select::new();
    for (task, socket) in &sockets {
        select.register(
            socket.stream.as_fd(),
            Key::from_usize(*task),
            Interest::READ,
        )?;
    }
    let mut poems = BTreeMap::new();
    let mut ready = Vec::new();
    let mut piece = [0; 1024];

    // ANCHOR: loop
    while !sockets.is_empty() {
        // The only place where this program waits.
        ready.clear();
        select.wait(&mut ready, None)?;

        for event in &ready {
            let task = event.key.as_usize();
            let socket = sockets.get_mut(&task).expect("it is registered");

            let whole = match socket.stream.read(&mut piece) {
                Ok(0) => true,
                Ok(bytes) => {
                    cli::say(report::piece(task, bytes, &socket.server));
                    socket.poem.extend_from_slice(&piece[..bytes]);
                    continue;
                }
                // Where this happens, `select` has been wrong.
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => {
                    cli::note(report::no_poem(task, &socket.server, &error.into()));
                    false
                }
            };

            select.deregister(socket.stream.as_fd(), event.key)?;
            let socket = sockets.remove(&task).expect("it was there above");
            if whole {
                cli::say(format!("Task {task} finished"));
                poems.insert(task, socket.poem);
            }
        }
    }
    // ANCHOR_END: loop
    Ok(poems)
}
