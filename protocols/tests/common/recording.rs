//! A transport without a connection: it notes what is asked of it, and a test plays the loop and the peer.
//!
//! A test file that needs it names this module itself, beside `common`.

#![allow(dead_code, reason = "no test file needs all of it")]

use std::cell::{Cell, RefCell};
use std::mem;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use protocols::deferred::{Deferred, Failure};
use protocols::{
    Address, Consumer, Flow, Producer, ProducerError, Protocol, PushProducer, Transport,
};

/// Notes what is asked of a transport.
#[derive(Default)]
pub(crate) struct Recorder {
    written: RefCell<Vec<u8>>,
    producer: RefCell<Option<Producer>>,
    is_paused: Cell<bool>,
    is_ended: Cell<bool>,
    is_to_wake: Cell<bool>,
}

impl Recorder {
    pub(crate) fn written(&self) -> Vec<u8> {
        self.written.borrow().clone()
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.is_paused.get()
    }

    /// Whether somebody has ended the connection, in whichever way.
    pub(crate) fn is_ended(&self) -> bool {
        self.is_ended.get()
    }

    /// Tells the push producer that there is no room, or that there is.
    #[track_caller]
    pub(crate) fn has_room(&self, room: bool) {
        match &*self.producer.borrow() {
            Some(Producer::Push(producer)) if room => producer.resume_producing(),
            Some(Producer::Push(producer)) => producer.pause_producing(),
            other => panic!("there is no push producer, but {other:?}"),
        }
    }

    /// Asks the pull producer for more.
    #[track_caller]
    pub(crate) fn ask(&self) {
        match &*self.producer.borrow() {
            Some(Producer::Pull(producer)) => producer.resume_producing(),
            other => panic!("there is no pull producer, but {other:?}"),
        }
    }
}

impl Consumer for Recorder {
    fn write(&self, data: &[u8]) -> Flow {
        if !self.is_ended() {
            self.written.borrow_mut().extend_from_slice(data);
        }
        Flow::Open
    }

    fn register_producer(&self, producer: Producer) -> Result<(), ProducerError> {
        *self.producer.borrow_mut() = Some(producer);
        Ok(())
    }

    fn unregister_producer(&self) {
        self.producer.take();
    }
}

impl PushProducer for Recorder {
    fn pause_producing(&self) {
        self.is_paused.set(true);
    }

    fn resume_producing(&self) {
        self.is_paused.set(false);
    }

    fn stop_producing(&self) {
        self.lose_connection();
    }
}

impl Transport for Recorder {
    fn write_vectored(&self, parts: &[&[u8]]) -> Flow {
        parts.iter().for_each(|part| {
            self.write(part);
        });
        Flow::Open
    }

    fn lose_connection(&self) {
        self.is_ended.set(true);
    }

    fn lose_connection_within(&self, _limit: Duration) {
        self.is_ended.set(true);
    }

    fn abort_connection(&self) {
        self.is_ended.set(true);
    }

    fn wake(&self) {
        self.is_to_wake.set(true);
    }

    fn when_lost(&self) -> Deferred<Failure> {
        Deferred::new().1
    }

    fn set_water_marks(&self, _high: usize, _low: usize) {}

    fn peer(&self) -> Address {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 1)).into()
    }

    fn host(&self) -> Address {
        SocketAddr::from((Ipv4Addr::LOCALHOST, 2)).into()
    }
}

/// A protocol, its recorder, and the loop for both.
pub(crate) struct Played<P> {
    pub(crate) protocol: P,
    pub(crate) recorder: Rc<Recorder>,
}

impl<P: Protocol> Played<P> {
    /// A connection that has just been made.
    pub(crate) fn new(protocol: P) -> Self {
        let recorder = Rc::new(Recorder::default());
        let mut played = Self { protocol, recorder };
        let transport = played.transport();
        played.protocol.connection_made(&transport);
        played.turn();
        played
    }

    /// Has the protocol receive these bytes in one piece, as a transport does that nobody has ended.
    pub(crate) fn receive(&mut self, data: &[u8]) {
        if !self.recorder.is_ended() {
            self.receive_all_the_same(data);
        }
    }

    /// Has the protocol receive these bytes, as no transport does that was ended.
    pub(crate) fn receive_all_the_same(&mut self, data: &[u8]) {
        let transport = self.transport();
        self.protocol.data_received(&transport, data);
        self.turn();
    }

    /// Lets the loop turn until nobody wants to be woken any more.
    pub(crate) fn turn(&mut self) {
        let transport = self.transport();
        while self.recorder.is_to_wake.take() && !self.recorder.is_ended() {
            self.protocol.woken(&transport);
        }
    }

    fn transport(&self) -> Rc<dyn Transport> {
        Rc::clone(&self.recorder) as _
    }
}

/// Cuts `data` into pieces of these lengths, over and over.
pub(crate) fn pieces(mut data: &[u8], lengths: &[usize]) -> Vec<Vec<u8>> {
    let mut pieces = Vec::new();
    for length in lengths.iter().cycle() {
        if data.is_empty() {
            break;
        }
        let (piece, rest) = data.split_at(data.len().min(*length));
        pieces.push(piece.to_vec());
        data = rest;
    }
    pieces
}

/// What a handler was called with, in order; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Notes(Rc<RefCell<Vec<String>>>);

impl Notes {
    pub(crate) fn add(&self, what: &str, data: &[u8]) {
        let note = match String::from_utf8_lossy(data) {
            data if data.is_empty() => what.to_owned(),
            data => format!("{what} {data}"),
        };
        self.0.borrow_mut().push(note);
    }

    pub(crate) fn take(&self) -> Vec<String> {
        mem::take(&mut *self.0.borrow_mut())
    }

    #[track_caller]
    pub(crate) fn assert(&self, expected: &[&str]) {
        assert_eq!(*self.0.borrow(), expected);
    }
}
