//! A stream connection: the descriptor that the reactor watches, and the transport that a protocol writes to.
//!
//! These are two objects, because a transport may be kept when the connection is over, but the descriptor
//! must not: a [`Socket`] is owned by the reactor and its connection only, and closes when both let go.
//!
//! A connection goes through its [`Phase`]s in order, and each of its directions through its own states. It calls
//! its protocol and its producer from two places only: when the reactor says that the socket is ready, and from
//! its [`Job`], in the loop. What comes in is in `socket`, what goes out in `sending`, descriptors both ways in
//! `descriptors`, the queue in `outgoing`, files in `files`, who makes it all in `producing`, and what a protocol may
//! ask for in `transport`.

mod buffers;
mod descriptors;
mod files;
mod outgoing;
mod producing;
mod sending;
mod socket;
mod transport;

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::os::fd::OwnedFd;
use std::rc::{Rc, Weak};
use std::sync::OnceLock;

use deferred::{Failure, Firer, report};
use reactor::{ConnectionClosed, DelayedCall, Job, Reactor};

use crate::{Address, Protocol, Transport};

pub(crate) use buffers::FULL;
pub(crate) use producing::{ASK_AGAIN, Registered, Stop};

use buffers::{Buffers, READ_SIZE};
use descriptors::Descriptors;
use outgoing::Outgoing;
use socket::Socket;

/// Who began a connection, and hears of it: of its beginning before the protocol does, of its end after.
pub(crate) trait Owner {
    fn connected(&self, transport: &Rc<dyn Transport>);
    fn connection_lost(&self, reason: Failure);
}

/// What is known and waits for one connection.
///
/// What a message needs stands together, at the beginning, so that few lines of the cache are touched.
#[repr(C)]
pub(crate) struct Connection<P> {
    phase: Cell<Phase>,
    reading: Cell<Reading>,
    writing: Cell<Writing>,
    /// Whether its protocol runs, after which it is flushed without the loop being asked to.
    calls: Cell<bool>,
    /// Whether some of what its protocol has written in this callback is gathered with its reactor's other buffers.
    gathers: Cell<bool>,
    /// Whether it will be flushed when the callback that runs now has returned.
    flush_waits: Cell<bool>,
    /// Whether the reactor tells of room, because something is left to be sent.
    room_waits: Cell<bool>,
    /// Whether the loop will ask the pull producer for more.
    ask_waits: Cell<bool>,
    /// Whether the loop will wake the protocol.
    wake_waits: Cell<bool>,
    /// Whether the system was told to take little at once.
    limits: Cell<bool>,
    /// There is one only if something of it is in use.
    rare: OnceCell<Box<RefCell<Rare>>>,
    /// There is one only while something waits to be sent.
    outgoing: RefCell<Option<Box<Outgoing>>>,
    /// Gone when the connection is over.
    socket: RefCell<Option<Rc<Socket<P>>>>,
    buffers: Rc<Buffers>,
    this: Weak<Self>,
    /// Borrowed while it runs, which is never from inside itself; gone when it was told of the end.
    protocol: RefCell<Option<P>>,
    peer: Address,
    reactor: Reactor,
    role: Role,
    host: OnceCell<Address>,
    owner: Cell<Option<Rc<dyn Owner>>>,
    /// Why it is over.
    reason: OnceCell<Failure>,
}

/// On which side of a connection this end is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// It began the connection.
    Client,
    /// It was accepted, after so many others.
    Server(u64),
}

/// How far a connection has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Phase {
    /// Bytes come and go.
    Open,
    /// No bytes come, and none are taken but a producer's: what waits is sent, then it is over.
    Closing,
    /// It is over; the protocol will be told by the job.
    Over,
    /// It is over, and the protocol was told.
    Told,
}

/// What becomes of the bytes that come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// They wait until what `connection_made` has written is sent. A connection that is over by then was never
    /// watched, and has cost no system call for that.
    Soon,
    /// They are given to the protocol.
    On,
    /// They wait in the system until they are wanted.
    Paused,
    /// None come any more, and the protocol knows.
    Ended,
}

/// Whether bytes go out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writing {
    On,
    /// None are taken but a producer's; when those that wait have been sent, the peer is told that it was all.
    Ending,
    /// The peer was told.
    Ended,
}

