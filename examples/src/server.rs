//! A server that sends a poem at once: what part 15 of the tutorial tests, and part 16 runs as a service.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use protocols::deferred::{Deferred, DeferredList, Failure};
use protocols::{Address, ConnectionClosed, Factory, Protocol, Transport};

use crate::report;

/// Sends its poem to everyone who connects, all of it at once, and closes the connection.
///
/// Each poem that is sent is logged, and each that was not taken.
#[derive(Default)]
pub struct PoetryServerFactory {
    poem: Vec<u8>,
    built: Cell<u64>,
    /// The connections that stand, by their numbers.
    connections: RefCell<BTreeMap<u64, Rc<dyn Transport>>>,
}

impl PoetryServerFactory {
    /// Makes a factory for servers of this poem.
    #[must_use]
    pub fn new(poem: impl Into<Vec<u8>>) -> Self {
        Self {
            poem: poem.into(),
            ..Self::default()
        }
    }

    /// How many clients have not got all of the poem yet.
    #[must_use]
    pub fn clients(&self) -> usize {
        self.connections.borrow().len()
    }

    /// Gives those clients this much time for the rest, and fires when the last one is gone.
    ///
    /// Whoever has not taken all of it by then has the connection reset.
    pub fn finish_within(&self, limit: Duration) -> Deferred<()> {
        let connections: Vec<_> = self.connections.borrow().values().cloned().collect();
        let gone = connections.into_iter().map(|transport| {
            transport.lose_connection_within(limit);
            transport.when_lost()
        });
        DeferredList::new(gone).entries().map(|_| ())
    }
}

impl Factory for PoetryServerFactory {
    type Protocol = PoetryServerProtocol;

    fn build_protocol(self: &Rc<Self>, peer: &Address) -> Option<PoetryServerProtocol> {
        self.built.set(self.built.get() + 1);
        Some(PoetryServerProtocol {
            factory: Rc::clone(self),
            number: self.built.get(),
            peer: peer.clone(),
        })
    }
}

impl fmt::Debug for PoetryServerFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoetryServerFactory")
            .field("bytes", &self.poem.len())
            .field("clients", &self.clients())
            .finish_non_exhaustive()
    }
}

/// Sends the poem to one client.
#[derive(Debug)]
pub struct PoetryServerProtocol {
    factory: Rc<PoetryServerFactory>,
    number: u64,
    peer: Address,
}

impl Protocol for PoetryServerProtocol {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        let Self { factory, peer, .. } = self;
        log::info!("sending {} bytes of poetry to {peer}", factory.poem.len());

        let transport = Rc::clone(transport);
        transport.write(&factory.poem);
        transport.lose_connection();
        let mut connections = factory.connections.borrow_mut();
        connections.insert(self.number, transport);
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {
        // A poetry server does not take requests.
    }

    fn connection_lost(&mut self, reason: Failure) {
        let connection = self.factory.connections.borrow_mut().remove(&self.number);
        drop(connection);
        match reason.check::<ConnectionClosed>() {
            Some(closed) if closed.is_clean() => {}
            _ => {
                let why = report::with_causes(reason.error());
                log::info!("{} did not take all of it: {why}", self.peer);
            }
        }
    }
}
