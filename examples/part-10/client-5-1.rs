//! Part 10 of the tutorial, client 5.1: the engine returns all its errors, and an errback mends one of them.
//!
//! ```sh
//! cargo run --bin client-5-1 -- --engine bug 10000
//! ```
//!
//! with a poetry server listening there. It prints what client 5.0 prints.
//!
//! What to notice: `byronificate_failed` is added between the engine and the pair. `trap` lets a failed
//! download and gibberish pass on to `poem_failed`. The one error that it takes has brought the poem along,
//! and with the poem the chain is back on the callback line: `got_poem` does not know that anything went
//! wrong. The engine is now a callback itself, and the chain reads like a list of what is to be done.

use std::cell::{Cell, RefCell};
use std::hash::{BuildHasher, RandomState};
use std::mem;
use std::process::ExitCode;
use std::rc::Rc;

use clap::{Parser, ValueEnum};
use examples::{BackendOption, ServerAddress, Servers, cli};
use protocols::deferred::{Deferred, Failure, Firer};
use protocols::reactor::Reactor;
use protocols::{
    Address, ClientFactory, ConnectionClosed, Connector, Factory, Protocol, ReactorTcp, Transport,
};

/// Gets poems from poetry servers, and runs them through the Byronification Engine.
#[derive(Parser)]
#[command(name = "client-5-1", version)]
struct Options {
    #[command(flatten)]
    servers: Servers,

    /// What the engine does with every poem, rather than what it feels like.
    #[arg(long, value_name = "MOOD")]
    engine: Option<Mood>,

    #[command(flatten)]
    backend: BackendOption,
}

/// What the engine may do with a poem.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mood {
    /// It writes the poem anew.
    Success,
    /// It says that this is no poem.
    Gibberish,
    /// It breaks down.
    Bug,
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
        let mood = options.engine.unwrap_or_else(Mood::any);
        // ANCHOR: chain
        get_poetry(&reactor, host, *port)
            .add_callback(move |poem| byronificate(poem, mood))
            .add_errback(byronificate_failed)
            .add_callbacks(
                move |poem| got.got_poem(poem),
                move |failure| failed.poem_failed(failure),
            )
            .add_both(move |_| done.poem_done())
            .ignore();
        // ANCHOR_END: chain
    }

    let stopped = cli::run(&reactor);

    cli::exit_code(stopped, main.errors.borrow().is_empty())
}

/// What has come of all the poems.
struct PoetryMain {
    reactor: Reactor,
    poetry_count: usize,
    poems: RefCell<Vec<String>>,
    errors: RefCell<Vec<Failure>>,
}

impl PoetryMain {
    fn got_poem(&self, poem: String) {
        cli::say(&poem);
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

/// Keeps the poem as it is if the engine broke down; all other failures go on.
// ANCHOR: mend
fn byronificate_failed(failure: Failure) -> Result<String, Failure> {
    let CannotByronificate(poem) = failure.trap()?;
    cli::say("Byronificate failed!");
    Ok(poem.clone())
}
// ANCHOR_END: mend

/// The Byronification Engine: returns the poem as Lord Byron would have written it.
///
/// # Errors
///
/// [`GibberishError`], if it finds that this is no poem; [`CannotByronificate`] with the poem, if it breaks
/// down.
fn byronificate(poem: Vec<u8>, mood: Mood) -> Result<String, Failure> {
    // A whole poem has no letter cut in two.
    let poem = String::from_utf8_lossy(&poem).into_owned();
    match mood {
        Mood::Success => Ok(poem.replace('.', "!")),
        Mood::Gibberish => Err(GibberishError.into()),
        Mood::Bug => Err(CannotByronificate(poem).into()),
    }
}

/// What the engine was given is no poem.
#[derive(Debug, thiserror::Error)]
#[error("this is no poem")]
struct GibberishError;

/// The engine broke down over this poem.
#[derive(Debug, thiserror::Error)]
#[error("cannot byronificate this poem")]
struct CannotByronificate(String);

impl Mood {
    /// One of the three, by chance.
    fn any() -> Self {
        // A hasher of the standard library begins with a random number.
        let chance = RandomState::new().hash_one(()) as usize;
        let moods = Self::value_variants();
        moods[chance % moods.len()]
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
