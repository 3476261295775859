//! Listening for connections.

use std::any::type_name;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::{Rc, Weak};
use std::time::Duration;

use deferred::{Deferred, Failure, Firer, report};
use reactor::{DelayedCall, Descriptor, Job, Reactor, ReadDescriptor};
use rustix::io::Errno;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::stream::{Connection, Parts};
use crate::tcp::ListenOptions;
use crate::{Address, Factory, ListenError};

/// So many connections are accepted in one turn at the most; the rest waits for the next one.
///
/// *Where Twisted's accepting begins.*
const ACCEPTS_PER_TURN: usize = 100;

/// How long a port that the system gives no connections, for want of descriptors or memory, leaves it in peace.
const BACK_OFF: Duration = Duration::from_millis(100);

/// A port that listens. Dropping it does nothing; it listens until it is told to stop.
///
/// *Twisted's `IListeningPort`.*
#[derive(Clone)]
pub struct Port {
    shared: Rc<Shared>,
}

/// What a [`Port`] and its [`Listener`] share.
struct Shared {
    reactor: Reactor,
    address: SocketAddr,
    /// The reactor owns it. None is here once the port was told to stop.
    listener: RefCell<Option<Weak<dyn ReadDescriptor>>>,
    /// Fired when the socket is closed.
    stopped: RefCell<Vec<Firer<()>>>,
    /// Whether the last attempt to accept failed for want of something, which was logged then.
    backing_off: Cell<bool>,
    /// Owns the listener while it is left in peace.
    rest: RefCell<Option<DelayedCall>>,
}

impl Port {
    pub(crate) fn listen<F: Factory>(
        reactor: &Reactor,
        options: ListenOptions,
        factory: Rc<F>,
    ) -> Result<Self, ListenError> {
        let failed = |source| ListenError {
            address: options.address.into(),
            source,
        };
        let socket = open(&options).map_err(failed)?;
        let address = socket
            .local_addr()
            .and_then(|address| {
                address
                    .as_socket()
                    .ok_or_else(|| io::ErrorKind::Unsupported.into())
            })
            .map_err(failed)?;
        let shared = Rc::new(Shared {
            reactor: reactor.clone(),
            address,
            listener: RefCell::new(None),
            stopped: RefCell::default(),
            backing_off: Cell::new(false),
            rest: RefCell::new(None),
        });
        let listener: Rc<dyn ReadDescriptor> = Rc::new(Listener {
            fd: socket.into(),
            factory,
            shared: Rc::clone(&shared),
        });
        *shared.listener.borrow_mut() = Some(Rc::downgrade(&listener));
        reactor.add_reader(listener).map_err(failed)?;
        Ok(Self { shared })
    }

    /// Where the port listens, with its real number.
    #[must_use]
    pub fn address(&self) -> Address {
        self.shared.address.into()
    }

    /// Stops listening; connections that stand are left alone.
    ///
    /// The Deferred fires in the next turn, when the socket is closed and the port can be bound again. If it does
    /// not listen, or no longer, the Deferred has fired already.
    ///
    /// *Twisted's `stopListening`, which may return nothing to wait for.*
    pub fn stop_listening(&self) -> Deferred<()> {
        let listener = self
            .shared
            .listener
            .take()
            .and_then(|listener| listener.upgrade());
        if let Some(listener) = listener {
            self.shared.reactor.remove_reader(&*listener);
            let rest = self.shared.rest.take();
            if let Some(rest) = rest {
                // It may be over already.
                let _ = rest.cancel();
            }
        } else if self.shared.stopped.borrow().is_empty() {
            return Deferred::succeed(());
        }
        let (firer, deferred) = Deferred::new();
        self.shared.stopped.borrow_mut().push(firer);
        self.shared
            .reactor
            .next_turn(Rc::clone(&self.shared) as Rc<dyn Job>);
        deferred
    }
}

