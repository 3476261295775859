//! Part 8 of the tutorial: client 4.0, which shows the stack on which the first poem comes, and ends.
//!
//! ```sh
//! cargo run --bin client-4-stack -- 10000
//! ```
//!
//! with a poetry server listening there. A release build shows less: functions that were inlined are gone.
//!
//! What to notice, from the top: `main` calls the reactor, whose loop finds a connection that has ended, and
//! the transport tells the protocol: `connection_lost`, `poem_received`, `poem_finished`. Here the factory
//! fires; below `Firer::callback`, Deferreds are at work, and what they come to is to call the first link, and
//! so `got_poem`. There is no thread in it, and no waiting: the poem comes up one stack, from the loop to this
//! program, as it did without them.

use std::cell::{Cell, RefCell};
use std::mem;
use std::process::{self, ExitCode};
use std::rc::Rc;

use clap::Parser;
use examples::{BackendOption, ServerAddress, Servers, cli, stack};
use protocols::deferred::{Deferred, Failure, Firer};
use protocols::reactor::Reactor;
use protocols::{
    Address, ClientFactory, ConnectionClosed, Connector, Factory, Protocol, ReactorTcp, Transport,
};

/// Gets a poem from poetry servers, and shows the stack on which it comes.
#[derive(Parser)]
#[command(name = "client-4-stack", version)]
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
        errors: RefCell::default(),
    });

    for (_, ServerAddress { host, port }) in options.servers.tasks() {
        let (got, failed, done) = (Rc::clone(&main), Rc::clone(&main), Rc::clone(&main));
        get_poetry(&reactor, host, *port)
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
    errors: RefCell<Vec<Failure>>,
}

impl PoetryMain {
    fn got_poem(&self, _poem: Vec<u8>) {
        cli::say(stack());
        process::exit(0);
    }

    fn poem_failed(&self, failure: Failure) {
        // After Ctrl-C all poems fail, which is no news.
        if self.reactor.is_running() {
            cli::note(format!("Poem failed: {failure:#}"));
        }
        self.errors.borrow_mut().push(failure);
    }

    fn poem_done(&self) {
        if self.errors.borrow().len() == self.poetry_count {
            // After Ctrl-C it is stopping already.
            let _ = self.reactor.stop();
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
