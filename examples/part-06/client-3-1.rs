//! Part 6 of the tutorial, client 3.1: a callback for the poem, and an errback for the failure.
//!
//! ```sh
//! cargo run --bin client-3-1 -- 10000 10004
//! ```
//!
//! with a poetry server at port 10000, and nobody at port 10004. The failure is told on standard error as
//! soon as it is known; the poem is printed at the end.
//!
//! What to notice: `get_poetry` cannot return an error, for when something goes wrong it has returned long
//! ago. So a failure comes by a call as well, to whoever asked for the poem, who alone knows what a missing
//! poem means. What is printed of it ends in `(no backtrace was captured)`: it tells what happened in the
//! network, and no line of this program is to blame.

use std::cell::RefCell;
use std::mem;
use std::process::ExitCode;
use std::rc::Rc;

use clap::Parser;
use examples::{BackendOption, ServerAddress, Servers, cli};
use protocols::deferred::Failure;
use protocols::reactor::Reactor;
use protocols::{
    Address, ClientFactory, ConnectionClosed, Connector, Factory, Protocol, ReactorTcp, Transport,
};

/// Gets poems from poetry servers, each by a callback and an errback.
#[derive(Parser)]
#[command(name = "client-3-1", version)]
struct Options {
    #[command(flatten)]
    servers: Servers,

    #[command(flatten)]
    backend: BackendOption,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = options.backend.reactor();
    let main = Rc::new(PoetryMain {
        reactor: reactor.clone(),
        poetry_count: options.servers.count(),
        poems: RefCell::default(),
        errors: RefCell::default(),
    });

    for (_, ServerAddress { host, port }) in options.servers.tasks() {
        let (got, failed) = (Rc::clone(&main), Rc::clone(&main));
        get_poetry(
            &reactor,
            host,
            *port,
            move |poem| got.got_poem(poem),
            move |failure| failed.poem_failed(failure),
        );
    }

    let stopped = cli::run(&reactor);

    for poem in &*main.poems.borrow() {
        cli::print(poem);
    }
    cli::exit_code(stopped, main.poems.borrow().len() == main.poetry_count)
}

/// What has come of all the poems.
struct PoetryMain {
    reactor: Reactor,
    poetry_count: usize,
    poems: RefCell<Vec<Vec<u8>>>,
    errors: RefCell<Vec<Failure>>,
}

impl PoetryMain {
    fn got_poem(&self, poem: Vec<u8>) {
        self.poems.borrow_mut().push(poem);
        self.poem_done();
    }

    fn poem_failed(&self, failure: Failure) {
        // After Ctrl-C all poems fail, which is no news.
        if self.reactor.is_running() {
            cli::note(format!("Poem failed: {failure:#}"));
        }
        self.errors.borrow_mut().push(failure);
        self.poem_done();
    }

    fn poem_done(&self) {
        if self.poems.borrow().len() + self.errors.borrow().len() == self.poetry_count {
            // After Ctrl-C it is stopping already.
            let _ = self.reactor.stop();
        }
    }
}

/// Gets a poem from this server, and calls `callback` with it when it is whole; if it cannot be had, calls
/// `errback` with the reason.
// ANCHOR: get
fn get_poetry(
    reactor: &Reactor,
    host: &str,
    port: u16,
    callback: impl Fn(Vec<u8>) + 'static,
    errback: impl Fn(Failure) + 'static,
) {
    let factory = PoetryClientFactory {
        callback: Box::new(callback),
        errback: Box::new(errback),
    };
    reactor.connect_tcp(host, port, Rc::new(factory));
}
// ANCHOR_END: get

/// Collects one poem, which ends when its connection does.
struct PoetryProtocol {
    factory: Rc<PoetryClientFactory>,
    poem: Vec<u8>,
}

impl Protocol for PoetryProtocol {
    fn data_received(&mut self, _transport: &Rc<dyn Transport>, data: &[u8]) {
        self.poem.extend_from_slice(data);
    }

    fn connection_lost(&mut self, reason: Failure) {
        match reason.check::<ConnectionClosed>() {
            Some(closed) if closed.is_clean() => self.poem_received(),
            _ => self.factory.poem_failed(reason),
        }
    }
}

impl PoetryProtocol {
    fn poem_received(&mut self) {
        let poem = mem::take(&mut self.poem);
        self.factory.poem_finished(poem);
    }
}

/// Makes the protocol for one poem, and hands the poem over, or the reason why there is none.
struct PoetryClientFactory {
    callback: Box<dyn Fn(Vec<u8>)>,
    errback: Box<dyn Fn(Failure)>,
}

// ANCHOR: factory
impl PoetryClientFactory {
    fn poem_finished(&self, poem: Vec<u8>) {
        (self.callback)(poem);
    }

    fn poem_failed(&self, failure: Failure) {
        (self.errback)(failure);
    }
}
// ANCHOR_END: factory

impl Factory for PoetryClientFactory {
    type Protocol = PoetryProtocol;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<PoetryProtocol> {
        Some(PoetryProtocol {
            factory: Rc::clone(self),
            poem: Vec::new(),
        })
    }
}

impl ClientFactory for PoetryClientFactory {
    fn client_connection_failed(self: &Rc<Self>, _connector: &Connector, reason: Failure) {
        self.poem_failed(reason);
    }
}
