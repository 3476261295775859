//! A slow poetry server that serves everybody at once: the program of the book's chapter on servers.
//!
//! ```sh
//! cargo run -p docs --bin poetry-server -- examples/poems/river.txt 10000
//! ```

use std::cell::{Cell, RefCell};
use std::env;
use std::error::Error;
use std::fs;
use std::rc::Rc;
use std::time::Duration;

use protocols::deferred::Failure;
use protocols::reactor::{DelayedCall, Reactor};
use protocols::{Address, Factory, ListenOptions, Protocol, ReactorTcp, Transport};

/// How much is sent at a time.
const PIECE: usize = 30;
/// The time between two pieces.
const PACE: Duration = Duration::from_millis(100);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let file = arguments.next().ok_or("which poem?")?;
    let port = arguments.next().unwrap_or_else(|| "0".to_owned()).parse()?;
    let reactor = Reactor::new()?;

    let factory = Rc::new(PoetryFactory {
        reactor: reactor.clone(),
        poem: fs::read(file)?.into(),
        listeners: Cell::new(0),
    });
    let options = ListenOptions::new(port).interface("127.0.0.1".parse()?);
    let port = reactor.listen_tcp_with(options, factory)?;
    println!("Serving on {}", port.address());

    reactor.run()?;
    Ok(())
}

// ANCHOR: factory
/// What all connections share: the poem, the reactor, and how many listen.
struct PoetryFactory {
    reactor: Reactor,
    poem: Rc<[u8]>,
    listeners: Cell<usize>,
}

impl Factory for PoetryFactory {
    type Protocol = PoetryProtocol;

    fn build_protocol(self: &Rc<Self>, peer: &Address) -> Option<PoetryProtocol> {
        self.listeners.set(self.listeners.get() + 1);
        println!("{peer} listens; {} in all", self.listeners.get());
        Some(PoetryProtocol {
            factory: Rc::clone(self),
            reading: None,
        })
    }
}
// ANCHOR_END: factory

// ANCHOR: protocol
/// One connection: it begins to read the poem, and stops when it is lost.
struct PoetryProtocol {
    factory: Rc<PoetryFactory>,
    reading: Option<Rc<Reading>>,
}

impl Protocol for PoetryProtocol {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        let reading = Rc::new(Reading {
            transport: Rc::clone(transport),
            poem: Rc::clone(&self.factory.poem),
            sent: Cell::new(0),
            next: RefCell::new(None),
        });
        Rc::clone(&reading).go_on(&self.factory.reactor);
        self.reading = Some(reading);
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {
        // A poet does not listen.
    }

    fn connection_lost(&mut self, _reason: Failure) {
        let next = self.reading.take().and_then(|reading| reading.next.take());
        if let Some(next) = next {
            // It may have been the last one, which has run.
            let _ = next.cancel();
        }
        self.factory.listeners.set(self.factory.listeners.get() - 1);
    }
}
// ANCHOR_END: protocol

// ANCHOR: reading
/// How far a poem has been read to one listener.
struct Reading {
    transport: Rc<dyn Transport>,
    poem: Rc<[u8]>,
    sent: Cell<usize>,
    /// The call that sends the next piece.
    next: RefCell<Option<DelayedCall>>,
}

impl Reading {
    /// Sends a piece, and leaves a call for the next one.
    fn go_on(self: Rc<Self>, reactor: &Reactor) {
        let rest = &self.poem[self.sent.get()..];
        let piece = &rest[..rest.len().min(PIECE)];
        self.transport.write(piece);
        self.sent.set(self.sent.get() + piece.len());
        if self.sent.get() == self.poem.len() {
            self.transport.lose_connection();
            return;
        }
        let this = Rc::clone(&self);
        let next = reactor.call_later(PACE, move |reactor| this.go_on(reactor));
        self.next.replace(Some(next));
    }
}
// ANCHOR_END: reading
