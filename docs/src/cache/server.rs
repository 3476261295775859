//! Sessions on connections.

use std::rc::Rc;

use protocols::{Address, Factory, Protocol, Transport};

use super::{Session, Store};

// ANCHOR: server
/// Makes a session for each connection, and keeps what all of them share.
#[derive(Debug, Default)]
pub struct CacheServer {
    store: Store,
}

impl Factory for CacheServer {
    type Protocol = CacheProtocol;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<CacheProtocol> {
        Some(CacheProtocol(Session::new(&self.store)))
    }
}

/// A session, put on a connection.
#[derive(Debug)]
pub struct CacheProtocol(Session);

impl Protocol for CacheProtocol {
    fn data_received(&mut self, transport: &Rc<dyn Transport>, data: &[u8]) {
        let answers = self.0.receive(data);
        transport.write(&answers);
        if self.0.is_over() {
            transport.lose_connection();
        }
    }
}
// ANCHOR_END: server
