//! A connection: the descriptor that the reactor watches, and the transport that a protocol writes to.
//!
//! These are two objects, because a transport may be kept when the connection is over, but the descriptor
//! must not: a [`Socket`] is owned by the reactor and its connection only, and closes when both let go.
//!
//! A connection goes through its [`Phase`]s in order, and calls its protocol from two places only: when
//! the reactor says that the socket is readable, and from its [`Job`], in the loop.

use std::any::type_name;
use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::{Rc, Weak};
use std::time::Duration;

use deferred::{Failure, report};
use reactor::{ConnectionClosed, Descriptor, Job, Reactor, ReadDescriptor, WriteDescriptor};
use rustix::io::{Errno, read};
use socket2::SockRef;

use crate::buffers::{Buffers, Outgoing};
use crate::{Address, Flow, Protocol, Transport};

/// Who began a connection, and hears of it: of its beginning before the protocol does, of its end after.
pub(crate) trait Owner {
    fn connected(&self, transport: &Rc<dyn Transport>);
    fn connection_lost(&self, reason: Failure);
}

/// A descriptor and the connection that it belongs to.
struct Socket<P> {
    fd: OwnedFd,
    connection: Rc<Connection<P>>,
}

/// What is known and waits for one connection.
pub(crate) struct Connection<P> {
    this: Weak<Self>,
    reactor: Reactor,
    buffers: Rc<Buffers>,
    /// Gone when the connection is over.
    socket: RefCell<Option<Rc<Socket<P>>>>,
    /// Borrowed while it runs, which is never from inside itself; gone when it was told of the end.
    protocol: RefCell<Option<P>>,
    /// There is one only while something waits to be sent.
    outgoing: RefCell<Option<Box<Outgoing>>>,
    phase: Cell<Phase>,
    /// Whether the loop will flush it when the callback that runs now has returned.
    flush_waits: Cell<bool>,
    /// Why it is over, until the protocol is told.
    reason: RefCell<Option<Failure>>,
    owner: RefCell<Option<Rc<dyn Owner>>>,
    peer: SocketAddr,
    host: OnceCell<SocketAddr>,
}

/// How far a connection has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Bytes come and go.
    Open,
    /// No bytes come, and none are taken: what waits is sent, then it is over.
    Closing,
    /// It is over; the protocol is told, or will be by the job.
    Over,
}

/// What a connection is made of.
pub(crate) struct Parts<P> {
    pub(crate) fd: OwnedFd,
    pub(crate) protocol: P,
    pub(crate) peer: SocketAddr,
    /// Where this end is, if that is known without asking the system.
    pub(crate) host: Option<SocketAddr>,
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
            flush_waits: Cell::new(false),
            reason: RefCell::new(None),
            owner: RefCell::new(parts.owner),
            peer: parts.peer,
            host: parts.host.map_or_else(OnceCell::new, OnceCell::from),
        });
        let socket = Rc::new(Socket {
            fd: parts.fd,
            connection: Rc::clone(&connection),
        });
        *connection.socket.borrow_mut() = Some(Rc::clone(&socket));

        let begun = reactor.add_reader(socket).map_err(lost).and_then(|()| {
            let owner = connection.owner.borrow().clone();
            if let Some(owner) = owner {
                owner.connected(&(connection.clone() as Rc<dyn Transport>));
            }
            let made = || {
                connection.with_protocol(|protocol, transport| protocol.connection_made(transport))
            };
            Failure::catch(made)
                .inspect_err(|panic| report("Unhandled error in connection_made", panic))
        });
        if let Err(reason) = begun {
            connection.end(reason);
        }
    }

    /// Calls the protocol, if it is still to be called.
    fn with_protocol(self: &Rc<Self>, call: impl FnOnce(&mut P, &Rc<dyn Transport>)) {
        let transport: Rc<dyn Transport> = self.clone();
        if let Some(protocol) = &mut *self.protocol.borrow_mut() {
            call(protocol, &transport);
        }
    }

    /// Sends what the system takes; then the reactor tells of room exactly while something is left.
    fn flush(&self) -> Result<(), Failure> {
        let Some(socket) = self.socket.borrow().clone() else {
            return Ok(());
        };
        let mut waiting = self.outgoing.borrow_mut();
        if let Some(outgoing) = &mut *waiting {
            outgoing.send(socket.as_fd()).map_err(lost)?;
        }
        if let Some(sent) = waiting.take_if(|outgoing| outgoing.is_empty()) {
            self.buffers.recycle(sent);
        }
        if waiting.is_some() {
            return self.reactor.add_writer(socket).map_err(|error| {
                if self.reactor.is_stopping() {
                    Failure::without_backtrace(ConnectionClosed::ReactorStopped)
                } else {
                    lost(error)
                }
            });
        }
        if self.phase.get() == Phase::Closing {
            // The writer stays: it is by it that the reactor finds whom to tell.
            return Err(Failure::without_backtrace(ConnectionClosed::ConnectionDone));
        }
        self.reactor.remove_writer(&*socket);
        Ok(())
    }

    /// Closes the connection now; its protocol is told in the next turn.
    fn end(&self, reason: Failure) {
        if self.phase.replace(Phase::Over) == Phase::Over {
            return;
        }
        self.let_go();
        *self.reason.borrow_mut() = Some(reason);
        if let Some(this) = self.this.upgrade() {
            self.reactor.next_turn(this);
        }
    }

    /// Lets go of the socket, which closes it, and of what was to be sent.
    fn let_go(&self) {
        drop(self.outgoing.take());
        if let Some(socket) = self.socket.take() {
            self.reactor.remove_reader(&*socket);
            self.reactor.remove_writer(&*socket);
        }
    }

    /// Tells the protocol, and then the owner, that the connection is over. Called by the loop only.
    fn tell(&self, reason: Failure) {
        let protocol = self.protocol.take();
        let owner = self.owner.take();
        if let Some(mut protocol) = protocol
            && let Err(panic) = Failure::catch(|| {
                protocol.connection_lost(reason.clone());
                drop(protocol);
            })
        {
            report("Unhandled error in connection_lost", &panic);
        }
        if let Some(owner) = owner {
            owner.connection_lost(reason);
        }
    }

    /// Has the loop send what waits when the callback that runs now has returned.
    fn wants_flush(&self) {
        if let Some(this) = self.this.upgrade()
            && !self.flush_waits.replace(true)
        {
            self.reactor.after_callback(this);
        }
    }

    /// Takes what `fill` adds to the queue, if anything is taken now.
    fn queue(&self, fill: impl FnOnce(&mut Outgoing)) -> Flow {
        if self.phase.get() != Phase::Open {
            return Flow::Open;
        }
        let mut waiting = self.outgoing.borrow_mut();
        let outgoing = waiting.get_or_insert_with(|| {
            // With a queue already there, a flush is on its way already, by this or by the socket's room.
            self.wants_flush();
            self.buffers.for_writing()
        });
        fill(outgoing);
        if outgoing.is_full() {
            Flow::Full
        } else {
            Flow::Open
        }
    }
}

