//! A client that gets one poem, behind a function that returns a Deferred.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use protocols::deferred::{Deferred, Failure, Firer};
use protocols::reactor::{DelayedCall, Reactor};
use protocols::{
    Address, ClientFactory, ConnectOptions, ConnectionClosed, Connector, Factory, Protocol,
    ReactorTcp, Transport,
};

use crate::ServerAddress;

/// Gets a poem: the Deferred fires with all of its bytes, or with what went wrong.
///
/// `piece` is called for each piece that comes, with its length and where it came from. A server from
/// which nothing comes for as long as `patience` is given up with [`Silent`]; it has the same time to
/// answer the call.
pub fn get_poetry(
    reactor: &Reactor,
    server: &ServerAddress,
    patience: Duration,
    piece: impl FnMut(usize, &Address) + 'static,
) -> Deferred<Vec<u8>> {
    let (firer, poem) = Deferred::new();
    let factory = PoetryClientFactory {
        reactor: reactor.clone(),
        patience,
        piece: RefCell::new(Box::new(piece)),
        firer: Cell::new(Some(firer)),
    };
    let options = ConnectOptions::new().timeout(patience);
    reactor.connect_tcp_with(&server.host, server.port, Rc::new(factory), options);
    poem
}

/// A server sent nothing for so long that it was given up.
#[derive(Debug, thiserror::Error)]
#[error("the server was silent for {0:?}")]
pub struct Silent(Duration);

type PieceCallback = Box<dyn FnMut(usize, &Address)>;

/// Makes the protocol for one poem, and fires the Deferred of that poem.
struct PoetryClientFactory {
    reactor: Reactor,
    patience: Duration,
    piece: RefCell<PieceCallback>,
    /// Taken when it fires; whatever ends the attempt first decides.
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
            given_up: None,
        })
    }
}

impl ClientFactory for PoetryClientFactory {
    fn client_connection_failed(self: &Rc<Self>, _connector: &Connector, reason: Failure) {
        self.poem_failed(reason);
    }
}

/// Collects the bytes of one poem until the server closes the connection.
struct PoetryProtocol {
    factory: Rc<PoetryClientFactory>,
    poem: Vec<u8>,
    /// The call that gives a silent server up.
    given_up: Option<DelayedCall>,
}

impl Protocol for PoetryProtocol {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        let (factory, transport) = (Rc::clone(&self.factory), Rc::clone(transport));
        let patience = factory.patience;
        let given_up = self.factory.reactor.call_later(patience, move |_| {
            factory.poem_failed(Silent(patience).into());
            transport.abort_connection();
        });
        self.given_up = Some(given_up);
    }

    fn data_received(&mut self, transport: &Rc<dyn Transport>, data: &[u8]) {
        self.poem.extend_from_slice(data);
        if let Some(given_up) = &self.given_up {
            let _ = given_up.reset(self.factory.patience);
        }
        (self.factory.piece.borrow_mut())(data.len(), &transport.peer());
    }

    fn connection_lost(&mut self, reason: Failure) {
        if let Some(given_up) = self.given_up.take() {
            let _ = given_up.cancel();
        }
        // The end of the connection is the end of the poem, but only if nothing broke.
        match reason.check::<ConnectionClosed>() {
            Some(closed) if closed.is_clean() => {
                self.factory.poem_finished(std::mem::take(&mut self.poem));
            }
            _ => self.factory.poem_failed(reason),
        }
    }
}
