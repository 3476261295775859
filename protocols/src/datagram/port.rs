//! A port, apart from its protocol: what sends, and what is known of it.
//!
//! A port is made of three objects. The [`Core`], in the port that programs have, may be kept when the port has
//! stopped, but the descriptor must not: a [`Socket`](super::session::Socket) is owned by the reactor and the core
//! only, and closes when both let go. The [`Session`](super::session::Session) knows the protocol, which the other two
//! need not, and is where all of its callbacks are made.
//!
//! A port goes through its [`Phase`]s in order. What a call of a program's changes here, the session finds when it is
//! called, as a [`Job`] of the reactor's.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::rc::Rc;

use deferred::{Deferred, Failure, Firer, report};
use reactor::{Job, Reactor, ReadDescriptor};
use rustix::io::Errno;
use rustix::net::{send, sendto};
use socket2::SockRef;

use super::system::PortAddress;
use super::{DatagramError, DatagramTransport, Delivery};
use crate::Address;
use crate::sockets::SEND;

/// How far a port has come.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It listens; its protocol is told so by the job.
    New,
    /// Datagrams come and go.
    Open,
    /// It is closed; the protocol is told so by the job.
    Stopping,
    /// It is over, and everybody knows.
    Over,
}

/// A port, apart from its protocol: what sends, and what is known of it.
pub(super) struct Core<A> {
    reactor: Reactor,
    /// What the protocol is called.
    prefix: String,
    host: RefCell<A>,
    peer: RefCell<Option<A>>,
    dropped: Cell<u64>,
    phase: Cell<Phase>,
    /// Gone when the port was told to stop.
    socket: RefCell<Option<Rc<dyn Bound<A>>>>,
    /// Whom the loop calls; gone when the protocol was told of the end.
    session: RefCell<Option<Rc<dyn Job>>>,
    /// Whether the loop will call the session for something other than the end.
    notice_waits: Cell<bool>,
    /// Whether a refusal has come that the protocol has not heard of.
    refused: Cell<bool>,
    /// Fired when the protocol was told of the end.
    stopped: RefCell<Vec<Firer<()>>>,
}

/// The descriptor of a port.
pub(super) trait Bound<A>: ReadDescriptor {
    /// Where it is.
    fn host(&self) -> io::Result<A>;
}

/// A port that programs have, around its core.
pub(super) trait DatagramPort:
    DatagramTransport<Address: PortAddress> + From<Core<<Self as DatagramTransport>::Address>>
{
    fn core(&self) -> &Core<Self::Address>;
}

impl<A: PortAddress> Core<A> {
    pub(super) fn new(reactor: &Reactor, prefix: String, host: A) -> Self {
        Self {
            reactor: reactor.clone(),
            prefix,
            host: RefCell::new(host),
            peer: RefCell::new(None),
            dropped: Cell::new(0),
            phase: Cell::new(Phase::New),
            socket: RefCell::new(None),
            session: RefCell::new(None),
            notice_waits: Cell::new(false),
            refused: Cell::new(false),
            stopped: RefCell::default(),
        }
    }

    /// Has what it needs from now on.
    ///
    /// The session is called when the callback that runs now has returned: in the next turn it might be read before.
    pub(super) fn begin(&self, socket: Rc<dyn Bound<A>>, session: Rc<dyn Job>) {
        *self.socket.borrow_mut() = Some(socket);
        *self.session.borrow_mut() = Some(Rc::clone(&session));
        self.notice_waits.set(true);
        self.reactor.after_callback(session);
    }

    /// Sends one datagram, to `to` or to the peer.
    pub(super) fn send(&self, data: &[u8], to: Option<&A>) -> Result<Delivery, DatagramError> {
        let socket = self.socket()?;
        let peer = self.peer.borrow();
        let to = self.receiver(to, peer.as_ref())?;
        let attempt = || match &*peer {
            Some(_) => send(&socket, data, SEND),
            None => sendto(&socket, data, SEND, &to.write()?),
        };
        let first = attempt();
        let sent = match first {
            Ok(_) | Err(Errno::WOULDBLOCK | Errno::NOBUFS | Errno::MSGSIZE) => first,
            // The system tells what has become of an earlier datagram at the first opportunity. If it was that, this
            // one is still to be sent.
            Err(_) => attempt(),
        };
        if let Err(earlier) = first
            && first != sent
        {
            self.note(earlier.into());
        }
        match (first, sent) {
            (_, Ok(_)) => Ok(Delivery::Sent),
            (_, Err(Errno::WOULDBLOCK | Errno::NOBUFS)) => {
                self.dropped.set(self.dropped.get() + 1);
                Ok(Delivery::Dropped)
            }
            (_, Err(Errno::MSGSIZE)) => Err(DatagramError::TooLong(data.len())),
            (Err(error), Err(Errno::NOTCONN)) => {
                let not_sent = not_sent(to, error);
                drop(peer);
                // The system has disconnected it, and lets it be connected again.
                *self.peer.borrow_mut() = None;
                Err(not_sent)
            }
            (_, Err(error)) => Err(not_sent(to, error)),
        }
    }