impl<P: Protocol> Job for Connection<P> {
    fn run(self: Rc<Self>, _reactor: &Reactor) {
        let flushes = self.flush_waits.take();
        match self.phase.get() {
            Phase::Over if flushes => {}
            Phase::Over => {
                let reason = self.reason.take();
                if let Some(reason) = reason {
                    self.tell(reason);
                }
            }
            Phase::Open | Phase::Closing => {
                if let Err(reason) = self.flush() {
                    self.end(reason);
                }
            }
        }
    }
}

impl<P: Protocol> Transport for Connection<P> {
    fn write(&self, data: &[u8]) -> Flow {
        if data.is_empty() {
            return Flow::Open;
        }
        self.queue(|outgoing| outgoing.push(data))
    }

    fn write_vectored(&self, parts: &[&[u8]]) -> Flow {
        if parts.iter().all(|part| part.is_empty()) {
            return Flow::Open;
        }
        self.queue(|outgoing| parts.iter().for_each(|part| outgoing.push(part)))
    }

    fn lose_connection(&self) {
        if self.phase.get() != Phase::Open {
            return;
        }
        self.phase.set(Phase::Closing);
        let socket = self.socket.borrow().clone();
        if let Some(socket) = socket {
            self.reactor.remove_reader(&*socket);
        }
        if self.outgoing.borrow().is_none() {
            self.wants_flush();
        }
    }

    fn abort_connection(&self) {
        if let Some(socket) = &*self.socket.borrow() {
            // Closing with data to linger over for no time is how a TCP connection is reset. Where it
            // cannot be, it is closed.
            drop(SockRef::from(socket).set_linger(Some(Duration::ZERO)));
        }
        self.end(Failure::without_backtrace(
            ConnectionClosed::ConnectionAborted,
        ));
    }

    fn peer(&self) -> Address {
        self.peer.into()
    }

    fn host(&self) -> Address {
        let ask = || {
            let socket = self.socket.borrow();
            let address = SockRef::from(socket.as_ref()?).local_addr().ok()?;
            address.as_socket()
        };
        // The connection is over, and nobody asked before.
        let unknown = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
        (*self.host.get_or_init(|| ask().unwrap_or(unknown))).into()
    }
}

impl<P> AsFd for Socket<P> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl<P: Protocol> Descriptor for Socket<P> {
    fn connection_lost(self: Rc<Self>, _reactor: &Reactor, reason: Failure) {
        let connection = Rc::clone(&self.connection);
        drop(self);
        if connection.phase.replace(Phase::Over) != Phase::Over {
            connection.let_go();
            connection.tell(reason);
        }
    }

    fn log_prefix(&self) -> String {
        format!("{} with {}", type_name::<P>(), self.connection.peer)
    }
}

impl<P: Protocol> ReadDescriptor for Socket<P> {
    fn do_read(self: Rc<Self>, _reactor: &Reactor) -> Result<(), Failure> {
        let mut buffer = self.connection.buffers.for_reading();
        match read(&self.fd, &mut buffer[..]) {
            Ok(0) => Err(Failure::without_backtrace(ConnectionClosed::ConnectionDone)),
            Ok(count) => {
                let data = &buffer[..count];
                let received = || {
                    self.connection.with_protocol(|protocol, transport| {
                        protocol.data_received(transport, data)
                    });
                };
                if let Err(panic) = Failure::catch(received) {
                    report("Unhandled error in data_received", &panic);
                    // By the connection, since the callback may have had the reader removed.
                    self.connection.end(panic);
                }
                Ok(())
            }
            Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(()),
            Err(error) => Err(lost(error.into())),
        }
    }
}

impl<P: Protocol> WriteDescriptor for Socket<P> {
    fn do_write(self: Rc<Self>, _reactor: &Reactor) -> Result<(), Failure> {
        self.connection.flush()
    }
}

/// The reason of a connection that broke by this error.
fn lost(error: io::Error) -> Failure {
    Failure::without_backtrace(ConnectionClosed::ConnectionLost(error))
}
