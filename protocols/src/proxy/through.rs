//! The transport of a protocol behind a balancer.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use deferred::{Deferred, Failure};

use crate::files::FileConsumer;
use crate::{Abilities, Address, Consumer, Flow, Producer, ProducerError, PushProducer, Transport};

use super::Addresses;

/// The transport beneath but for one thing: once they are known, its ends are those that the header names.
pub(super) struct Through {
    transport: Rc<dyn Transport>,
    addresses: OnceCell<Addresses>,
}

impl Through {
    /// Puts this on a transport.
    pub(super) fn new(transport: &Rc<dyn Transport>) -> Rc<Self> {
        Rc::new(Self {
            transport: Rc::clone(transport),
            addresses: OnceCell::new(),
        })
    }

    /// Takes the ends from a header. There is one of a connection.
    pub(super) fn set_addresses(&self, addresses: Addresses) {
        self.addresses.get_or_init(|| addresses);
    }
}

impl Consumer for Through {
    fn write(&self, data: &[u8]) -> Flow {
        self.transport.write(data)
    }

    fn write_shared(&self, data: Rc<[u8]>) -> Flow {
        self.transport.write_shared(data)
    }

    fn register_producer(&self, producer: Producer) -> Result<(), ProducerError> {
        self.transport.register_producer(producer)
    }

    fn unregister_producer(&self) {
        self.transport.unregister_producer();
    }

    fn file_consumer(&self) -> Option<&dyn FileConsumer> {
        self.transport.file_consumer()
    }
}

impl PushProducer for Through {
    fn pause_producing(&self) {
        self.transport.pause_producing();
    }

    fn resume_producing(&self) {
        self.transport.resume_producing();
    }

    fn stop_producing(&self) {
        self.transport.stop_producing();
    }
}

impl Transport for Through {
    fn write_vectored(&self, parts: &[&[u8]]) -> Flow {
        self.transport.write_vectored(parts)
    }

    fn lose_connection(&self) {
        self.transport.lose_connection();
    }

    fn lose_connection_within(&self, limit: Duration) {
        self.transport.lose_connection_within(limit);
    }

    fn abort_connection(&self) {
        self.transport.abort_connection();
    }

    fn stop_consuming(&self) {
        self.transport.stop_consuming();
    }

    fn wake(&self) {
        self.transport.wake();
    }

    fn when_lost(&self) -> Deferred<Failure> {
        self.transport.when_lost()
    }

    fn set_water_marks(&self, high: usize, low: usize) {
        self.transport.set_water_marks(high, low);
    }

    /// Where the client is, once that is known, and the balancer until then.
    fn peer(&self) -> Address {
        match self.addresses.get() {
            Some(addresses) => addresses.source.clone(),
            None => self.transport.peer(),
        }
    }

    /// To where the client connected, once that is known, and the socket until then.
    fn host(&self) -> Address {
        match self.addresses.get() {
            Some(addresses) => addresses.destination.clone(),
            None => self.transport.host(),
        }
    }

    /// What the transport beneath says, which is about the balancer, and for whom that stands.
    fn describe(&self) -> String {
        let beneath = self.transport.describe();
        match self.addresses.get() {
            Some(addresses) => format!("{beneath} for {}", addresses.source),
            None => beneath,
        }
    }

    fn abilities(&self) -> Abilities<'_> {
        self.transport.abilities()
    }
}
