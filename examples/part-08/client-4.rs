//! Part 8 of the tutorial, client 4.0: `get_poetry` takes neither callback nor errback; it returns a Deferred.
//!
//! ```sh
//! cargo run --bin client-4 -- 10000 10001 10004
//! ```
//!
//! with poetry servers at the first two ports, and nobody at the last. It prints what client 3.1 prints,
//! with one line more in each failure: where its chain was fired.
//!
//! What to notice: the `Deferred` is the receiving end, and goes to whoever wants the poem; the `Firer` is
//! the other end, and stays with the factory. Firing uses the firer up, so the factory has to take it out
//! of its field: what in the tutorial is a habit, to drop one's reference to a Deferred that has fired, is
//! here what makes the program compile.
//!
//! `poem_done` has become a link of its own. It stands behind both others, and runs after either.

use std::cell::{Cell, RefCell};
use std::mem;
use std::process::ExitCode;
use std::rc::Rc;

use clap::Parser;
use examples::{BackendOption, ServerAddress, Servers, cli};
use protocols::deferred::{Deferred, Failure, Firer};
use protocols::reactor::Reactor;
use protocols::{
    Address, ClientFactory, ConnectionClosed, Connector, Factory, Protocol, ReactorTcp, Transport,
};

/// Gets poems from poetry servers, each by a Deferred.
#[derive(Parser)]
#[command(name = "client-4", version)]
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
        let (got, failed, done) = (Rc::clone(&main), Rc::clone(&main), Rc::clone(&main));
        // ANCHOR: add
        get_poetry(&reactor, host, *port)
            .add_callbacks(
                move |poem| got.got_poem(poem),
                move |failure| failed.poem_failed(failure),
            )
            .add_both(move |_| done.poem_done())
            .ignore();
        // ANCHOR_END: add
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
    }

    fn poem_failed(&self, failure: Failure) {
        // After Ctrl-C all poems fail, which is no news.
        if self.reactor.is_running() {
            cli::note(format!("Poem failed: {failure:#}"));
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

/// Gets a poem from this server: the Deferred fires with it when it is whole; if it cannot be had, with the
/// reason.
// ANCHOR: get
fn get_poetry(reactor: &Reactor, host: &str, port: u16) -> Deferred<Vec<u8>> {
    let (firer, deferred) = Deferred::new();
    let factory = PoetryClientFactory {
        firer: Cell::new(Some(firer)),
    };
    reactor.connect_tcp(host, port, Rc::new(factory));
    deferred
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
    /// Taken when it fires.
    firer: Cell<Option<Firer<Vec<u8>>>>,
}

// ANCHOR: fire
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
// ANCHOR_END: fire

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