    /// Where a datagram goes that was to go to `to`.
    fn receiver<'a>(&self, to: Option<&'a A>, peer: Option<&'a A>) -> Result<&'a A, DatagramError> {
        match (to, peer) {
            (Some(to), Some(peer)) if to != peer => Err(DatagramError::OtherPeer {
                to: to.tell(),
                peer: peer.tell(),
            }),
            (_, Some(peer)) => Ok(peer),
            (Some(to), None) => {
                self.check_family(to)?;
                Ok(to)
            }
            (None, None) => Err(DatagramError::NotConnected),
        }
    }

    fn check_family(&self, to: &A) -> Result<(), DatagramError> {
        if self.host.borrow().reaches(to) {
            Ok(())
        } else {
            Err(DatagramError::WrongFamily(to.tell()))
        }
    }

    pub(super) fn connect(&self, peer: &A) -> Result<(), DatagramError> {
        let socket = self.socket()?;
        if let Some(peer) = &*self.peer.borrow() {
            return Err(DatagramError::AlreadyConnected(peer.tell()));
        }
        self.check_family(peer)?;
        peer.write()
            .and_then(|address| rustix::net::connect(&socket, &address))
            .map_err(|error| not_sent(peer, error))?;
        *self.peer.borrow_mut() = Some(peer.clone());
        // It has one address now, if it was on all of them.
        if let Ok(host) = socket.host() {
            *self.host.borrow_mut() = host;
        }
        Ok(())
    }

    pub(super) fn host(&self) -> A {
        self.host.borrow().clone()
    }

    pub(super) fn peer(&self) -> Option<Address> {
        self.peer.borrow().as_ref().map(PortAddress::tell)
    }

    pub(super) const fn dropped(&self) -> u64 {
        self.dropped.get()
    }

    /// Reads or changes a setting of the socket.
    pub(super) fn setting<R>(
        &self,
        f: impl FnOnce(SockRef<'_>) -> io::Result<R>,
    ) -> Result<R, DatagramError> {
        let socket = self.socket()?;
        f(SockRef::from(&socket)).map_err(DatagramError::Setting)
    }

    /// Closes the port; its protocol is told in a later turn.
    pub(super) fn stop(&self) -> Deferred<()> {
        match self.phase.get() {
            Phase::Over => return Deferred::succeed(()),
            Phase::Stopping => {}
            Phase::New | Phase::Open => {
                self.close();
                if let Some(session) = self.session.borrow().clone() {
                    self.reactor.next_turn(session);
                }
            }
        }
        let (firer, deferred) = Deferred::new();
        self.stopped.borrow_mut().push(firer);
        deferred
    }

    /// Lets go of the socket, which closes it.
    pub(super) fn close(&self) {
        self.phase.set(Phase::Stopping);
        if let Some(socket) = self.socket.take() {
            self.reactor.remove_reader(&*socket);
        }
    }

    /// Tells all who wait that the port has stopped.
    pub(super) fn over(&self) {
        self.phase.set(Phase::Over);
        drop(self.session.take());
        for firer in self.stopped.take() {
            firer.callback(());
        }
    }

    pub(super) const fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Its protocol is told now that it listens.
    pub(super) fn open(&self) {
        self.phase.set(Phase::Open);
    }

    /// Whether the session is called for something other than the end.
    pub(super) fn take_notice(&self) -> bool {
        self.notice_waits.take()
    }

    /// Whether a refusal is to be told to the protocol.
    pub(super) fn take_refusal(&self) -> bool {
        self.refused.take()
    }

    /// What the protocol is called.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }

    fn socket(&self) -> Result<Rc<dyn Bound<A>>, DatagramError> {
        self.socket.borrow().clone().ok_or(DatagramError::Stopped)
    }

    /// Takes an error that the system kept for the port: it concerns an earlier datagram, and the port goes on.
    pub(super) fn note(&self, error: io::Error) {
        if error.kind() != io::ErrorKind::ConnectionRefused {
            let headline = format!("Error on the {} port {}", A::KIND, self.name());
            report(&headline, &Failure::without_backtrace(error));
        } else if self.peer.borrow().is_some() {
            self.refused.set(true);
            self.wants_notice();
        }
        // Else it is not known by whom it was refused, and nobody depends on it.
    }

    /// Has the loop call the session.
    ///
    /// In the next turn, not after this callback: a protocol that answers each refusal by sending again would
    /// otherwise keep the loop to itself.
    fn wants_notice(&self) {
        if let Some(session) = self.session.borrow().clone()
            && !self.notice_waits.replace(true)
        {
            self.reactor.next_turn(session);
        }
    }

    /// The printed form of a port of the type `name`.
    pub(super) fn fmt_as(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stopped = match self.phase.get() {
            Phase::New | Phase::Open => "",
            Phase::Stopping | Phase::Over => ", stopped,",
        };
        write!(f, "{name}({}{stopped} on {})", self.prefix, self.name())
    }

    /// Where the port is, to be printed.
    pub(super) fn name(&self) -> Address {
        self.host.borrow().tell()
    }
}

/// The kind of what the system said to a datagram for `to`, or to an attempt to connect there.
fn not_sent<A: PortAddress>(to: &A, error: Errno) -> DatagramError {
    match error {
        Errno::CONNREFUSED | Errno::NOENT => DatagramError::Refused(to.tell(), error.into()),
        error => DatagramError::Io(to.tell(), error.into()),
    }
}
