//! Part 14 of the tutorial: a proxy, which is a server to its clients, and a client to its server.
//!
//! ```sh
//! cargo run --bin poetry-proxy-1 -- --port 10001 10000
//! ```
//!
//! with a poetry server listening at port 10000, a slow one. The first client that comes to port 10001 waits as
//! long as if it had gone to the server itself; the next one gets the poem at once. If the server has no poem for
//! the proxy, its client gets nothing, and the next one is the first again.
//!
//! What to notice: in between client and server the program is both. The service may have the poem already or may
//! have to fetch it, and says so with two kinds of return values. [`maybe_deferred`] makes a Deferred of either, so
//! that the protocol has one thing to do. A Rust function returns one type, so that the two kinds are an `enum`
//! here, and [`Outcome`] says how it is to be understood; in the next version a Deferred is all it takes.

use std::cell::{Cell, RefCell};
use std::mem;
use std::process::ExitCode;
use std::rc::Rc;

use clap::Parser;
use examples::{BackendOption, Listening, ServerAddress, cli};
use protocols::deferred::{Deferred, Failure, Firer, Outcome, maybe_deferred};
use protocols::reactor::Reactor;
use protocols::{
    Address, ClientFactory, ConnectionClosed, Connector, Factory, Protocol, ReactorTcp, Transport,
};

/// Passes the poem of a poetry server on to any number of clients.
#[derive(Parser)]
#[command(name = "poetry-proxy-1", version)]
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
        let poem = maybe_deferred(|| service.get_poem());
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
    /// The poem, once it was fetched.
    poem: RefCell<Option<Vec<u8>>>,
}

impl ProxyService {
    fn get_poem(self: &Rc<Self>) -> Poem {
        if let Some(poem) = &*self.poem.borrow() {
            cli::say("Using cached poem.");
            return Poem::Cached(poem.clone());
        }

        cli::say("Fetching poem from server.");
        let service = Rc::clone(self);
        let ServerAddress { host, port } = &self.server;
        let poem =
            get_poetry(&self.reactor, host, *port).add_callback(move |poem| service.set_poem(poem));
        Poem::Fetching(poem)
    }

    fn set_poem(&self, poem: Vec<u8>) -> Result<Vec<u8>, Failure> {
        *self.poem.borrow_mut() = Some(poem.clone());
        Ok(poem)
    }

    fn poem_failed(&self, failure: Failure) {
        // After Ctrl-C all poems fail, which is no news.
        if self.reactor.is_running() {
            cli::note(format!("Poem failed: {failure:#}"));
        }
    }
}

/// A poem, as the service has it.
enum Poem {
    /// It is here.
    Cached(Vec<u8>),
    /// It will come.
    Fetching(Deferred<Vec<u8>>),
}

impl Outcome for Poem {
    type Value = Vec<u8>;

    fn settle(self) -> Result<Result<Vec<u8>, Failure>, Deferred<Vec<u8>>> {
        match self {
            Self::Cached(poem) => Ok(Ok(poem)),
            Self::Fetching(poem) => poem.settle(),
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
