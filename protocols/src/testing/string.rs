//! A transport that keeps what is written.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use deferred::{Deferred, Failure, Firer};

use crate::stream::FULL;
use crate::{
    Abilities, Address, Consumer, Flow, HalfClose, Producer, ProducerError, PushProducer, Transport,
};

/// A transport that goes nowhere: it keeps what is written, and notes what else was asked of it.
///
/// Nothing is ever called by it, and it never ends by itself; for a protocol that is to hear of the end that it
/// asks for, see [`StringConnection`](super::StringConnection).
///
/// # Examples
///
/// ```
/// use protocols::Transport;
/// use protocols::testing::StringTransport;
/// use std::rc::Rc;
///
/// let transport = StringTransport::new();
/// let handle: Rc<dyn Transport> = transport.clone();
/// handle.write(b"hello");
/// handle.lose_connection();
///
/// assert_eq!(transport.value(), b"hello");
/// assert!(transport.is_disconnecting());
/// ```
///
/// *Twisted's `StringTransport`.*
pub struct StringTransport {
    written: RefCell<Vec<u8>>,
    host: Address,
    peer: Address,
    producer: RefCell<Option<Producer>>,
    producing: Cell<Producing>,
    ending: Cell<Ending>,
    is_half_closed: Cell<bool>,
    is_woken: Cell<bool>,
    high_water: Cell<usize>,
    /// Within which time the end was to come.
    limit: Cell<Option<Duration>>,
    reason: RefCell<Option<Failure>>,
    wait_for_end: RefCell<Vec<Firer<Failure>>>,
}

/// What a transport was told last as a producer of what it receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Producing {
    /// To produce, as it does at first.
    On,
    /// To pause.
    Paused,
    /// To stop.
    Stopped,
}

/// Which end was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Ending {
    None,
    Lose,
    Abort,
}

impl StringTransport {
    /// Makes a transport between two addresses of the network that is for documentation.
    #[must_use]
    pub fn new() -> Rc<Self> {
        let at = |host, port| SocketAddr::from((Ipv4Addr::new(192, 0, 2, host), port)).into();
        Self::between(at(1, 54321), at(2, 12345))
    }

    /// Makes a transport from `host`, its own address, to `peer`.
    #[must_use]
    pub fn between(host: Address, peer: Address) -> Rc<Self> {
        Rc::new(Self {
            written: RefCell::default(),
            host,
            peer,
            producer: RefCell::new(None),
            producing: Cell::new(Producing::On),
            ending: Cell::new(Ending::None),
            is_half_closed: Cell::new(false),
            is_woken: Cell::new(false),
            high_water: Cell::new(FULL),
            limit: Cell::new(None),
            reason: RefCell::new(None),
            wait_for_end: RefCell::default(),
        })
    }

    /// What was written since it was [cleared](Self::clear).
    #[must_use]
    pub fn value(&self) -> Vec<u8> {
        self.written.borrow().clone()
    }

    /// Forgets what was written.
    pub fn clear(&self) {
        self.written.borrow_mut().clear();
    }

    /// What was written, which is forgotten.
    #[must_use]
    pub fn take(&self) -> Vec<u8> {
        self.written.take()
    }

    /// The producer that is registered.
    #[must_use]
    pub fn producer(&self) -> Option<Producer> {
        self.producer.borrow().clone()
    }

    /// What it was told last as a producer.
    #[must_use]
    pub fn producing(&self) -> Producing {
        self.producing.get()
    }

    /// Whether the protocol is to be woken, which is asked once.
    pub(super) fn takes_wake(&self) -> bool {
        self.is_woken.take() && !self.is_disconnecting()
    }

    /// Whether it was told to lose or to abort the connection.
    #[must_use]
    pub fn is_disconnecting(&self) -> bool {
        self.ending.get() != Ending::None
    }

    /// Whether it was told to abort the connection.
    #[must_use]
    pub fn is_aborting(&self) -> bool {
        self.ending.get() == Ending::Abort
    }

    /// Within which time the connection was to be lost, if that was said.
    #[must_use]
    pub fn limit(&self) -> Option<Duration> {
        self.limit.get()
    }

