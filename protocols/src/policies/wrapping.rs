//! A policy around a factory, and what stands between a transport and a protocol then.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::Duration;

use deferred::{Deferred, Failure};

use crate::files::FileConsumer;
use crate::protocol::{DescriptorReceiver, HalfCloseable, short_name};
use crate::uses::Inner;
use crate::{
    Abilities, Address, ClientFactory, Connector, Consumer, Factory, Flow, Producer, ProducerError,
    Protocol, PullProducer, PushProducer, Transport,
};

/// What is done about the connections of a factory.
pub trait Policy: 'static {
    /// What is done about one of them.
    type Connection: Connection;

    /// Called before the factory builds the protocol; `None` declines the connection.
    ///
    /// What is given is dropped when the connection is over, or if the factory declines it.
    fn accept(&self, peer: &Address) -> Option<Self::Connection>;
}

/// What is done about one connection. Its methods are called before the protocol's, or the transport's.
pub trait Connection: 'static {
    /// Called once, before anything else.
    fn connection_made(&self, wire: &Rc<Wire>) {
        let _ = wire;
    }

    /// Called when bytes have come.
    fn data_received(&self, data: &[u8]) {
        let _ = data;
    }

    /// Called when the protocol writes, with the parts of what it writes together.
    fn written(&self, parts: &[&[u8]]) {
        let _ = parts;
    }

    /// Whether [`written`](Self::written) is to see all that is written, as it is at first.
    ///
    /// If not, files may go past it, without their bytes being [read](crate::files).
    fn looks_at_writes(&self) -> bool {
        true
    }

    /// Called once, at the end.
    fn connection_lost(&self, reason: &Failure) {
        let _ = reason;
    }
}

/// A factory with a policy around it.
///
/// *Twisted's `WrappingFactory`.*
pub struct Wrapping<F: Factory, Q> {
    factory: Inner<F>,
    policy: Q,
}

impl<F: Factory, Q: Policy> Wrapping<F, Q> {
    /// Puts `policy` around `factory`.
    pub const fn new(factory: Rc<F>, policy: Q) -> Self {
        Self {
            factory: Inner::new(factory),
            policy,
        }
    }

    /// The factory inside.
    #[must_use]
    pub const fn factory(&self) -> &Rc<F> {
        self.factory.get()
    }

    /// The policy.
    #[must_use]
    pub const fn policy(&self) -> &Q {
        &self.policy
    }
}

impl<F: Factory, Q: Policy> Factory for Wrapping<F, Q> {
    type Protocol = Wrapped<F::Protocol, Q::Connection>;

    fn build_protocol(self: &Rc<Self>, peer: &Address) -> Option<Self::Protocol> {
        let connection = Rc::new(self.policy.accept(peer)?);
        let protocol = self.factory.build_protocol(peer)?;
        Some(Wrapped {
            protocol,
            connection,
            between: None,
        })
    }

    fn start_factory(self: &Rc<Self>) {
        self.factory.start();
    }

    fn stop_factory(self: &Rc<Self>) {
        self.factory.stop();
    }

    fn log_prefix(&self) -> String {
        self.factory.log_prefix()
    }

    fn is_quiet(&self) -> bool {
        self.factory.is_quiet()
    }
}

impl<F: ClientFactory, Q: Policy> ClientFactory for Wrapping<F, Q> {
    fn started_connecting(self: &Rc<Self>, connector: &Connector) {
        self.factory.started_connecting(connector);
    }

    fn client_connection_failed(self: &Rc<Self>, connector: &Connector, reason: Failure) {
        self.factory.client_connection_failed(connector, reason);
    }

    fn client_connection_lost(self: &Rc<Self>, connector: &Connector, reason: Failure) {
        self.factory.client_connection_lost(connector, reason);
    }
}

impl<F: Factory, Q> fmt::Debug for Wrapping<F, Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (factory, policy) = (short_name::<F>(), short_name::<Q>());
        write!(f, "Wrapping({factory} in {policy})")
    }
}

/// A protocol with a policy around it.
///
/// *Twisted's `ProtocolWrapper`.*
pub struct Wrapped<P, C> {
    protocol: P,
    connection: Rc<C>,
    /// Between its beginning and its end.
    between: Option<(Rc<Wire>, Rc<dyn Transport>)>,
}

