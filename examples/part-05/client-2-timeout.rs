//! Part 5 of the tutorial, the first exercise: client 2.0 gives up a poem that takes too long.
//!
//! ```sh
//! cargo run --bin client-2-timeout -- --timeout 8 10000 10001 10002
//! ```
//!
//! with the servers of part 2's `blocking-client`, of which the first needs ten seconds. That poem is given up
//! after eight, and the other two arrive.
//!
//! What to notice, in the difference to `client-2`: `connection_made` is where a connection begins, and the
//! place to start its timeout; `connection_lost` comes at every end, and is the place to take that back. The
//! timeout only asks for the end. It comes by the same way as any other, a turn of the loop later, and looks
//! like one: who has closed a connection on purpose is told that it was closed cleanly. So the protocol must
//! find out for itself that the poem is not whole, and asks its timeout: one that has run cannot be cancelled.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::mem;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Parser;
use examples::{BackendOption, Servers, cli, report};
use protocols::deferred::Failure;
use protocols::reactor::{CallError, DelayedCall, Reactor};
use protocols::{
    Address, ClientFactory, ConnectionClosed, Connector, Factory, Protocol, ReactorTcp, Transport,
};

/// Gets poems from those poetry servers that send them in time, with a protocol for each of them.
#[derive(Parser)]
#[command(name = "client-2-timeout", version)]
struct Options {
    #[command(flatten)]
    servers: Servers,

    /// How long a poem may take, from when the connection stands.
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

    let poetry_count = options.servers.count();
    let factory = Rc::new(PoetryClientFactory::new(
        &reactor,
        poetry_count,
        options.timeout,
    ));
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
    /// The call that ends the connection when the time is over.
    timeout: Option<DelayedCall>,
}

impl Protocol for PoetryProtocol {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        let transport = Rc::clone(transport);
        let timeout = self
            .factory
            .reactor
            .call_later(self.factory.patience, move |_| transport.lose_connection());
        self.timeout = Some(timeout);
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, data: &[u8]) {
        self.poem.extend_from_slice(data);
        cli::say(report::piece(self.task, data.len(), &self.server));
    }

    fn connection_lost(&mut self, reason: Failure) {
        let reason = match self.timeout.take().map(|timeout| timeout.cancel()) {
            Some(Err(CallError::AlreadyCalled)) => TimedOut(self.factory.patience).into(),
            _ => reason,
        };
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

/// A poem was given up.
#[derive(Debug, thiserror::Error)]
#[error("the poem was not whole after {0:?}")]
struct TimedOut(Duration);

/// Makes a protocol for each connection, and keeps the poems.
struct PoetryClientFactory {
    reactor: Reactor,
    /// How many poems are still to come.
    poetry_count: Cell<usize>,
    /// How long a poem may take.
    patience: Duration,
    /// The number of the next task.
    task: Cell<usize>,
    /// The poems that are whole, by their tasks.
    poems: RefCell<BTreeMap<usize, Vec<u8>>>,
}

impl PoetryClientFactory {
    fn new(reactor: &Reactor, poetry_count: usize, patience: Duration) -> Self {
        Self {
            reactor: reactor.clone(),
            poetry_count: Cell::new(poetry_count),
            patience,
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
            timeout: None,
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
