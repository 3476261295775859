//! Part 6 of the tutorial, an exercise: client 3.1, which gives a poem up that takes too long.
//!
//! ```sh
//! cargo run --bin client-3-timeout -- --timeout 2 10000 10001
//! ```
//!
//! with a slow server at one of the ports: its poem fails with `PoemTimedOut`, an error of our own, which
//! the errback gets like any other; the other poem is printed.
//!
//! What to notice: three calls can now decide what becomes of a poem, and the one that comes first must be
//! the only one. `on_timeout` closes the connection, and that is told to `connection_lost` as the end of a
//! whole poem. Here it is the timeout's call that decides: whoever can still take it away is the first.
//! The factory has to see to that, and so has every other one, and every caller of two functions has to
//! trust that only one of them is called, once. Part 7 has a type for it.

use std::cell::{Cell, RefCell};
use std::mem;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;
use examples::{BackendOption, ServerAddress, Servers, cli};
use protocols::deferred::Failure;
use protocols::reactor::{DelayedCall, Reactor};
use protocols::{
    Address, ClientFactory, ConnectionClosed, Connector, Factory, Protocol, ReactorTcp, Transport,
};

/// Gets poems from poetry servers, each in time or not at all.
#[derive(Parser)]
#[command(name = "client-3-timeout", version)]
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
        let (got, failed) = (Rc::clone(&main), Rc::clone(&main));
        get_poetry(
            &reactor,
            host,
            *port,
            options.timeout,
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
/// `errback` with the reason, which is [`PoemTimedOut`] if it is not whole within `timeout`.
fn get_poetry(
    reactor: &Reactor,
    host: &str,
    port: u16,
    timeout: Duration,
    callback: impl Fn(Vec<u8>) + 'static,
    errback: impl Fn(Failure) + 'static,
) {
    let factory = PoetryClientFactory {
        reactor: reactor.clone(),
        timeout,
        timeout_call: Cell::new(None),
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
    /// The call that will give the poem up. While it is here, neither callback nor errback was called.
    timeout_call: Cell<Option<DelayedCall>>,
    callback: Box<dyn Fn(Vec<u8>)>,
    errback: Box<dyn Fn(Failure)>,
}

impl PoetryClientFactory {
    fn poem_finished(&self, poem: Vec<u8>) {
        if self.cancel_timeout() {
            (self.callback)(poem);
        }
    }

    fn poem_failed(&self, failure: Failure) {
        if self.cancel_timeout() {
            (self.errback)(failure);
        }
    }

    fn on_timeout(&self, connector: &Connector) {
        self.timeout_call.take();
        // The loop will tell of it later, as of any end, and it will not be heard.
        connector.disconnect();
        let timed_out = PoemTimedOut(self.timeout);
        (self.errback)(Failure::without_backtrace(timed_out));
    }

    /// Cancels the call that would give the poem up, and says whether there still was one.
    fn cancel_timeout(&self) -> bool {
        let call = self.timeout_call.take();
        call.is_some_and(|call| call.cancel().is_ok())
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
