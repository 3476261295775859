//! A stream in memory: two ends on one reactor, each a transport, with nothing of the system's between them.
//!
//! An [`End`] does what a connection of TCP does, from the same places: its protocol and its producer are called
//! from its [`Step`]s only, which the loop runs. What was written goes out in [`sending`], comes in through the
//! [`inbox`] of the other end, and is told in [`receiving`]. The reactor owns the ends by way of [`Streams`].

mod chunking;
mod inbox;
mod loss;
mod producing;
mod receiving;
mod sending;
mod streams;
mod transport;

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::rc::{Rc, Weak};
use std::time::Duration;

use deferred::{Failure, Firer, report};
use reactor::{ConnectionClosed, DelayedCall, Job, Reactor};

use crate::stream::{FULL, Owner, Registered};
use crate::{Address, Protocol, Transport};

pub use chunking::Chunking;
pub use loss::Loss;

use inbox::{Arrival, Inbox};
use loss::Cut;
use sending::Unsent;
use streams::{Live, Streams};

/// What is between two ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wire {
    pub(super) chunking: Chunking,
    /// How long everything is on its way.
    pub(super) latency: Duration,
    /// How many bytes may be on their way to an end, or wait there.
    pub(super) room: usize,
}

/// What an end is made of.
pub(super) struct Parts<P> {
    pub(super) protocol: P,
    pub(super) host: Address,
    pub(super) owner: Option<Rc<dyn Owner>>,
}

/// Joins two ends; in the next turn the protocol of `server` is told, and then that of `client`.
pub(super) fn join<C: Protocol, S: Protocol>(
    reactor: &Reactor,
    wire: Wire,
    client: Parts<C>,
    server: Parts<S>,
) -> (Rc<End<C>>, Rc<End<S>>) {
    let (client_is, server_is) = (client.host.clone(), server.host.clone());
    let client = End::new(reactor, wire, client, server_is);
    let server = End::new(reactor, wire, server, client_is);
    let far: Weak<End<S>> = Rc::downgrade(&server);
    client.far.get_or_init(|| far);
    let far: Weak<End<C>> = Rc::downgrade(&client);
    server.far.get_or_init(|| far);
    server.next_turn(Step::Begin);
    client.next_turn(Step::Begin);
    (client, server)
}

/// What one end of a stream knows, and what waits there.
pub(super) struct End<P> {
    this: Weak<Self>,
    reactor: Reactor,
    streams: Rc<Streams>,
    wire: Wire,
    far: OnceCell<Weak<dyn Far>>,
    /// Borrowed while it runs, which is never from inside itself; gone when it was told of the end.
    protocol: RefCell<Option<P>>,
    /// Whether its protocol was told of the connection.
    has_begun: Cell<bool>,
    phase: Cell<Phase>,
    reading: Cell<Reading>,
    writing: Cell<Writing>,
    inbox: RefCell<Inbox>,
    unsent: RefCell<Unsent>,
    /// Where what is sent is lost.
    cut: Cell<Cut>,
    flush_waits: Cell<bool>,
    delivery_waits: Cell<bool>,
    ask_waits: Cell<bool>,
    wake_waits: Cell<bool>,
    /// High and low.
    water_marks: Cell<(usize, usize)>,
    producer: RefCell<Option<Registered>>,
    timers: Timers,
    /// Fired with the reason at the end.
    wait_for_end: RefCell<Vec<Firer<Failure>>>,
    /// Why it is over.
    reason: RefCell<Option<Failure>>,
    owner: RefCell<Option<Rc<dyn Owner>>>,
    host: Address,
    peer: Address,
}

/// How far an end has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Phase {
    /// Bytes come and go.
    Open,
    /// No bytes come, and none are taken but a producer's: what waits is sent, then it is over.
    Closing,
    /// It is over; the protocol will be told.
    Over,
    /// It is over, and the protocol was told.
    Told,
}

/// What becomes of the bytes that come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    On,
    Paused,
    /// None come any more, and the protocol knows.
    Ended,
}

/// Whether bytes go out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writing {
    On,
    /// None are taken but a producer's; when those that wait have been sent, the other end is told that it was all.
    Ending,
    Ended,
}

