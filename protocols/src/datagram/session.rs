//! A port, as its protocol knows it: who is called, and when.
//!
//! The protocol is called from two places only: when the reactor says that the socket is readable, and from the
//! session's [`Job`], in the loop.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind::Interrupted, ErrorKind::WouldBlock};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use deferred::{Failure, report};
use reactor::{Descriptor, Job, Reactor, ReadDescriptor};

use super::DatagramProtocol;
use super::buffer;
use super::port::{Bound, Core, DatagramPort, Phase};
use super::system::PortAddress;
use crate::unix::SocketFile;

/// So many datagrams are read in one turn at the most; the rest waits for the next one.
const DATAGRAMS_PER_TURN: usize = 100;

/// With more than this read, the rest waits for the next turn.
///
/// *The `maxThroughput` of Twisted's port.*
const BYTES_PER_TURN: usize = 256 * 1024;

/// What a port is made of.
pub(super) struct Parts<P> {
    /// Bound, and does not block.
    pub(super) fd: OwnedFd,
    pub(super) file: Option<SocketFile>,
    pub(super) protocol: P,
    pub(super) max_packet_size: usize,
}

/// Begins to listen; the protocol is told when the callback that runs now has returned.
pub(super) fn listen<T: DatagramPort, P: DatagramProtocol<T>>(
    reactor: &Reactor,
    parts: Parts<P>,
) -> io::Result<Rc<T>> {
    let socket = <T::Address as PortAddress>::Socket::from(parts.fd);
    let host = T::Address::host_of(&socket)?;
    let core = Core::new(reactor, parts.protocol.log_prefix(), host);
    let port = Rc::new(T::from(core));
    let session = Rc::new(Session {
        port: Rc::clone(&port),
        protocol: RefCell::new(Some(parts.protocol)),
        started: Cell::new(false),
    });
    let socket = Rc::new(Socket {
        _file: parts.file,
        socket,
        session: Rc::clone(&session),
        buffers: reactor.extension(),
        max_packet_size: parts.max_packet_size,
    });
    reactor.add_reader(Rc::clone(&socket) as Rc<dyn ReadDescriptor>)?;
    port.core().begin(socket, session);
    Ok(port)
}

/// The protocol of a port, and whom it is called with.
pub(super) struct Session<T, P> {
    port: Rc<T>,
    /// Borrowed while it runs, which is never from inside itself; gone when it was told of the end.
    protocol: RefCell<Option<P>>,
    /// Whether it was told of the beginning, and so is to be told of the end.
    started: Cell<bool>,
}

impl<T: DatagramPort, P: DatagramProtocol<T>> Session<T, P> {
    fn start(&self) {
        let core = self.port.core();
        core.open();
        self.started.set(true);
        log::info!(
            target: "protocols",
            "{} starts on the {} port {}", core.prefix(), T::Address::KIND, core.name()
        );
        self.call("start_protocol", |protocol, port| {
            protocol.start_protocol(port);
        });
    }

    /// Tells the protocol, and then all who wait, that the port has stopped.
    fn end(&self) {
        let core = self.port.core();
        if self.started.get() {
            self.call("stop_protocol", |protocol, _| protocol.stop_protocol());
            log::info!(
                target: "protocols",
                "{} has stopped on the {} port {}", core.prefix(), T::Address::KIND, core.name()
            );
        }
        let protocol = self.protocol.take();
        reporting("the drop of a protocol", || drop(protocol));
        core.over();
    }

    /// Makes a callback of the protocol's, and reports it if it fails.
    fn call(&self, what: &str, call: impl FnOnce(&mut P, &Rc<T>)) {
        reporting(what, || {
            if let Some(protocol) = &mut *self.protocol.borrow_mut() {
                call(protocol, &self.port);
            }
        });
    }
}

impl<T: DatagramPort, P: DatagramProtocol<T>> Job for Session<T, P> {
    fn run(self: Rc<Self>, _reactor: &Reactor) {
        let core = self.port.core();
        let notice = core.take_notice();
        if core.phase() == Phase::New {
            self.start();
        }
        match core.phase() {
            Phase::New | Phase::Open => {
                if core.take_refusal() {
                    self.call("connection_refused", |protocol, port| {
                        protocol.connection_refused(port);
                    });
                }
            }
            // The call for the end is still to come, in a later turn than the one that asked for it.
            Phase::Stopping if notice => {}
            Phase::Stopping => self.end(),
            Phase::Over => {}
        }
    }
}

/// A descriptor, and whom it is read for.
pub(super) struct Socket<T: DatagramPort, P> {
    /// Dropped before the descriptor is: as long as that lives, no other file can be taken for this one.
    _file: Option<SocketFile>,
    socket: <T::Address as PortAddress>::Socket,
    session: Rc<Session<T, P>>,
    buffers: Rc<buffer::Shared>,
    max_packet_size: usize,
}

impl<T: DatagramPort, P> AsFd for Socket<T, P> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl<T: DatagramPort, P: DatagramProtocol<T>> Bound<T::Address> for Socket<T, P> {
    fn host(&self) -> io::Result<T::Address> {
        T::Address::host_of(&self.socket)
    }
}

impl<T: DatagramPort, P: DatagramProtocol<T>> Descriptor for Socket<T, P> {
    fn connection_lost(self: Rc<Self>, _reactor: &Reactor, _reason: Failure) {
        let session = Rc::clone(&self.session);
        drop(self);
        let core = session.port.core();
        if matches!(core.phase(), Phase::New | Phase::Open) {
            core.close();
            session.end();
        }
    }

    fn log_prefix(&self) -> String {
        let core = self.session.port.core();
        format!("{} at {}", core.prefix(), core.name())
    }
}

impl<T: DatagramPort, P: DatagramProtocol<T>> ReadDescriptor for Socket<T, P> {
    fn do_read(self: Rc<Self>, _reactor: &Reactor) -> Result<(), Failure> {
        let mut buffer = self.buffers.lend(self.max_packet_size);
        let mut bytes = 0;
        for _ in 0..DATAGRAMS_PER_TURN {
            match T::Address::receive(&self.socket, &mut buffer) {
                Ok((len, from)) => {
                    bytes += len;
                    self.session.call("datagram_received", |protocol, port| {
                        protocol.datagram_received(port, &buffer[..len], &from);
                    });
                }
                Err(error) => {
                    if !matches!(error.kind(), WouldBlock | Interrupted) {
                        self.session.port.core().note(error);
                    }
                    break;
                }
            }
            // A callback may have stopped the port.
            if bytes > BYTES_PER_TURN || self.session.port.core().phase() != Phase::Open {
                break;
            }
        }
        Ok(())
    }
}

/// Makes a call that may panic, and reports it.
fn reporting(what: &str, call: impl FnOnce()) {
    if let Err(panic) = Failure::catch(call) {
        report(&format!("Unhandled error in {what}"), &panic);
    }
}