/// How many bytes are much, on this connection.
#[derive(Clone, Copy)]
struct Sizes {
    /// So many are read at once at the most.
    read: usize,
    /// With more than this waiting to be sent, a producer is paused.
    high: usize,
    /// With so many, it goes on.
    low: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Self {
            read: READ_SIZE,
            high: FULL,
            low: 0,
        }
    }
}

/// What few connections have.
#[derive(Default)]
struct Rare {
    sizes: Sizes,
    producer: Option<Registered>,
    /// Asks a pull producer that had nothing to write.
    ask_again: Option<DelayedCall>,
    /// Aborts a connection whose peer takes too long to let it end.
    deadline: Option<DelayedCall>,
    /// To be sent.
    descriptors: Descriptors,
    /// Whether it was logged that control data was skipped.
    has_skipped: bool,
    /// Fired with the reason at the end.
    wait_for_end: Vec<Firer<Failure>>,
}

/// What a connection is made of.
pub(crate) struct Parts<P> {
    pub(crate) fd: OwnedFd,
    pub(crate) protocol: P,
    pub(crate) role: Role,
    pub(crate) peer: Address,
    /// Where this end is, if that is known without asking the system.
    pub(crate) host: Option<Address>,
    pub(crate) owner: Option<Rc<dyn Owner>>,
}

impl<P: Protocol> Connection<P> {
    /// Begins a connection that stands: its protocol is told, and its bytes are read from now on.
    ///
    /// Called by the loop only.
    pub(crate) fn start(reactor: &Reactor, parts: Parts<P>) {
        let connection = Rc::new_cyclic(|this| Self {
            this: this.clone(),
            reactor: reactor.clone(),
            buffers: reactor.extension(),
            socket: RefCell::new(None),
            protocol: RefCell::new(Some(parts.protocol)),
            outgoing: RefCell::new(None),
            phase: Cell::new(Phase::Open),
            reading: Cell::new(Reading::Soon),
            writing: Cell::new(Writing::On),
            calls: Cell::new(false),
            gathers: Cell::new(false),
            flush_waits: Cell::new(false),
            room_waits: Cell::new(false),
            ask_waits: Cell::new(false),
            wake_waits: Cell::new(false),
            limits: Cell::new(false),
            rare: OnceCell::new(),
            reason: OnceCell::new(),
            owner: Cell::new(parts.owner.clone()),
            role: parts.role,
            peer: parts.peer,
            host: parts.host.map_or_else(OnceCell::new, OnceCell::from),
        });
        let socket = Rc::new(Socket {
            fd: parts.fd,
            connection: Rc::clone(&connection),
            is_busy: Cell::new(false),
        });
        *connection.socket.borrow_mut() = Some(socket);

        if let Some(owner) = parts.owner {
            owner.connected(&(connection.clone() as Rc<dyn Transport>));
        }
        let made = connection.call_protocol("connection_made", |protocol, transport| {
            protocol.connection_made(transport);
        });
        if let Err(reason) = made {
            return connection.end_now(reason);
        }
        if connection.phase.get() == Phase::Open && connection.reading.get() == Reading::Soon {
            connection.read_on();
        }
    }

    /// Has bytes come from now on.
    fn read_on(&self) {
        self.reading.set(Reading::On);
        let socket = self.socket.borrow().clone();
        if let Some(socket) = socket
            && let Err(error) = self.reactor.add_reader(socket)
        {
            self.end(lost(error));
        }
    }

    /// Calls the protocol, if it is still to be called, and sends what it has written; a panic in it is reported, and
    /// ends the connection. Called by the loop only.
    ///
    /// # Errors
    ///
    /// The reason why it is over, if sending ends it; who calls this tells.
    // So that `do_read` is one function from the read to the send; see the reactor's `turn` for why.
    #[inline(always)]
    fn call_protocol(
        &self,
        what: &str,
        call: impl FnOnce(&mut P, &Rc<dyn Transport>),
    ) -> Result<(), Failure> {
        let Some(this) = self.this.upgrade() else {
            return Ok(());
        };
        let transport: Rc<dyn Transport> = this;
        self.calls.set(true);
        self.guarded(what, || {
            if let Some(protocol) = &mut *self.protocol.borrow_mut() {
                call(protocol, &transport);
            }
        });
        self.calls.set(false);
        self.flush_if_wanted()
    }

    /// Calls a protocol that somebody has woken. Called by the loop only.
    fn wake_protocol(&self) -> Result<(), Failure> {
        if self.phase.get() != Phase::Open {
            return Ok(());
        }
        self.call_protocol("woken", |protocol, transport| protocol.woken(transport))
    }

