//! Protocols that are fed as consumers, and consumers that stand as protocols.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use crate::protocol::short_name;
use crate::{Consumer, Flow, Producer, ProducerError, Protocol, Transport};

/// A consumer that gives what is written to it to a protocol, such as a file that is to be parsed.
///
/// The protocol is called from inside [`write`](Consumer::write), with the transport that it was made with: the caller
/// is what a loop is to other protocols, and is not one of the protocol's own callbacks. A producer
/// is kept and told nothing, except that a pull producer is the caller's to ask; nothing waits here.
///
/// *Twisted's `ProtocolToConsumerAdapter`.*
pub struct FedProtocol<P> {
    protocol: RefCell<P>,
    transport: Rc<dyn Transport>,
    producer: RefCell<Option<Producer>>,
}

impl<P: Protocol> FedProtocol<P> {
    /// Feeds `protocol`, whose answers go to `transport`.
    pub fn new(protocol: P, transport: Rc<dyn Transport>) -> Self {
        Self {
            protocol: RefCell::new(protocol),
            transport,
            producer: RefCell::new(None),
        }
    }

    /// Gives the protocol back.
    pub fn into_inner(self) -> P {
        self.protocol.into_inner()
    }
}

impl<P: Protocol> Consumer for FedProtocol<P> {
    /// # Panics
    ///
    /// If it is called by the protocol itself.
    fn write(&self, data: &[u8]) -> Flow {
        let mut protocol = self.protocol.borrow_mut();
        protocol.data_received(&self.transport, data);
        Flow::Open
    }

    fn register_producer(&self, producer: Producer) -> Result<(), ProducerError> {
        let mut registered = self.producer.borrow_mut();
        if registered.is_some() {
            return Err(ProducerError::AlreadyRegistered);
        }
        *registered = Some(producer);
        Ok(())
    }

    fn unregister_producer(&self) {
        drop(self.producer.take());
    }
}

impl<P> fmt::Debug for FedProtocol<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FedProtocol({})", short_name::<P>())
    }
}

/// A protocol that gives what it receives to a consumer.
///
/// The transport becomes the consumer's producer: it is paused while the consumer has no room.
///
/// *Twisted's `ConsumerToProtocolAdapter`, which registers nothing.*
pub struct Feeding<C> {
    consumer: Rc<C>,
    /// Whether the transport is the consumer's producer.
    feeds: bool,
}

impl<C: Consumer + 'static> Feeding<C> {
    /// Feeds `consumer`.
    pub const fn new(consumer: Rc<C>) -> Self {
        Self {
            consumer,
            feeds: false,
        }
    }
}

impl<C: Consumer + 'static> Protocol for Feeding<C> {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        let producer = Producer::Push(transport.clone());
        match self.consumer.register_producer(producer) {
            Ok(()) => self.feeds = true,
            Err(error) => {
                log::error!(target: "protocols", "{self:?} feeds nothing: {error}");
                transport.lose_connection();
            }
        }
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, data: &[u8]) {
        self.consumer.write(data);
    }

    fn connection_lost(&mut self, _reason: deferred::Failure) {
        if self.feeds {
            self.consumer.unregister_producer();
        }
    }
}

impl<C> fmt::Debug for Feeding<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Feeding({})", short_name::<C>())
    }
}
