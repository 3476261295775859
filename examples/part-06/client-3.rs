//! Part 6 of the tutorial, client 3.0: whoever asks for a poem is called back with it.
//!
//! ```sh
//! cargo run --bin client-3 -- 10000 10001 localhost:10002
//! ```
//!
//! with poetry servers such as `slowpoetry` listening there. Nothing is seen until the last poem is whole;
//! then all of them are printed, in the order in which they were complete.
//!
//! What to notice: the factory makes protocols and hands poems over, and knows nothing else. That there
//! are several poems, and that the program ends after the last, is known to `PoetryMain` alone, so that
//! `get_poetry` and all below it could stand in a library.
//!
//! What it cannot do is tell that there will be no poem: with a server that refuses, or that breaks off,
//! this client waits until Ctrl-C. Client 3.1 is the answer. (In the tutorial, half a poem counts as a
//! poem; here a poem is whole, or it is none.)

use std::cell::RefCell;
use std::mem;
use std::process::ExitCode;
use std::rc::Rc;

use clap::Parser;
use examples::{BackendOption, ServerAddress, Servers, cli};
use protocols::deferred::Failure;
use protocols::reactor::Reactor;
use protocols::{
    Address, ClientFactory, ConnectionClosed, Factory, Protocol, ReactorTcp, Transport,
};

/// Gets poems from poetry servers, each by a callback.
#[derive(Parser)]
#[command(name = "client-3", version)]
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
    });

    for (_, ServerAddress { host, port }) in options.servers.tasks() {
        let got = Rc::clone(&main);
        get_poetry(&reactor, host, *port, move |poem| got.got_poem(poem));
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
}

impl PoetryMain {
    fn got_poem(&self, poem: Vec<u8>) {
        self.poems.borrow_mut().push(poem);
        self.poem_done();
    }

    fn poem_done(&self) {
        if self.poems.borrow().len() == self.poetry_count {
            // After Ctrl-C it is stopping already.
            let _ = self.reactor.stop();
        }
    }
}

/// Gets a poem from this server, and calls `callback` with it when it is whole.
// ANCHOR: get
fn get_poetry(reactor: &Reactor, host: &str, port: u16, callback: impl Fn(Vec<u8>) + 'static) {
    let factory = PoetryClientFactory {
        callback: Box::new(callback),
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
            _ => {} // There is nobody to tell.
        }
    }
}

impl PoetryProtocol {
    fn poem_received(&mut self) {
        let poem = mem::take(&mut self.poem);
        self.factory.poem_finished(poem);
    }
}

/// Makes the protocol for one poem, and hands the poem over.
struct PoetryClientFactory {
    callback: Box<dyn Fn(Vec<u8>)>,
}

impl PoetryClientFactory {
    fn poem_finished(&self, poem: Vec<u8>) {
        (self.callback)(poem);
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

impl ClientFactory for PoetryClientFactory {}
