//! Part 8 of the tutorial, the first exercise: client 4.0, which gives a poem up that takes too long.
//!
//! ```sh
//! cargo run --bin client-4-timeout -- --timeout 2 10000 10001
//! ```
//!
//! with a slow server at one of the ports. What is seen is what `client-3-timeout` shows.
//!
//! What to notice, in the difference to that: nothing has to be known about who was first. A timeout is one
//! more reason for `poem_failed`; the firer is there or it is not; and the delayed call is cancelled to tidy up,
//! no longer to find out whether it has run.

use std::cell::{Cell, RefCell};
use std::mem;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;
use examples::{BackendOption, ServerAddress, Servers, cli};
use protocols::deferred::{Deferred, Failure, Firer};
use protocols::reactor::{DelayedCall, Reactor};
use protocols::{
    Address, ClientFactory, ConnectionClosed, Connector, Factory, Protocol, ReactorTcp, Transport,
};

/// Gets poems from poetry servers, each in time or not at all.
#[derive(Parser)]
#[command(name = "client-4-timeout", version)]
struct Options {
    #[command(flatten)]
    servers: Servers,

    /// How long a poem may take.
    #[arg(long, value_name = "SECONDS", default_value = "5")]
    #[arg(value_parser = cli::parse_patience, allow_negative_numbers = true)]
    timeout: Duration,

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
        get_poetry(&reactor, host, *port, options.timeout)
            .add_callbacks(
                move |poem| got.got_poem(poem),
                move |failure| failed.poem_failed(failure),
            )
            .add_both(move |_| done.poem_done())
            .ignore();
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
/// reason, which is [`PoemTimedOut`] if it is not whole within `timeout`.
fn get_poetry(reactor: &Reactor, host: &str, port: u16, timeout: Duration) -> Deferred<Vec<u8>> {
    let (firer, deferred) = Deferred::new();
    let factory = PoetryClientFactory {
        reactor: reactor.clone(),
        timeout,
        timeout_call: Cell::new(None),
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

/// A poem was not whole in its time.
#[derive(Debug, thiserror::Error)]
#[error("the poem was not whole after {0:?}")]
struct PoemTimedOut(Duration);

/// Makes the protocol for one poem, and hands the poem over, or the reason why there is none.
struct PoetryClientFactory {
    reactor: Reactor,
    timeout: Duration,
    /// The call that will give the poem up.
    timeout_call: Cell<Option<DelayedCall>>,
    /// Taken when it fires.
    firer: Cell<Option<Firer<Vec<u8>>>>,
}

impl PoetryClientFactory {
    fn poem_finished(&self, poem: Vec<u8>) {
        if let Some(firer) = self.firer.take() {
            firer.callback(poem);
        }
        self.cancel_timeout();
    }

    fn poem_failed(&self, failure: Failure) {
        if let Some(firer) = self.firer.take() {
            firer.errback(failure);
        }
        self.cancel_timeout();
    }

    fn on_timeout(&self, connector: &Connector) {
        // The loop will tell of it later, as of any end, and there will be nothing to fire.
        connector.disconnect();
        let timed_out = PoemTimedOut(self.timeout);
        self.poem_failed(Failure::without_backtrace(timed_out));
    }

    fn cancel_timeout(&self) {
        if let Some(call) = self.timeout_call.take() {
            // It may be the one that runs.
            let _ = call.cancel();
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
    fn started_connecting(self: &Rc<Self>, connector: &Connector) {
        let (this, connector) = (Rc::clone(self), connector.clone());
        let on_timeout = move |_: &Reactor| this.on_timeout(&connector);
        let call = self.reactor.call_later(self.timeout, on_timeout);
        self.timeout_call.set(Some(call));
    }

    fn client_connection_failed(self: &Rc<Self>, _connector: &Connector, reason: Failure) {
        self.poem_failed(reason);
    }
}
