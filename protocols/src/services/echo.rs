//! Sends back what comes.

use std::rc::Rc;

use crate::{Address, Factory, HalfCloseable, Producer, Protocol, Transport};

/// Makes an [`Echo`] for each connection. RFC 862.
#[derive(Debug, Clone, Copy, Default)]
pub struct EchoFactory;

impl Factory for EchoFactory {
    type Protocol = Echo;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Echo> {
        Some(Echo)
    }
}

/// Sends back what comes, no faster than its peer reads it, and all of it even if the peer sends no more.
///
/// *Twisted's `wire.Echo`, which keeps what its peer does not read, however much that is.*
#[derive(Debug, Clone, Copy, Default)]
pub struct Echo;

impl Protocol for Echo {
    /// Makes the connection its own producer: when too much waits to be sent, it reads nothing more.
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        let producer = Producer::Push(Rc::clone(transport) as _);
        if transport.register_producer(producer).is_err() {
            // Somebody else feeds this connection, and no echo would find its place in that.
            transport.abort_connection();
        }
    }

    fn data_received(&mut self, transport: &Rc<dyn Transport>, data: &[u8]) {
        transport.write(data);
    }

    fn half_closeable(&mut self) -> Option<&mut dyn HalfCloseable> {
        Some(self)
    }
}

impl HalfCloseable for Echo {
    /// Closes when all has been sent back.
    fn read_connection_lost(&mut self, transport: &Rc<dyn Transport>) {
        transport.stop_consuming();
    }

    fn write_connection_lost(&mut self, _transport: &Rc<dyn Transport>) {}
}
