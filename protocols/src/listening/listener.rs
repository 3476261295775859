//! The descriptor of a port: it accepts clients.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use deferred::{Failure, report};
use reactor::{Descriptor, Reactor, ReadDescriptor};
use rustix::io::Errno;

use super::Bound;
use super::site::Site;
use crate::protocol::short_name;
use crate::sockets::accept;
use crate::stream::{Connection, Parts};
use crate::unix::SocketFile;
use crate::{Address, Factory};

/// So many connections are accepted in one turn at the most; the rest waits for the next one.
///
/// *Where Twisted's accepting begins.*
const ACCEPTS_PER_TURN: usize = 100;

/// How long a port that the system gives no connections, for want of descriptors or memory, leaves it in peace.
const BACK_OFF: Duration = Duration::from_millis(100);

/// The socket of a port, with the factory of its connections.
///
/// It is not the [`Site`], because that may be kept when the port has stopped, but the socket must not.
pub(super) struct Listener<F> {
    /// Goes before the socket, so that a client finds nothing there rather than nobody.
    _file: Option<SocketFile>,
    fd: OwnedFd,
    site: Rc<Site<F>>,
}

impl<F: Factory> Listener<F> {
    pub(super) fn new(bound: Bound, site: Rc<Site<F>>) -> Self {
        Self {
            _file: bound.file,
            fd: bound.fd,
            site,
        }
    }

    /// Makes a connection of what was accepted, if the factory wants one.
    fn connect(&self, fd: OwnedFd, peer: Address) {
        let built = Failure::catch(|| self.site.factory.build_protocol(&peer));
        match built {
            Ok(Some(protocol)) => {
                let parts = Parts {
                    fd,
                    protocol,
                    peer,
                    host: self.host(),
                    owner: None,
                };
                Connection::start(&self.site.reactor, parts);
            }
            Ok(None) => {}
            Err(panic) => report("Unhandled error in build_protocol", &panic),
        }
    }

    /// Where the clients' connections have their end, unless only the system knows that.
    fn host(&self) -> Option<Address> {
        match &*self.site.address.borrow() {
            Address::Tcp(address) if address.ip().is_unspecified() => None,
            address => Some(address.clone()),
        }
    }

    /// Leaves the socket in peace for a while, so that the loop does not spin on a client that cannot be let in.
    fn back_off(self: Rc<Self>, reactor: &Reactor, error: Errno) {
        if !self.site.backing_off.replace(true) {
            log::error!(target: "protocols", "cannot accept on {}: {error}", self.site.address.borrow());
        }
        reactor.hold(Rc::clone(&self) as _);
        reactor.remove_reader(&*self);
        let weak = Rc::downgrade(&self);
        let rest = reactor.call_later(BACK_OFF, move |reactor| match weak.upgrade() {
            Some(listener) => reactor.add_reader(listener),
            None => Ok(()),
        });
        *self.site.rest.borrow_mut() = Some(rest);
    }
}

impl<F> AsFd for Listener<F> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl<F: Factory> Descriptor for Listener<F> {
    fn connection_lost(self: Rc<Self>, _reactor: &Reactor, _reason: Failure) {
        drop(self.site.listener.take());
    }

    fn log_prefix(&self) -> String {
        format!("{} at {}", short_name::<F>(), self.site.address.borrow())
    }
}

impl<F: Factory> ReadDescriptor for Listener<F> {
    fn do_read(self: Rc<Self>, reactor: &Reactor) -> Result<(), Failure> {
        for _ in 0..ACCEPTS_PER_TURN {
            match accept(self.fd.as_fd()) {
                Ok((fd, peer)) => {
                    self.site.backing_off.set(false);
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
            if self.site.listener.borrow().is_none() {
                break;
            }
        }
        Ok(())
    }
}