/// What an end has asked of the clock.
#[derive(Default)]
struct Timers {
    /// Something is there that is on its way now.
    arrival: RefCell<Option<DelayedCall>>,
    /// Asks a pull producer that had nothing to write.
    ask_again: RefCell<Option<DelayedCall>>,
    /// Aborts a connection whose peer takes too long to let it end.
    deadline: RefCell<Option<DelayedCall>>,
}

/// The other end, whatever its protocol.
trait Far {
    /// How many bytes may still be sent to it; none if it takes no more.
    fn room(&self) -> usize;
    fn is_over(&self) -> bool;
    /// Sends this to it.
    fn send(&self, what: Arrival);
    /// There is room again where this one sends.
    fn has_room(&self);
}

impl<P: Protocol> End<P> {
    fn new(reactor: &Reactor, wire: Wire, parts: Parts<P>, peer: Address) -> Rc<Self> {
        let end = Rc::new_cyclic(|this| Self {
            this: this.clone(),
            reactor: reactor.clone(),
            streams: reactor.extension(),
            wire,
            far: OnceCell::new(),
            protocol: RefCell::new(Some(parts.protocol)),
            has_begun: Cell::new(false),
            phase: Cell::new(Phase::Open),
            reading: Cell::new(Reading::On),
            writing: Cell::new(Writing::On),
            inbox: RefCell::new(Inbox::new(wire.chunking)),
            unsent: RefCell::default(),
            cut: Cell::default(),
            flush_waits: Cell::new(false),
            delivery_waits: Cell::new(false),
            ask_waits: Cell::new(false),
            wake_waits: Cell::new(false),
            water_marks: Cell::new((FULL, 0)),
            producer: RefCell::new(None),
            timers: Timers::default(),
            wait_for_end: RefCell::default(),
            reason: RefCell::new(None),
            owner: RefCell::new(parts.owner),
            host: parts.host,
            peer,
        });
        end.streams.keep(reactor, Rc::clone(&end) as _);
        end
    }

    fn begin(&self) {
        if self.reactor.is_stopping() {
            let stopped = Failure::without_backtrace(ConnectionClosed::ReactorStopped);
            return self.reactor_has_stopped(stopped);
        }
        self.has_begun.set(true);
        let owner = self.owner.borrow().clone();
        if let (Some(owner), Some(this)) = (owner, self.this.upgrade()) {
            owner.connected(&(this as Rc<dyn Transport>));
        }
        self.call_protocol("connection_made", |protocol, transport| {
            protocol.connection_made(transport);
        });
    }

    /// Calls `with` with the protocol, as the loop calls it; not at all once it was told of the end.
    pub(super) fn with_protocol<R>(
        &self,
        with: impl FnOnce(&mut P, &Rc<dyn Transport>) -> R,
    ) -> Option<R> {
        let transport: Rc<dyn Transport> = self.this.upgrade()?;
        let mut protocol = self.protocol.try_borrow_mut().ok()?;
        protocol.as_mut().map(|protocol| with(protocol, &transport))
    }

    /// Calls the protocol, if it is still to be called; a panic in it is reported, and ends the connection.
    fn call_protocol(&self, what: &str, call: impl FnOnce(&mut P, &Rc<dyn Transport>)) {
        self.guarded(what, || {
            self.with_protocol(call);
        });
    }

    /// Calls code of the user's; a panic in it is reported, and ends the connection.
    fn guarded(&self, what: &str, call: impl FnOnce()) {
        if let Err(panic) = Failure::catch(call) {
            report(&format!("Unhandled error in {what}"), &panic);
            self.end(panic);
        }
    }

    /// Ends the connection now; its protocol is told in the next turn.
    fn end(&self, reason: Failure) {
        if self.is_over_with(reason) {
            self.next_turn(Step::Tell);
        }
    }

    /// Ends the connection, unless it is over already, and says whether it was this that did it.
    fn is_over_with(&self, reason: Failure) -> bool {
        if self.phase.get() >= Phase::Over {
            return false;
        }
        self.phase.set(Phase::Over);
        let is_aborted = matches!(reason.check(), Some(ConnectionClosed::ConnectionAborted));
        *self.reason.borrow_mut() = Some(reason);
        self.unsent.borrow_mut().clear();
        self.inbox.borrow_mut().clear();
        self.timers.cancel();
        if is_aborted {
            self.send_to_far(Arrival::Reset);
        } else if self.writing.get() != Writing::Ended {
            self.send_to_far(Arrival::End);
        }
        if let Some(far) = self.far() {
            far.has_room();
        }
        true
    }

