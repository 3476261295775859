//! Part 13 of the tutorial, client 6.0: every poem is transformed on its way, by another server.
//!
//! ```sh
//! cargo run --bin client-6 -- 11000 10000 10001
//! ```
//!
//! with `transformedpoetry` listening at the first port, and poetry servers at the others. The poems come in small
//! letters. If the first server cannot be reached, or does not answer, they come as they are.
//!
//! What to notice: the callback `try_to_cummingsify` cannot return the new poem, for it is not there yet. It returns
//! a Deferred, and the chain waits for that. Its errback belongs to the inner one, and mends it there: the outer
//! chain gets a poem in any case, and `poem_failed` hears of failed downloads only. Chains nest as calls do.

use std::cell::{Cell, RefCell};
use std::mem;
use std::process::ExitCode;
use std::rc::Rc;

use clap::Parser;
use examples::{BackendOption, ServerAddress, Servers, cli};
use protocols::deferred::{Deferred, Failure, Firer};
use protocols::reactor::Reactor;
use protocols::strings::{NetstringReceiver, StringHandler, Strings};
use protocols::{
    Address, ClientFactory, ConnectionClosed, Connector, Factory, Protocol, ReactorTcp, Transport,
};

/// Gets poems from poetry servers, and has them transformed by another one.
#[derive(Parser)]
#[command(name = "client-6", version)]
struct Options {
    /// The server that transforms the poems.
    #[arg(value_name = "XFORM-PORT", allow_negative_numbers = true)]
    xform_server: ServerAddress,

    #[command(flatten)]
    servers: Servers,

    #[command(flatten)]
    backend: BackendOption,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = options.backend.reactor();
    let proxy = Rc::new(TransformProxy {
        reactor: reactor.clone(),
        server: options.xform_server,
    });
    let main = Rc::new(PoetryMain {
        reactor: reactor.clone(),
        poetry_count: options.servers.count(),
        poems: RefCell::default(),
        errors: RefCell::default(),
    });

    for (_, ServerAddress { host, port }) in options.servers.tasks() {
        let (got, failed, done) = (Rc::clone(&main), Rc::clone(&main), Rc::clone(&main));
        let proxy = Rc::clone(&proxy);
        get_poetry(&reactor, host, *port)
            .add_callback(move |poem| try_to_cummingsify(&proxy, poem))
            .add_callbacks(
                move |poem| got.got_poem(poem),
                move |failure| failed.poem_failed(failure),
            )
            .add_both(move |_| done.poem_done())
            .ignore();
    }

    let stopped = cli::run(&reactor);

    cli::exit_code(stopped, main.errors.borrow().is_empty())
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
        cli::print(&poem);
        cli::say("");
        self.poems.borrow_mut().push(poem);
    }

    fn poem_failed(&self, failure: Failure) {
        // After Ctrl-C all poems fail, which is no news.
        if self.reactor.is_running() {
            cli::note("The poem download failed.");
        }
        self.errors.borrow_mut().push(failure);
    }

    fn poem_done(&self) {
        if self.poems.borrow().len() + self.errors.borrow().len() == self.poetry_count {
            // After Ctrl-C it is stopping already.
            let _ = self.reactor.stop();
        }
    }
}

/// Has the poem transformed; if that fails, it is the poem as it was.
fn try_to_cummingsify(proxy: &TransformProxy, poem: Vec<u8>) -> Deferred<Vec<u8>> {
    let reactor = proxy.reactor.clone();
    proxy
        .xform("cummingsify", poem.clone())
        .add_errback(move |failure| {
            // After Ctrl-C it fails, too, and no one waits for the poem any more.
            if !reactor.is_running() {
                return Err(failure);
            }
            cli::note("Cummingsify failed!");
            Ok(poem)
        })
}

/// Has poems transformed by a server for that.
struct TransformProxy {
    reactor: Reactor,
    server: ServerAddress,
}

impl TransformProxy {
    /// The Deferred fires with the poem as this transformation makes it; or with the reason why there is none.
    fn xform(&self, xform_name: &'static str, poem: Vec<u8>) -> Deferred<Vec<u8>> {
        let (firer, deferred) = Deferred::new();
        let factory = TransformClientFactory {
            xform_name,
            poem,
            firer: Cell::new(Some(firer)),
        };
        let ServerAddress { host, port } = &self.server;
        self.reactor.connect_tcp(host, *port, Rc::new(factory));
        deferred
    }
}

/// Sends one request, and receives the answer.
struct TransformClientProtocol {
    factory: Rc<TransformClientFactory>,
}

impl StringHandler for TransformClientProtocol {
    fn connection_made(&mut self, strings: &Strings) {
        let request = [self.factory.xform_name.as_bytes(), b".", &self.factory.poem].concat();
        // A netstring may be of any length.
        let _ = strings.send_string(&request);
    }

    fn string_received(&mut self, strings: &Strings, poem: &[u8]) {
        strings.lose_connection();
        self.factory.handle_poem(poem.to_vec());
    }

    fn connection_lost(&mut self, reason: Failure) {
        self.factory.xform_failed(reason);
    }
}

/// Makes the protocol for one request, and hands the answer over, or the reason why there is none.
struct TransformClientFactory {
    xform_name: &'static str,
    poem: Vec<u8>,
    /// Taken when it fires.
    firer: Cell<Option<Firer<Vec<u8>>>>,
}

impl TransformClientFactory {
    fn handle_poem(&self, poem: Vec<u8>) {
        if let Some(firer) = self.firer.take() {
            firer.callback(poem);
        }
    }

    fn xform_failed(&self, failure: Failure) {
        if let Some(firer) = self.firer.take() {
            firer.errback(failure);
        }
    }
}

impl Factory for TransformClientFactory {
    type Protocol = NetstringReceiver<TransformClientProtocol>;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Self::Protocol> {
        Some(NetstringReceiver::new(TransformClientProtocol {
            factory: Rc::clone(self),
        }))
    }
}

impl ClientFactory for TransformClientFactory {
    fn client_connection_failed(self: &Rc<Self>, _connector: &Connector, reason: Failure) {
        self.xform_failed(reason);
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
