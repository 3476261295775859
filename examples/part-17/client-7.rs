//! Part 17 of the tutorial, client 7.0: the way of a poem is one function.
//!
//! ```sh
//! cargo run --bin client-7 -- 11000 10000 10001
//! ```
//!
//! with `transformedpoetry` listening at the first port, and poetry servers at the others. It prints what client 6.0
//! prints.
//!
//! What to notice: `get_transformed_poem` is the chain of client 6.0 and its inner one, written as if it blocked. An
//! errback is a `match`, and which step it belongs to can be seen. The functions that are awaited are those of
//! client 6.0, to the letter, and who calls this one adds to its Deferred as before: callbacks and `async` are two
//! ways to write the same thing, and can be mixed step by step.

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
#[command(name = "client-7", version)]
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
        done: RefCell::default(),
    });

    for (_, server) in options.servers.tasks() {
        let done = Rc::clone(&main);
        reactor
            .spawn(get_transformed_poem(Rc::clone(&proxy), server.clone()))
            .add_callback(got_poem)
            .add_both(move |result| done.poem_done(result))
            .ignore();
    }

    let stopped = cli::run(&reactor);

    let all_went_well = main.done.borrow().iter().all(Result::is_ok);
    cli::exit_code(stopped, all_went_well)
}

/// What has come of all the poems.
struct PoetryMain {
    reactor: Reactor,
    poetry_count: usize,
    done: RefCell<Vec<Result<(), Failure>>>,
}

impl PoetryMain {
    fn poem_done(&self, result: Result<(), Failure>) {
        self.done.borrow_mut().push(result);
        if self.done.borrow().len() == self.poetry_count {
            // After Ctrl-C it is stopping already.
            let _ = self.reactor.stop();
        }
    }
}

fn got_poem(poem: Vec<u8>) {
    cli::print(&poem);
    cli::say("");
}

/// Gets a poem, and has it transformed; if that fails, it is the poem as it was.
async fn get_transformed_poem(
    proxy: Rc<TransformProxy>,
    ServerAddress { host, port }: ServerAddress,
) -> Result<Vec<u8>, Failure> {
    let reactor = &proxy.reactor;
    let poem = match get_poetry(reactor, &host, port).await {
        Ok(poem) => poem,
        Err(failure) => {
            // After Ctrl-C all poems fail, which is no news.
            if reactor.is_running() {
                cli::note(format!("The poem download failed: {failure}"));
            }
            return Err(failure);
        }
    };
    match proxy.xform("cummingsify", poem.clone()).await {
        Ok(new_poem) => Ok(new_poem),
        // After Ctrl-C it fails, too, and no one waits for the poem any more.
        Err(failure) if !reactor.is_running() => Err(failure),
        Err(_failure) => {
            cli::note("Cummingsify failed!");
            Ok(poem)
        }
    }
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