    /// Whether it was told to end the direction from here to the peer.
    #[must_use]
    pub fn is_half_closed(&self) -> bool {
        self.is_half_closed.get()
    }

    /// Takes what is written, unless somebody has ended that; a producer's is taken until it is done.
    fn take_in(&self, parts: &[&[u8]]) -> Flow {
        let is_ending = self.is_disconnecting() || self.is_half_closed();
        let is_over = self.is_aborting() || self.reason.borrow().is_some();
        if is_over || is_ending && self.producer.borrow().is_none() {
            return Flow::Open;
        }
        let mut written = self.written.borrow_mut();
        parts
            .iter()
            .for_each(|part| written.extend_from_slice(part));
        if written.len() > self.high_water.get() {
            Flow::Full
        } else {
            Flow::Open
        }
    }

    /// The producer, which is registered no more.
    pub(super) fn take_producer(&self) -> Option<Producer> {
        self.producer.take()
    }

    /// Notes why the connection is over, and fires all that waits for that.
    pub(super) fn is_over(&self, reason: &Failure) {
        *self.reason.borrow_mut() = Some(reason.clone());
        for firer in self.wait_for_end.take() {
            firer.callback(reason.clone());
        }
    }
}

impl Consumer for StringTransport {
    fn write(&self, data: &[u8]) -> Flow {
        self.take_in(&[data])
    }

    fn register_producer(&self, producer: Producer) -> Result<(), ProducerError> {
        let mut registered = self.producer.borrow_mut();
        if registered.is_some() {
            return Err(ProducerError::AlreadyRegistered);
        }
        *registered = Some(producer);
        Ok(())
    }

    /// Unregisters the producer.
    ///
    /// # Panics
    ///
    /// If there is none: a real transport does not mind, but a test that meets this has found a confusion.
    fn unregister_producer(&self) {
        let producer = self.producer.take();
        assert!(producer.is_some(), "no producer is registered");
    }
}

impl PushProducer for StringTransport {
    fn pause_producing(&self) {
        if self.producing.get() != Producing::Stopped {
            self.producing.set(Producing::Paused);
        }
    }

    fn resume_producing(&self) {
        if self.producing.get() != Producing::Stopped {
            self.producing.set(Producing::On);
        }
    }

    fn stop_producing(&self) {
        self.producing.set(Producing::Stopped);
        self.lose_connection();
    }
}

impl Transport for StringTransport {
    fn write_vectored(&self, parts: &[&[u8]]) -> Flow {
        self.take_in(parts)
    }

    fn lose_connection(&self) {
        if self.ending.get() < Ending::Lose {
            self.ending.set(Ending::Lose);
        }
    }

    fn lose_connection_within(&self, limit: Duration) {
        self.lose_connection();
        self.limit.set(Some(limit));
    }

    fn abort_connection(&self) {
        self.ending.set(Ending::Abort);
    }

    /// Noted; a [`StringConnection`](super::StringConnection) has its protocol woken by that.
    fn wake(&self) {
        self.is_woken.set(true);
    }

    fn when_lost(&self) -> Deferred<Failure> {
        if let Some(reason) = &*self.reason.borrow() {
            return Deferred::succeed(reason.clone());
        }
        let (firer, deferred) = Deferred::new();
        self.wait_for_end.borrow_mut().push(firer);
        deferred
    }

    /// Sets from which number of bytes on it says that it is full; it has no use for the other one.
    fn set_water_marks(&self, high: usize, _low: usize) {
        self.high_water.set(high);
    }

    fn peer(&self) -> Address {
        self.peer.clone()
    }

    fn host(&self) -> Address {
        self.host.clone()
    }

    fn abilities(&self) -> Abilities<'_> {
        Abilities {
            half_close: Some(self),
            ..Abilities::default()
        }
    }
}

impl HalfClose for StringTransport {
    fn lose_write_connection(&self) {
        self.is_half_closed.set(true);
    }
}

impl fmt::Debug for StringTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StringTransport")
            .field("value", &self.value().escape_ascii().to_string())
            .field("producing", &self.producing.get())
            .field("ending", &self.ending.get())
            .finish_non_exhaustive()
    }
}
