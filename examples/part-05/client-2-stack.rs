//! Part 5 of the tutorial: who calls a protocol.
//!
//! ```sh
//! cargo run --bin client-2-stack -- 10000
//! cargo run --bin client-2-stack -- 10000 --connection-lost
//! ```
//!
//! with a server such as part 2's `slowpoetry`. It prints the functions that are under way when the first data
//! has come, the outermost first, and ends. With the option, it does so when the first connection has ended,
//! which is the tutorial's second exercise.
//!
//! What to notice: there is `do_read` again, which was a method of `client-1`'s own. What is built on top does
//! not go round what is below: a transport is a [`ReadDescriptor`](protocols::reactor::ReadDescriptor), and its
//! `do_read` reads from the socket and calls `data_received`.
//!
//! `connection_lost` is called by way of `do_read` as well, as it is a read which finds out that there is no
//! more; but from outside of it: `do_read` has returned the reason to the reactor, which has let go of the
//! descriptor before it tells anyone.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::mem;
use std::process::{self, ExitCode};
use std::rc::Rc;
use std::time::Instant;

use clap::Parser;
use examples::{BackendOption, Servers, cli, report, stack};
use protocols::deferred::Failure;
use protocols::reactor::Reactor;
use protocols::{
    Address, ClientFactory, ConnectionClosed, Connector, Factory, Protocol, ReactorTcp, Transport,
};

/// Gets poems from poetry servers until one of them sends something, and prints who has called whom then.
#[derive(Parser)]
#[command(name = "client-2-stack", version)]
struct Options {
    #[command(flatten)]
    servers: Servers,

    /// Print the stack when the first connection has ended, instead of when the first data has come.
    #[arg(long)]
    connection_lost: bool,

    #[command(flatten)]
    backend: BackendOption,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = options.backend.reactor();
    let started = Instant::now();

    let poetry_count = options.servers.count();
    let factory = Rc::new(PoetryClientFactory::new(
        &reactor,
        poetry_count,
        options.connection_lost,
    ));
    for (_, server) in options.servers.tasks() {
        reactor.connect_tcp(&server.host, server.port, Rc::clone(&factory));
    }

    let stopped = cli::run(&reactor);

    let poems = factory.poems.borrow().len();
    cli::say(report::total(poems, started.elapsed()));
    cli::exit_code(stopped, poems == poetry_count)
}

/// Prints the stack, and ends the program there and then.
fn print_stack() -> ! {
    cli::say(stack());
    process::exit(0)
}

/// Collects one poem, which ends when its connection does.
struct PoetryProtocol {
    factory: Rc<PoetryClientFactory>,
    task: usize,
    server: Address,
    poem: Vec<u8>,
}

impl Protocol for PoetryProtocol {
    fn data_received(&mut self, _transport: &Rc<dyn Transport>, data: &[u8]) {
        self.poem.extend_from_slice(data);
        if !self.factory.connection_lost {
            print_stack();
        }
    }

    fn connection_lost(&mut self, reason: Failure) {
        if self.factory.connection_lost {
            print_stack();
        }
        match reason.check::<ConnectionClosed>() {
            Some(closed) if closed.is_clean() => self.poem_received(),
            _ => {
                cli::note(report::no_poem(self.task, &self.server, &reason));
                self.factory.poem_finished();
            }
        }
    }
}

impl PoetryProtocol {
    fn poem_received(&mut self) {
        let poem = mem::take(&mut self.poem);
        self.factory.poems.borrow_mut().insert(self.task, poem);
        self.factory.poem_finished();
    }
}

/// Makes a protocol for each connection, and keeps the poems.
struct PoetryClientFactory {
    reactor: Reactor,
    /// How many poems are still to come.
    poetry_count: Cell<usize>,
    /// Which of the two callbacks prints its stack.
    connection_lost: bool,
    /// The number of the next task.
    task: Cell<usize>,
    /// The poems that are whole, by their tasks.
    poems: RefCell<BTreeMap<usize, Vec<u8>>>,
}

impl PoetryClientFactory {
    fn new(reactor: &Reactor, poetry_count: usize, connection_lost: bool) -> Self {
        Self {
            reactor: reactor.clone(),
            poetry_count: Cell::new(poetry_count),
            connection_lost,
            task: Cell::new(1),
            poems: RefCell::default(),
        }
    }

    /// Counts a poem that has come, or will not; after the last one, the program is done.
    fn poem_finished(&self) {
        self.poetry_count.set(self.poetry_count.get() - 1);
        if self.poetry_count.get() == 0 {
            self.report();
            // After Ctrl-C it is stopping already.
            let _ = self.reactor.stop();
        }
    }

    fn report(&self) {
        for (task, poem) in &*self.poems.borrow() {
            cli::say(report::poem(*task, poem.len()));
        }
    }
}

impl Factory for PoetryClientFactory {
    type Protocol = PoetryProtocol;

    fn build_protocol(self: &Rc<Self>, server: &Address) -> Option<PoetryProtocol> {
        let task = self.task.get();
        self.task.set(task + 1);
        Some(PoetryProtocol {
            factory: Rc::clone(self),
            task,
            server: server.clone(),
            poem: Vec::new(),
        })
    }
}

impl ClientFactory for PoetryClientFactory {
    fn client_connection_failed(self: &Rc<Self>, connector: &Connector, reason: Failure) {
        let server = connector.destination();
        let why = report::with_causes(reason.error());
        cli::note(format!("Failed to connect to: {server}: {why}"));
        self.poem_finished();
    }
}