    /// Calls code of the user's; a panic in it is reported, and ends the connection.
    #[inline]
    fn guarded(&self, what: &str, call: impl FnOnce()) {
        if let Err(panic) = Failure::catch(call) {
            report(&format!("Unhandled error in {what}"), &panic);
            self.end(panic);
        }
    }

    /// Closes the connection now; its protocol is told in the next turn.
    fn end(&self, reason: Failure) {
        if !self.is_over_with(reason) {
            return;
        }
        if let Some(this) = self.this.upgrade() {
            self.reactor.next_turn(this);
        }
    }

    /// Closes the connection now, and tells everyone. Called by the loop only, when nobody holds the socket: its protocol
    /// is told when that is closed.
    fn end_now(&self, reason: Failure) {
        if self.is_over_with(reason) {
            self.tell();
        }
    }

    /// Closes the connection, unless it is over already, and says whether it was this that did it.
    fn is_over_with(&self, reason: Failure) -> bool {
        if self.phase.get() >= Phase::Over {
            return false;
        }
        self.phase.set(Phase::Over);
        self.reason.get_or_init(|| reason);
        if let Some(unsent) = self.outgoing.take() {
            self.buffers.recycle(unsent);
        }
        if let Some(rare) = self.rare.get() {
            let mut rare = rare.borrow_mut();
            for timer in [rare.ask_again.take(), rare.deadline.take()] {
                // It may be this timer that ends the connection.
                let _ = timer.map(|timer| timer.cancel());
            }
            rare.descriptors.clear();
        }
        let socket = self.socket.take();
        if let Some(socket) = socket {
            self.reactor.release(&*socket);
        }
        true
    }

    /// Tells everyone of the end. Called by the loop only.
    fn tell(&self) {
        self.phase.set(Phase::Told);
        let Some(reason) = self.reason.get().cloned() else {
            return;
        };
        let rare = self.rare.get().map(|rare| rare.take());
        let (registered, wait_for_end) = rare.map_or_else(
            || (None, Vec::new()),
            |rare| (rare.producer, rare.wait_for_end),
        );
        if let Some(Registered { producer, .. }) = registered {
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
        for firer in wait_for_end {
            firer.callback(reason.clone());
        }
    }

    /// The reason, when the reactor does not watch the socket.
    fn not_watched(&self, error: io::Error) -> Failure {
        if self.reactor.is_stopping() {
            return Failure::without_backtrace(ConnectionClosed::ReactorStopped);
        }
        lost(error)
    }

    /// What few connections have, made if it is not there. With any of it, nothing is gathered.
    fn with_rare<R>(&self, with: impl FnOnce(&mut Rare) -> R) -> R {
        self.queue_gathered();
        let rare = self.rare.get_or_init(Box::default);
        with(&mut rare.borrow_mut())
    }

    /// What was set, or else is set at first.
    fn sizes(&self) -> Sizes {
        let rare = self.rare.get();
        rare.map_or_else(Sizes::default, |rare| rare.borrow().sizes)
    }

    /// Reads nothing from now on; the reactor still knows whom to tell when it stops.
    fn stop_reading(&self) {
        let socket = self.socket.borrow().clone();
        if let Some(socket) = socket {
            self.reactor.hold(Rc::clone(&socket) as _);
            self.reactor.remove_reader(&*socket);
        }
    }
}

impl<P: Protocol> Job for Connection<P> {
    fn run(self: Rc<Self>, _reactor: &Reactor) {
        let done = if self.flush_waits.get() {
            self.flush_if_wanted()
        } else if self.wake_waits.take() {
            self.wake_protocol()
        } else {
            if self.phase.get() == Phase::Over {
                self.tell();
            } else if self.ask_waits.take() {
                self.ask_producer();
            }
            Ok(())
        };
        if let Err(reason) = done {
            self.end_now(reason);
        }
    }
}

/// The reason of a connection that broke by this error.
fn lost(error: io::Error) -> Failure {
    Failure::without_backtrace(ConnectionClosed::ConnectionLost(error))
}

/// The reason of a connection that ended in order.
fn done() -> Failure {
    // Most end so. A copy of it costs next to nothing, and has a trail of its own from its first link on.
    static DONE: OnceLock<Failure> = OnceLock::new();
    let done = DONE.get_or_init(|| Failure::without_backtrace(ConnectionClosed::ConnectionDone));
    done.clone()
}
