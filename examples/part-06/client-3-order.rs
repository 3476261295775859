//! Part 6 of the tutorial, an exercise: client 3.1, which tells what is called, and in which order.
//!
//! ```sh
//! cargo run --bin client-3-order -- 10004
//! ```
//!
//! with nobody at port 10004:
//!
//! ```text
//! get_poetry is called
//! get_poetry has returned
//! run is called
//! started_connecting is called
//! client_connection_failed is called
//! poem_failed is called
//! run has returned
//! ```
//!
//! What to notice: `get_poetry` has returned before anything else happens, even where the system could
//! have said at once that nobody listens. Until the reactor runs, nothing of the factory is called: whoever
//! calls `get_poetry` can finish what is to be done, and is called back after that. With a server there are
//! `build_protocol`, `connection_made`, `connection_lost` and `got_poem` instead.

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

/// Gets poems from poetry servers, and tells what happens in which order.
#[derive(Parser)]
#[command(name = "client-3-order", version)]
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
        cli::say("get_poetry is called");
        get_poetry(
            &reactor,
            host,
            *port,
            move |poem| got.got_poem(poem),
            move |failure| failed.poem_failed(failure),
        );
        cli::say("get_poetry has returned");
    }

    cli::say("run is called");
    let stopped = cli::run(&reactor);
    cli::say("run has returned");

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
        cli::say("got_poem is called");
        self.poems.borrow_mut().push(poem);
        self.poem_done();
    }

    fn poem_failed(&self, failure: Failure) {
        cli::say("poem_failed is called");
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

/// Collects one poem, which ends when its connection does.
struct PoetryProtocol {
    factory: Rc<PoetryClientFactory>,
    poem: Vec<u8>,
}

impl Protocol for PoetryProtocol {
    fn connection_made(&mut self, _transport: &Rc<dyn Transport>) {
        cli::say("connection_made is called");
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, data: &[u8]) {
        self.poem.extend_from_slice(data);
    }

    fn connection_lost(&mut self, reason: Failure) {
        cli::say("connection_lost is called");
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

impl PoetryClientFactory {
    fn poem_finished(&self, poem: Vec<u8>) {
        (self.callback)(poem);
    }

    fn poem_failed(&self, failure: Failure) {
        (self.errback)(failure);
    }
}

impl Factory for PoetryClientFactory {
    type Protocol = PoetryProtocol;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<PoetryProtocol> {
        cli::say("build_protocol is called");
        Some(PoetryProtocol {
            factory: Rc::clone(self),
            poem: Vec::new(),
        })
    }
}

impl ClientFactory for PoetryClientFactory {
    fn started_connecting(self: &Rc<Self>, _connector: &Connector) {
        cli::say("started_connecting is called");
    }

    fn client_connection_failed(self: &Rc<Self>, _connector: &Connector, reason: Failure) {
        cli::say("client_connection_failed is called");
        self.poem_failed(reason);
    }
}