impl<P: Protocol, C: Connection> Protocol for Wrapped<P, C> {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        let wire = Rc::new(Wire {
            transport: Rc::clone(transport),
            producer: RefCell::new(None),
            reading: Cell::default(),
        });
        let through: Rc<dyn Transport> = Rc::new(Through {
            wire: Rc::clone(&wire),
            connection: Rc::clone(&self.connection),
        });
        self.between = Some((Rc::clone(&wire), Rc::clone(&through)));
        self.connection.connection_made(&wire);
        self.protocol.connection_made(&through);
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, data: &[u8]) {
        self.connection.data_received(data);
        if let Some((_, through)) = &self.between {
            self.protocol.data_received(through, data);
        }
    }

    fn woken(&mut self, _transport: &Rc<dyn Transport>) {
        if let Some((_, through)) = &self.between {
            self.protocol.woken(through);
        }
    }

    fn connection_lost(&mut self, reason: Failure) {
        if let Some((wire, _)) = self.between.take() {
            // It may own this very transport.
            drop(wire.producer.take());
        }
        self.connection.connection_lost(&reason);
        self.protocol.connection_lost(reason);
    }

    fn half_closeable(&mut self) -> Option<&mut dyn HalfCloseable> {
        let can = self.protocol.half_closeable().is_some();
        can.then_some(self as _)
    }

    fn descriptor_receiver(&mut self) -> Option<&mut dyn DescriptorReceiver> {
        let can = self.protocol.descriptor_receiver().is_some();
        can.then_some(self as _)
    }

    fn log_prefix(&self) -> String {
        format!("{} ({})", self.protocol.log_prefix(), short_name::<C>())
    }
}

impl<P: Protocol, C: Connection> HalfCloseable for Wrapped<P, C> {
    fn read_connection_lost(&mut self, _transport: &Rc<dyn Transport>) {
        if let (Some((_, through)), Some(protocol)) =
            (&self.between, self.protocol.half_closeable())
        {
            protocol.read_connection_lost(through);
        }
    }

    fn write_connection_lost(&mut self, _transport: &Rc<dyn Transport>) {
        if let (Some((_, through)), Some(protocol)) =
            (&self.between, self.protocol.half_closeable())
        {
            protocol.write_connection_lost(through);
        }
    }
}

impl<P: Protocol, C: Connection> DescriptorReceiver for Wrapped<P, C> {
    fn descriptor_received(&mut self, _transport: &Rc<dyn Transport>, descriptor: OwnedFd) {
        if let (Some((_, through)), Some(protocol)) =
            (&self.between, self.protocol.descriptor_receiver())
        {
            protocol.descriptor_received(through, descriptor);
        }
    }
}

impl<P, C> fmt::Debug for Wrapped<P, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wrapped({} in {})", short_name::<P>(), short_name::<C>())
    }
}

/// The transport under a policy, as the policy sees it: it can hold what comes and what is made.
pub struct Wire {
    transport: Rc<dyn Transport>,
    producer: RefCell<Option<Rc<Gate>>>,
    reading: Cell<Reading>,
}

/// Who wants nothing to be read.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
struct Reading {
    paused: bool,
    held: bool,
}

impl Wire {
    /// The transport.
    #[must_use]
    pub fn transport(&self) -> &Rc<dyn Transport> {
        &self.transport
    }

    /// Holds what comes, or lets it come again as far as the protocol wants it.
    pub fn hold_reading(&self, held: bool) {
        let paused = self.reading.get().paused;
        self.set_reading(Reading { paused, held });
    }

    /// Holds the protocol's producer, or lets it go on as far as the transport has room.
    ///
    /// A pull producer is not asked from now on. A push producer is [told](Self::tell_producer) by the loop.
    pub fn hold_producer(&self, held: bool) {
        if let Some(gate) = &*self.producer.borrow() {
            gate.held.set(held);
        }
    }

    /// Tells a push producer to wait, or to go on, if it was not told.
    ///
    /// Called by the loop only, never from inside a call of the protocol's.
    pub fn tell_producer(&self) {
        let gate = self.producer.borrow().clone();
        if let Some(gate) = gate {
            gate.tell();
        }
    }