    /// Tells everyone of the end. Called by the loop only.
    fn tell(&self) {
        if self.phase.replace(Phase::Told) == Phase::Told {
            return;
        }
        if let Some(this) = self.this.upgrade() {
            self.streams.forget(&self.reactor, &(this as _));
        }
        let Some(reason) = self.reason.borrow().clone() else {
            return;
        };
        let producer = self.producer.take();
        if let Some(Registered { producer, .. }) = producer {
            self.guarded("stop_producing", || producer.stop());
        }
        let (protocol, owner) = (self.protocol.take(), self.owner.take());
        if let Some(mut protocol) = protocol {
            let reason = reason.clone();
            self.guarded("connection_lost", move || {
                protocol.connection_lost(reason);
                drop(protocol);
            });
        }
        if let Some(owner) = owner {
            owner.connection_lost(reason.clone());
        }
        for firer in self.wait_for_end.take() {
            firer.callback(reason.clone());
        }
    }

    /// When what is on its way to it next is there.
    pub(super) fn next_arrival(&self) -> Option<Duration> {
        self.inbox.borrow().next_after(self.reactor.now())
    }

    /// Whether its protocol was told of the end.
    pub(super) fn is_told(&self) -> bool {
        self.phase.get() == Phase::Told
    }

    /// The other end; none if nothing is left of it.
    fn far(&self) -> Option<Rc<dyn Far>> {
        self.far.get().and_then(Weak::upgrade)
    }

    fn after_callback(&self, step: Step) {
        if let Some(end) = self.this.upgrade() {
            self.reactor.after_callback(Rc::new(Do { end, step }));
        }
    }

    fn next_turn(&self, step: Step) {
        if let Some(end) = self.this.upgrade() {
            self.reactor.next_turn(Rc::new(Do { end, step }));
        }
    }

    /// Calls `f` with this end later, if there still is one.
    fn call_later(&self, delay: Duration, f: impl FnOnce(&Self) + 'static) -> DelayedCall {
        let this = self.this.clone();
        self.reactor.call_later(delay, move |_| {
            if let Some(end) = this.upgrade() {
                f(&end);
            }
        })
    }
}

impl<P: Protocol> Live for End<P> {
    fn reactor_has_stopped(&self, reason: Failure) {
        if !self.has_begun.get() {
            // It hears of no end whose beginning it has not heard of.
            drop(self.protocol.take());
        }
        self.is_over_with(reason);
        self.tell();
    }
}

impl Timers {
    fn cancel(&self) {
        for timer in [&self.arrival, &self.ask_again, &self.deadline] {
            let timer = timer.take();
            // It may be this timer that runs now.
            let _ = timer.map(|timer| timer.cancel());
        }
    }
}

/// What an end leaves to the loop.
#[derive(Clone, Copy)]
enum Step {
    Begin,
    Flush,
    Deliver,
    Ask,
    Wake,
    Tell,
}

/// A step of an end, as a job of the loop.
struct Do<P> {
    end: Rc<End<P>>,
    step: Step,
}

impl<P: Protocol> Job for Do<P> {
    fn run(self: Rc<Self>, _reactor: &Reactor) {
        match self.step {
            Step::Begin => self.end.begin(),
            Step::Flush => self.end.flush(),
            Step::Deliver => self.end.deliver(),
            Step::Ask => self.end.ask_producer(),
            Step::Wake => self.end.wake_protocol(),
            Step::Tell => self.end.tell(),
        }
    }
}

/// The reason of a connection that broke.
fn lost(kind: io::ErrorKind) -> Failure {
    Failure::without_backtrace(ConnectionClosed::ConnectionLost(kind.into()))
}

/// The reason of a connection that ended in order.
fn done() -> Failure {
    Failure::without_backtrace(ConnectionClosed::ConnectionDone)
}