impl Job for Shared {
    /// Tells those who wait that the port has stopped.
    fn run(self: Rc<Self>, _reactor: &Reactor) {
        for firer in self.stopped.take() {
            firer.callback(());
        }
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.shared.listener.borrow().is_some() {
            "on"
        } else {
            "not listening on"
        };
        write!(f, "Port({state} {})", self.shared.address)
    }
}

/// The socket of a port, with the factory of its connections.
struct Listener<F> {
    fd: OwnedFd,
    factory: Rc<F>,
    shared: Rc<Shared>,
}

impl<F: Factory> Listener<F> {
    /// Makes a connection of what was accepted, if the factory wants one.
    fn connect(&self, fd: OwnedFd, peer: SocketAddr) {
        let built = Failure::catch(|| self.factory.build_protocol(&peer.into()));
        match built {
            Ok(Some(protocol)) => {
                let ours = self.shared.address;
                let host = (!ours.ip().is_unspecified()).then_some(ours);
                let parts = Parts {
                    fd,
                    protocol,
                    peer: peer.into(),
                    host: host.map(Address::from),
                    owner: None,
                };
                Connection::start(&self.shared.reactor, parts);
            }
            Ok(None) => {}
            Err(panic) => report("Unhandled error in build_protocol", &panic),
        }
    }

    /// Leaves the socket in peace for a while, so that the loop does not spin on a client that cannot be let in.
    fn back_off(self: Rc<Self>, reactor: &Reactor, error: Errno) {
        if !self.shared.backing_off.replace(true) {
            log::error!(target: "protocols", "cannot accept on {}: {error}", self.shared.address);
        }
        reactor.remove_reader(&*self);
        let shared = Rc::clone(&self.shared);
        let rest = reactor.call_later(BACK_OFF, move |reactor| reactor.add_reader(self));
        *shared.rest.borrow_mut() = Some(rest);
    }
}

impl<F> AsFd for Listener<F> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl<F: Factory> Descriptor for Listener<F> {
    fn connection_lost(self: Rc<Self>, _reactor: &Reactor, _reason: Failure) {
        drop(self.shared.listener.take());
    }

    fn log_prefix(&self) -> String {
        format!("{} at {}", type_name::<F>(), self.shared.address)
    }
}

impl<F: Factory> ReadDescriptor for Listener<F> {
    fn do_read(self: Rc<Self>, reactor: &Reactor) -> Result<(), Failure> {
        for _ in 0..ACCEPTS_PER_TURN {
            match accept(self.fd.as_fd()) {
                Ok((fd, peer)) => {
                    self.shared.backing_off.set(false);
                    self.connect(fd, peer);
                }
                // The client has gone, or a firewall keeps it out; the next one may fare better.
                Err(Errno::INTR | Errno::CONNABORTED | Errno::PERM) => {}
                Err(Errno::WOULDBLOCK) => break,
                Err(error) => {
                    self.back_off(reactor, error);
                    break;
                }
            }
            // A callback of this connection's may have stopped the port.
            if self.shared.listener.borrow().is_none() {
                break;
            }
        }
        Ok(())
    }
}

fn open(options: &ListenOptions) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(options.address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_nonblocking(true)?;
    // Else a port could not be listened on again for a while after its connections have ended.
    socket.set_reuse_address(true)?;
    if options.address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.bind(&SockAddr::from(options.address))?;
    socket.listen(options.backlog.into())?;
    Ok(socket)
}

/// Accepts a client: its socket does not block, and is closed on exec.
fn accept(listener: BorrowedFd<'_>) -> Result<(OwnedFd, SocketAddr), Errno> {
    #[cfg(not(target_vendor = "apple"))]
    let (fd, peer) = {
        use rustix::net::{SocketFlags, acceptfrom_with};
        acceptfrom_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)?
    };
    #[cfg(target_vendor = "apple")]
    let (fd, peer) = {
        let (fd, peer) = rustix::net::acceptfrom(listener)?;
        rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&fd, true)?;
        (fd, peer)
    };
    let peer = peer.and_then(|peer| SocketAddr::try_from(peer).ok());
    Ok((fd, peer.ok_or(Errno::CONNABORTED)?))
}