    fn set_reading(&self, reading: Reading) {
        let before = self.reading.replace(reading);
        match (before == Reading::default(), reading == Reading::default()) {
            (true, false) => self.transport.pause_producing(),
            (false, true) => self.transport.resume_producing(),
            _ => {}
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wire(to {})", self.transport.peer())
    }
}

/// A producer that two can have wait: the transport, and the policy.
struct Gate {
    producer: Producer,
    full: Cell<bool>,
    held: Cell<bool>,
    /// What a push producer was told last.
    paused: Cell<bool>,
}

impl Gate {
    fn tell(&self) {
        let Producer::Push(producer) = &self.producer else {
            return;
        };
        let paused = self.full.get() || self.held.get();
        match (self.paused.replace(paused), paused) {
            (false, true) => producer.pause_producing(),
            (true, false) => producer.resume_producing(),
            _ => {}
        }
    }
}

impl PushProducer for Gate {
    fn pause_producing(&self) {
        self.full.set(true);
        self.tell();
    }

    fn resume_producing(&self) {
        self.full.set(false);
        self.tell();
    }

    fn stop_producing(&self) {
        self.producer.stop();
    }
}

impl PullProducer for Gate {
    fn resume_producing(&self) {
        // While it is held it is asked again a little later, as one that has nothing to write.
        if let (Producer::Pull(producer), false) = (&self.producer, self.held.get()) {
            producer.resume_producing();
        }
    }

    fn stop_producing(&self) {
        self.producer.stop();
    }
}

/// The transport above a policy, as the protocol sees it.
struct Through<C> {
    wire: Rc<Wire>,
    connection: Rc<C>,
}

impl<C: Connection> Consumer for Through<C> {
    fn write(&self, data: &[u8]) -> Flow {
        self.connection.written(&[data]);
        self.wire.transport.write(data)
    }

    fn write_shared(&self, data: Rc<[u8]>) -> Flow {
        self.connection.written(&[&data]);
        self.wire.transport.write_shared(data)
    }

    fn register_producer(&self, producer: Producer) -> Result<(), ProducerError> {
        let gate = Rc::new(Gate {
            producer,
            full: Cell::new(false),
            held: Cell::new(false),
            paused: Cell::new(false),
        });
        self.wire.transport.register_producer(match gate.producer {
            Producer::Push(_) => Producer::Push(gate.clone()),
            Producer::Pull(_) => Producer::Pull(gate.clone()),
        })?;
        *self.wire.producer.borrow_mut() = Some(gate);
        Ok(())
    }

    fn unregister_producer(&self) {
        self.wire.producer.take();
        self.wire.transport.unregister_producer();
    }

    fn file_consumer(&self) -> Option<&dyn FileConsumer> {
        if self.connection.looks_at_writes() {
            return None;
        }
        self.wire.transport.file_consumer()
    }
}

impl<C: Connection> PushProducer for Through<C> {
    fn pause_producing(&self) {
        let held = self.wire.reading.get().held;
        self.wire.set_reading(Reading { paused: true, held });
    }

    fn resume_producing(&self) {
        let held = self.wire.reading.get().held;
        self.wire.set_reading(Reading {
            paused: false,
            held,
        });
    }

    fn stop_producing(&self) {
        self.wire.transport.stop_producing();
    }
}

impl<C: Connection> Transport for Through<C> {
    fn write_vectored(&self, parts: &[&[u8]]) -> Flow {
        self.connection.written(parts);
        self.wire.transport.write_vectored(parts)
    }

    fn lose_connection(&self) {
        self.wire.transport.lose_connection();
    }

    fn lose_connection_within(&self, limit: Duration) {
        self.wire.transport.lose_connection_within(limit);
    }

    fn abort_connection(&self) {
        self.wire.transport.abort_connection();
    }

    fn wake(&self) {
        self.wire.transport.wake();
    }

    fn when_lost(&self) -> Deferred<Failure> {
        self.wire.transport.when_lost()
    }

    fn set_water_marks(&self, high: usize, low: usize) {
        self.wire.transport.set_water_marks(high, low);
    }

    fn peer(&self) -> Address {
        self.wire.transport.peer()
    }

    fn host(&self) -> Address {
        self.wire.transport.host()
    }

    fn describe(&self) -> String {
        self.wire.transport.describe()
    }

    fn abilities(&self) -> Abilities<'_> {
        self.wire.transport.abilities()
    }
}
