//! Part 14 of the tutorial, an exercise: proxy 2.0, which fetches the poem once, however many ask for it meanwhile.
//!
//! ```sh
//! cargo run --bin poetry-proxy-2-once -- --port 10001 10000
//! ```
//!
//! with a poetry server listening at port 10000, which should be a slow one. Clients that come while the poem is being
//! fetched wait for that, and get it together.
//!
//! What to notice: between "not here" and "here" there is a third state, in which the poem is on its way. Every client
//! needs a Deferred of its own, as each adds its own links; [`Shared`] makes as many as are wanted of one. It has
//! the result afterwards, and so is the cache as well. What failed is forgotten, before anyone hears of it: whoever
//! asks next asks the server.
//!
//! *The tutorial's exercise has the service keep a list of those who wait.*

use std::cell::{Cell, RefCell};
use std::mem;
use std::process::ExitCode;
use std::rc::Rc;

use clap::Parser;
use examples::{BackendOption, Listening, ServerAddress, cli};
use protocols::deferred::{Deferred, Failure, Firer, Shared};
use protocols::reactor::Reactor;
use protocols::{
    Address, ClientFactory, ConnectionClosed, Connector, Factory, Protocol, ReactorTcp, Transport,
};

/// Passes the poem of a poetry server on to any number of clients.
#[derive(Parser)]
#[command(name = "poetry-proxy-2-once", version)]
struct Options {
    /// The server that has the poem: a port of this machine, or a host and a port.
    #[arg(value_name = "[HOST:]PORT", allow_negative_numbers = true)]
    server: ServerAddress,

    #[command(flatten)]
    listening: Listening,

    #[command(flatten)]
    backend: BackendOption,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = options.backend.reactor();
    let service = ProxyService {
        reactor: reactor.clone(),
        server: options.server.clone(),
        poem: RefCell::default(),
    };
    let factory = PoetryProxyFactory {
        service: Rc::new(service),
    };

    let port = options.listening.listen(&reactor, Rc::new(factory));
    cli::say(format!(
        "Proxying {} on {}.",
        options.server,
        port.address()
    ));

    cli::exit_code(cli::run(&reactor), true)
}

/// Sends the poem to one client, when it is there.
struct PoetryProxyProtocol {
    factory: Rc<PoetryProxyFactory>,
}

impl Protocol for PoetryProxyProtocol {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        let service = Rc::clone(&self.factory.service);
        let (to, done) = (Rc::clone(transport), Rc::clone(transport));
        let poem = service.get_poem();
        poem.add_callback(move |poem| {
            to.write(&poem);
        })
        .add_errback(move |failure| service.poem_failed(failure))
        .add_both(move |_| done.lose_connection())
        .ignore();
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {
        // A poetry server does not take requests.
    }
}

/// Makes the protocol for each client.
struct PoetryProxyFactory {
    service: Rc<ProxyService>,
}

impl Factory for PoetryProxyFactory {
    type Protocol = PoetryProxyProtocol;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<PoetryProxyProtocol> {
        Some(PoetryProxyProtocol {
            factory: Rc::clone(self),
        })
    }
}

/// Fetches the poem from the server, and keeps it.
struct ProxyService {
    reactor: Reactor,
    server: ServerAddress,
    /// The poem, once someone has asked for it.
    poem: RefCell<Option<Shared<Vec<u8>>>>,
}

impl ProxyService {
    fn get_poem(self: &Rc<Self>) -> Deferred<Vec<u8>> {
        let mut known = self.poem.borrow_mut();
        match &*known {
            Some(poem) if poem.has_result() => cli::say("Using cached poem."),
            Some(_) => cli::say("Waiting for the poem that is being fetched."),
            None => cli::say("Fetching poem from server."),
        }
        known.get_or_insert_with(|| self.fetch_poem()).branch()
    }

    fn fetch_poem(self: &Rc<Self>) -> Shared<Vec<u8>> {
        let service = Rc::clone(self);
        let ServerAddress { host, port } = &self.server;
        let poem = get_poetry(&self.reactor, host, *port);
        Shared::new(poem.add_errback(move |failure| service.forget_poem(failure)))
    }

    fn forget_poem(&self, failure: Failure) -> Result<Vec<u8>, Failure> {
        let forgotten = self.poem.take();
        drop(forgotten);
        Err(failure)
    }

    fn poem_failed(&self, failure: Failure) {
        // After Ctrl-C all poems fail, which is no news.
        if self.reactor.is_running() {
            cli::note(format!("Poem failed: {failure:#}"));
        }
    }
}

/// Gets a poem from this server: the Deferred fires with it when it is whole; if it cannot be had, with the
/// reason.
fn get_poetry(reactor: &Reactor, host: &str, port: u16) -> Deferred<Vec<u8>> {
    let (firer, deferred) = Deferred::new();
    let factory = PoetryClientFactory {
        firer: Cell::new(Some(firer)),
    };
    reactor.connect_tcp(host, port, Rc::new(factory));
    deferred
}

/// Collects one poem, which ends when its connection does.
struct PoetryClientProtocol {
    factory: Rc<PoetryClientFactory>,
    poem: Vec<u8>,
}

impl Protocol for PoetryClientProtocol {
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

impl PoetryClientProtocol {
    fn poem_received(&mut self) {
        let poem = mem::take(&mut self.poem);
        self.factory.poem_finished(poem);
    }
}

/// Makes the protocol for one poem, and hands the poem over, or the reason why there is none.
struct PoetryClientFactory {
    /// Taken when it fires.
    firer: Cell<Option<Firer<Vec<u8>>>>,
}

impl PoetryClientFactory {
    fn poem_finished(&self, poem: Vec<u8>) {
        if let Some(firer) = self.firer.take() {
            firer.callback(poem);
        }
    }

    fn poem_failed(&self, failure: Failure) {
        if let Some(firer) = self.firer.take() {
            firer.errback(failure);
        }
    }
}

impl Factory for PoetryClientFactory {
    type Protocol = PoetryClientProtocol;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<PoetryClientProtocol> {
        Some(PoetryClientProtocol {
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
