//! Part 5 of the tutorial: client 2.1, which is about the poems only.
//!
//! ```sh
//! cargo run --bin client-2-simple -- 10000 10001 10002
//! ```
//!
//! with the servers of part 2's `blocking-client`. Nothing for ten seconds, and then all three poems, in the
//! order in which they were complete.
//!
//! What to notice, in the difference to `client-2`: without the numbers of the tasks there is little left, and
//! nothing in the protocol has to do with how bytes travel. The bytes are printed as they came: a piece may
//! end in the middle of a letter, and only the whole is text.

use std::cell::{Cell, RefCell};
use std::mem;
use std::process::ExitCode;
use std::rc::Rc;

use clap::Parser;
use examples::{BackendOption, Servers, cli, report};
use protocols::deferred::Failure;
use protocols::reactor::Reactor;
use protocols::{
    Address, ClientFactory, ConnectionClosed, Connector, Factory, Protocol, ReactorTcp, Transport,
};

/// Gets poems from poetry servers, all at once, and prints them.
#[derive(Parser)]
#[command(name = "client-2-simple", version)]
struct Options {
    #[command(flatten)]
    servers: Servers,

    #[command(flatten)]
    backend: BackendOption,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = options.backend.reactor();

    let poetry_count = options.servers.count();
    let factory = Rc::new(PoetryClientFactory::new(&reactor, poetry_count));
    for (_, server) in options.servers.tasks() {
        reactor.connect_tcp(&server.host, server.port, Rc::clone(&factory));
    }

    let stopped = cli::run(&reactor);

    let poems = factory.poems.borrow().len();
    cli::exit_code(stopped, poems == poetry_count)
}

/// Collects one poem, which ends when its connection does.
struct PoetryProtocol {
    factory: Rc<PoetryClientFactory>,
    server: Address,
    poem: Vec<u8>,
}

impl Protocol for PoetryProtocol {
    fn data_received(&mut self, _transport: &Rc<dyn Transport>, data: &[u8]) {
        self.poem.extend_from_slice(data);
    }

    fn connection_lost(&mut self, reason: Failure) {
        match reason.check::<ConnectionClosed>() {
            Some(closed) if closed.is_clean() => self.poem_received(),
            _ => {
                let why = report::with_causes(reason.error());
                cli::note(format!("Lost the connection to: {}: {why}", self.server));
                self.factory.poem_finished();
            }
        }
    }
}

impl PoetryProtocol {
    fn poem_received(&mut self) {
        let poem = mem::take(&mut self.poem);
        self.factory.poems.borrow_mut().push(poem);
        self.factory.poem_finished();
    }
}

/// Makes a protocol for each connection, and keeps the poems.
struct PoetryClientFactory {
    reactor: Reactor,
    /// How many poems are still to come.
    poetry_count: Cell<usize>,
    /// The poems that are whole, in the order in which they became so.
    poems: RefCell<Vec<Vec<u8>>>,
}

impl PoetryClientFactory {
    fn new(reactor: &Reactor, poetry_count: usize) -> Self {
        Self {
            reactor: reactor.clone(),
            poetry_count: Cell::new(poetry_count),
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
        for poem in &*self.poems.borrow() {
            cli::print(poem);
        }
    }
}

impl Factory for PoetryClientFactory {
    type Protocol = PoetryProtocol;

    fn build_protocol(self: &Rc<Self>, server: &Address) -> Option<PoetryProtocol> {
        Some(PoetryProtocol {
            factory: Rc::clone(self),
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
