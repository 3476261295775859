//! Part 5 of the tutorial: a client of protocols and a factory, client 2.0.
//!
//! ```sh
//! cargo run --bin client-2 -- 10000 10001 10002
//! ```
//!
//! with the servers of part 2's `blocking-client`. It prints much the same as `client-1`.
//!
//! What to notice: there are no sockets any more. `connect_tcp` makes the connections, without blocking, and
//! the *transport* reads from them. A *protocol* is what one connection has to do with poetry, and keeps
//! the poem until it is whole. The *factory* makes a protocol for each connection, and keeps what outlives
//! them: how many poems are still to come, and those that have. Every protocol has a handle to its factory,
//! and by that hands over its poem.
//!
//! A server that refuses is now heard of as an event too, by the factory, as there is no protocol for a
//! connection that never was. Tasks are numbered as the connections are made.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::mem;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Instant;

use clap::Parser;
use examples::{BackendOption, Servers, cli, report};
use protocols::deferred::Failure;
use protocols::reactor::Reactor;
use protocols::{
    Address, ClientFactory, ConnectionClosed, Connector, Factory, Protocol, ReactorTcp, Transport,
};

/// Gets poems from poetry servers, all at once, with a protocol for each of them.
#[derive(Parser)]
#[command(name = "client-2", version)]
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

    let poetry_count = options.servers.count();
    let factory = Rc::new(PoetryClientFactory::new(&reactor, poetry_count));
    for (_, server) in options.servers.tasks() {
        reactor.connect_tcp(&server.host, server.port, Rc::clone(&factory));
    }

    let stopped = cli::run(&reactor);

    let poems = factory.poems.borrow().len();
    cli::say(report::total(poems, started.elapsed()));
    cli::exit_code(stopped, poems == poetry_count)
}

/// Collects one poem, which ends when its connection does.
struct PoetryProtocol {
    factory: Rc<PoetryClientFactory>,
    task: usize,
    server: Address,
    poem: Vec<u8>,
}

// ANCHOR: protocol
impl Protocol for PoetryProtocol {
    fn data_received(&mut self, _transport: &Rc<dyn Transport>, data: &[u8]) {
        self.poem.extend_from_slice(data);
        cli::say(report::piece(self.task, data.len(), &self.server));
    }

    fn connection_lost(&mut self, reason: Failure) {
        match reason.check::<ConnectionClosed>() {
            Some(closed) if closed.is_clean() => self.poem_received(),
            _ => {
                cli::note(report::no_poem(self.task, &self.server, &reason));
                self.factory.poem_finished();
            }
        }
    }
}
// ANCHOR_END: protocol

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
    /// The number of the next task.
    task: Cell<usize>,
    /// The poems that are whole, by their tasks.
    poems: RefCell<BTreeMap<usize, Vec<u8>>>,
}

impl PoetryClientFactory {
    fn new(reactor: &Reactor, poetry_count: usize) -> Self {
        Self {
            reactor: reactor.clone(),
            poetry_count: Cell::new(poetry_count),
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

// ANCHOR: factory
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
// ANCHOR_END: factory

impl ClientFactory for PoetryClientFactory {
    fn client_connection_failed(self: &Rc<Self>, connector: &Connector, reason: Failure) {
        let server = connector.destination();
        let why = report::with_causes(reason.error());
        cli::note(format!("Failed to connect to: {server}: {why}"));
        self.poem_finished();
    }
}
