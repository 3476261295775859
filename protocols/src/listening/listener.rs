//! The descriptor of a port: it accepts clients.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use deferred::Failure;
use reactor::{Descriptor, Reactor, ReadDescriptor};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::arrival::Arrival;
use super::site::Site;
use super::{AnyPort, Bound};
use crate::unix::SocketFile;
use crate::{Address, Factory};

/// By how much more connections are accepted in a turn after one in which that many have come.
const MORE_ACCEPTS: usize = 20;

/// How long a port that the system gives no connections, for want of descriptors or memory, leaves it in peace.
const REST: Duration = Duration::from_millis(100);

/// The socket of a port, with the factory of its connections.
///
/// It is not the [`Site`], because that may be kept when the port has stopped, but the socket must not.
pub(super) struct Listener<F: Factory> {
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

    fn accept(&self) -> Result<(OwnedFd, Address), Errno> {
        self.site.place.accept(self.fd.as_fd())
    }

    /// Whether a client waits. To ask costs less than to accept none, for which the system makes a socket first.
    fn has_client(&self) -> bool {
        let mut fds = [PollFd::new(&self.fd, PollFlags::IN)];
        poll(&mut fds, Some(&Timespec::default())) != Ok(0)
    }

    /// Makes a connection of what was accepted, if the factory wants one.
    fn connect(&self, fd: OwnedFd, peer: Address) {
        let number = self.site.clients.get();
        self.site.clients.set(number + 1);
        let arrival = Arrival {
            fd,
            number,
            peer,
            host: self.host(),
        };
        arrival.let_in(&self.site.reactor, &self.site.factory);
    }

    /// Where the clients' connections have their end, unless only the system knows that.
    fn host(&self) -> Option<Address> {
        match &*self.site.address.borrow() {
            Address::Tcp(address) if address.ip().is_unspecified() => None,
            address => Some(address.clone()),
        }
    }

    /// Deals with a client that could not be accepted.
    fn recover(&self, error: Errno) -> Recovery {
        self.complain(error);
        match error {
            // The client has gone, or a firewall keeps it out.
            Errno::CONNABORTED | Errno::PERM => Recovery::NextClient,
            Errno::MFILE | Errno::NFILE => self.turn_away(),
            _ => Recovery::Rest,
        }
    }

    /// Writes the name of an error into the log, once until a client is accepted or there is another error.
    fn complain(&self, error: Errno) {
        if self.site.trouble.replace(Some(error)) != Some(error) {
            let (site, name) = (self.site.name(), name_of(error));
            log::error!(target: "protocols", "cannot accept on {site}: {name}: {error}");
        }
    }

    /// Accepts a client by the descriptor that is in reserve, only to close its connection at once.
    ///
    /// Else it would wait for an answer for as long as there is no descriptor for it.
    fn turn_away(&self) -> Recovery {
        let turned_away = self.site.reserve.spend(|| self.accept().map(drop));
        match turned_away {
            Some(Ok(()) | Err(Errno::INTR | Errno::CONNABORTED)) => Recovery::NextClient,
            // The system finds that it has no descriptor before it finds that nobody is there.
            Some(Err(Errno::WOULDBLOCK)) => Recovery::Nobody,
            Some(Err(_)) | None => Recovery::Rest,
        }
    }

    /// Leaves the socket in peace for a while, so that the loop does not spin on a client that cannot be let in.
    fn rest(self: Rc<Self>, reactor: &Reactor) {
        reactor.hold(Rc::clone(&self) as _);
        reactor.remove_reader(&*self);
        let weak = Rc::downgrade(&self);
        let rest = reactor.call_later(REST, move |reactor| match weak.upgrade() {
            Some(listener) => {
                listener.site.reserve.refill();
                reactor.add_reader(listener)
            }
            None => Ok(()),
        });
        *self.site.rest.borrow_mut() = Some(rest);
    }

    /// Notes how many clients there were in a turn, of those that were allowed.
    fn adapt(&self, came: usize, allowed: usize) {
        let next = if came == allowed {
            allowed + MORE_ACCEPTS
        } else {
            came.max(1)
        };
        self.site.accepts.set(next);
    }
}

/// How a listener goes on after a client that could not be accepted.
enum Recovery {
    /// That one is dealt with.
    NextClient,
    /// There is none.
    Nobody,
    /// It needs what there may be in a while.
    Rest,
}

/// The name of an error that is known to come here.
const fn name_of(error: Errno) -> &'static str {
    match error {
        Errno::CONNABORTED => "ECONNABORTED",
        Errno::PERM => "EPERM",
        Errno::MFILE => "EMFILE",
        Errno::NFILE => "ENFILE",
        Errno::NOBUFS => "ENOBUFS",
        Errno::NOMEM => "ENOMEM",
        _ => "an unexpected error",
    }
}

impl<F: Factory> AsFd for Listener<F> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl<F: Factory> Descriptor for Listener<F> {
    fn connection_lost(self: Rc<Self>, _reactor: &Reactor, _reason: Failure) {
        let site = Rc::clone(&self.site);
        drop(site.listener.take());
        // The socket is closed before anybody hears of it.
        drop(self);
        site.settle();
    }

    fn log_prefix(&self) -> String {
        let site = &self.site;
        format!("{} on {}", site.factory.log_prefix(), site.name())
    }
}

impl<F: Factory> ReadDescriptor for Listener<F> {
    fn do_read(self: Rc<Self>, reactor: &Reactor) -> Result<(), Failure> {
        let (mut came, allowed) = (0, self.site.accepts.get());
        while came < allowed {
            // Most often one comes alone.
            if came == 1 && !self.has_client() {
                break;
            }
            match self.accept() {
                Ok((fd, peer)) => {
                    self.site.trouble.set(None);
                    self.connect(fd, peer);
                }
                Err(Errno::INTR) => continue,
                Err(Errno::WOULDBLOCK) => break,
                Err(error) => match self.recover(error) {
                    Recovery::NextClient => {}
                    Recovery::Nobody => break,
                    Recovery::Rest => {
                        self.rest(reactor);
                        return Ok(());
                    }
                },
            }
            came += 1;
            // A callback of this connection's may have stopped the port.
            if !self.site.is_listening() {
                return Ok(());
            }
        }
        self.adapt(came, allowed);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // L-015
    #[test]
    fn each_error_that_is_waited_for_has_the_name_that_the_system_gives_it() {
        let errors = [
            (Errno::CONNABORTED, "ECONNABORTED"),
            (Errno::PERM, "EPERM"),
            (Errno::MFILE, "EMFILE"),
            (Errno::NFILE, "ENFILE"),
            (Errno::NOBUFS, "ENOBUFS"),
            (Errno::NOMEM, "ENOMEM"),
        ];
        for (error, name) in errors {
            assert_eq!(name_of(error), name);
        }
    }
}
