//! Listening for connections, whatever they come over.
//!
//! A [`Port`] is the handle, and `site` what stands behind it: it has its [`Place`], of which each kind of socket has
//! one, open a socket, and gives it to a `listener`, which accepts the clients, and has a `reserve` for when it cannot.
//! An `arrival` is a client that has come; `adopting` is for sockets that were made elsewhere.

mod adopting;
mod arrival;
mod listener;
mod reserve;
mod site;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::rc::Rc;

use deferred::Deferred;
use reactor::Reactor;
use rustix::io::Errno;

use crate::testing::Network;
use crate::unix::SocketFile;
use crate::{Address, Factory, ListenError, ListenOptions, Protocol, UnixListenOptions, sockets};

use site::Site;

pub use adopting::ReactorSockets;

/// A port that listens. Dropping it does nothing; it listens until it is told to stop.
///
/// *Twisted's `IListeningPort`.*
#[derive(Clone)]
pub struct Port {
    site: Rc<dyn AnyPort>,
}

impl Port {
    /// Begins to listen at `place`.
    pub(crate) fn listen<F: Factory>(
        reactor: &Reactor,
        place: impl Place,
        factory: Rc<F>,
    ) -> Result<Self, ListenError> {
        let network = Network::of(reactor);
        let arguments = place.arguments();
        let place: Box<dyn Place> = match &network {
            Some(network) => network.place(Box::new(place)),
            None => Box::new(place),
        };
        let site = Site::new(reactor, place, factory);
        let port = Self::from(Rc::clone(&site) as Rc<_>);
        port.start_listening()?;
        if let Some(network) = network {
            network.listens(port.clone(), arguments, site);
        }
        Ok(port)
    }

    /// Where the port listens, with its real number; where it did at last, if it does not.
    #[must_use]
    pub fn address(&self) -> Address {
        self.site.address()
    }

    /// Whether the port listens.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        self.site.is_listening()
    }

    /// Listens again after it has stopped, with the options that it was made with: a port that took any free number
    /// may get another one. Without effect if it listens.
    ///
    /// # Errors
    ///
    /// If the address is in use, or the system refuses it otherwise. A port that was told to stop in this very
    /// callback may still have its address.
    ///
    /// *Twisted's `startListening`.*
    pub fn start_listening(&self) -> Result<(), ListenError> {
        Rc::clone(&self.site).start_listening()
    }

    /// Stops listening; connections that stand are left alone.
    ///
    /// The Deferred fires in the next turn, when the socket is closed and the port can be bound again. If it does
    /// not listen, or no longer, the Deferred has fired already. If the factory is used by nobody else, it is stopped
    /// first, and a panic there fails the Deferred.
    ///
    /// *Twisted's `stopListening`, which may return nothing to wait for.*
    pub fn stop_listening(&self) -> Deferred<()> {
        Rc::clone(&self.site).stop_listening()
    }

    /// Whether a descriptor is held in reserve, for when there are no others.
    ///
    /// All ports of a reactor share it. With it, a client that no descriptor is left for is turned away at once;
    /// without, it waits until there is one.
    #[must_use]
    pub fn has_reserve(&self) -> bool {
        self.site.has_reserve()
    }
}

impl From<Rc<dyn AnyPort>> for Port {
    fn from(site: Rc<dyn AnyPort>) -> Self {
        Self { site }
    }
}

impl fmt::Debug for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let factory = self.site.factory_name();
        if self.is_listening() {
            write!(f, "Port({factory} on {})", self.address())
        } else {
            write!(f, "Port({factory} not listening)")
        }
    }
}

/// What a [`Port`] is a handle to.
pub(crate) trait AnyPort {
    /// See [`Port::address`].
    fn address(&self) -> Address;

    /// See [`Port::is_listening`].
    fn is_listening(&self) -> bool;

    /// See [`Port::start_listening`].
    fn start_listening(self: Rc<Self>) -> Result<(), ListenError>;

    /// See [`Port::stop_listening`].
    fn stop_listening(self: Rc<Self>) -> Deferred<()>;

    /// See [`Port::has_reserve`].
    fn has_reserve(&self) -> bool;

    /// What the factory is called.
    fn factory_name(&self) -> String;
}

/// Where a port listens: what is different between the kinds of sockets.
pub(crate) trait Place: 'static {
    /// What ports there are called in the log.
    fn kind(&self) -> &'static str;

    /// What is asked for.
    fn wanted(&self) -> Address;

    /// The options that it was made with.
    fn arguments(&self) -> ListenArguments;

    /// Opens a socket there, which does not block, and has it listen.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn open(&self) -> io::Result<Bound>;

    /// Accepts a client of the socket that was opened.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn accept(&self, listener: BorrowedFd<'_>) -> Result<(OwnedFd, Address), Errno> {
        sockets::accept(listener)
    }
}

/// The options of one kind of port.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ListenArguments {
    /// Those of TCP.
    Tcp(ListenOptions),
    /// Those of UNIX sockets.
    Unix(UnixListenOptions),
    /// None: the socket was there already.
    Adopted,
}

/// A port whose clients are brought by somebody else than the system.
pub(crate) trait Clients {
    /// The protocol for a client, if the port listens and the factory wants one.
    fn build(&self, peer: &Address) -> Option<Box<dyn Protocol>>;
}

/// A socket that listens.
pub(crate) struct Bound {
    /// The socket.
    pub(crate) fd: OwnedFd,
    /// Where it really is.
    pub(crate) address: Address,
    /// Whether clients come to it, and not by [`Clients`], for whom it only stands.
    pub(crate) is_socket: bool,
    /// The file by which it is found, if there is one.
    pub(crate) file: Option<SocketFile>,
}
