//! Sockets that were made elsewhere: by the program that started this one, or by another library.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use reactor::{Job, Reactor};
use rustix::io::Errno;
use rustix::net::{SocketType, sockopt};

use super::arrival::Arrival;
use super::{Bound, ListenArguments, Place, Port};
use crate::sockets::{local_address, peer_address};
use crate::{Address, AdoptError, Factory};

/// How a reactor takes sockets that were made elsewhere.
///
/// What is adopted is a duplicate of the descriptor, so that the original may be closed, or kept. The socket itself is
/// the same, and does not block from now on.
///
/// *Twisted's `IReactorSocket`.*
pub trait ReactorSockets {
    /// Makes a port of a socket that listens, of TCP or a UNIX one.
    ///
    /// Once it has stopped, it cannot listen again. The file of a UNIX socket stays, for it was made by somebody else.
    ///
    /// # Errors
    ///
    /// If the descriptor is no such socket, or the reactor is stopping.
    ///
    /// *Twisted's `adoptStreamPort`.*
    fn adopt_port<F: Factory>(&self, socket: impl AsFd, factory: Rc<F>)
    -> Result<Port, AdoptError>;

    /// Makes a connection of a socket that is connected, of TCP or a UNIX one, as if it had just been accepted.
    ///
    /// The loop builds its protocol when the callback that runs now has returned.
    ///
    /// # Errors
    ///
    /// If the descriptor is no such socket.
    ///
    /// *Twisted's `adoptStreamConnection`.*
    fn adopt_connection<F: Factory>(
        &self,
        socket: impl AsFd,
        factory: Rc<F>,
    ) -> Result<(), AdoptError>;
}

impl ReactorSockets for Reactor {
    fn adopt_port<F: Factory>(
        &self,
        socket: impl AsFd,
        factory: Rc<F>,
    ) -> Result<Port, AdoptError> {
        let socket = socket.as_fd();
        let address = stream_address(socket)?;
        if !listens(socket)? {
            return Err(AdoptError::NotListening);
        }
        let place = Adopted {
            address,
            socket: RefCell::new(Some(duplicate(socket)?)),
        };
        Port::listen(self, place, factory).map_err(|error| AdoptError::Other(error.source))
    }

    fn adopt_connection<F: Factory>(
        &self,
        socket: impl AsFd,
        factory: Rc<F>,
    ) -> Result<(), AdoptError> {
        let socket = socket.as_fd();
        let host = stream_address(socket)?;
        let peer = peer_address(socket).map_err(|error| match error.kind() {
            io::ErrorKind::NotConnected => AdoptError::NotConnected,
            io::ErrorKind::Unsupported => AdoptError::UnsupportedFamily,
            _ => AdoptError::Other(error),
        })?;
        let count: Rc<AdoptedSoFar> = self.extension();
        let arrival = Arrival {
            fd: duplicate(socket)?,
            number: count.0.replace(count.0.get() + 1),
            peer,
            host: Some(host),
        };
        self.after_callback(Rc::new(LetIn {
            arrival: Cell::new(Some(arrival)),
            factory,
        }));
        Ok(())
    }
}

/// Where a stream socket is that could be adopted.
fn stream_address(socket: BorrowedFd<'_>) -> Result<Address, AdoptError> {
    let address = local_address(socket).map_err(|error| match error.kind() {
        io::ErrorKind::Unsupported => AdoptError::UnsupportedFamily,
        _ if error.raw_os_error() == Some(Errno::NOTSOCK.raw_os_error()) => AdoptError::NoStream,
        _ => AdoptError::Other(error),
    })?;
    match sockopt::socket_type(socket) {
        Ok(SocketType::STREAM) if !keeps_messages_apart(socket) => Ok(address),
        Ok(_) => Err(AdoptError::NoStream),
        Err(error) => Err(AdoptError::Other(error.into())),
    }
}

/// Whether this is SCTP, which calls itself a stream, but of messages.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn keeps_messages_apart(socket: BorrowedFd<'_>) -> bool {
    sockopt::socket_protocol(socket) == Ok(Some(rustix::net::ipproto::SCTP))
}

/// Here its sockets are told of in each turn, as all others are, so that it does no harm.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn keeps_messages_apart(_: BorrowedFd<'_>) -> bool {
    false
}

#[cfg(not(target_vendor = "apple"))]
fn listens(socket: BorrowedFd<'_>) -> Result<bool, AdoptError> {
    sockopt::socket_acceptconn(socket).map_err(|error| AdoptError::Other(error.into()))
}

/// This system does not say whether a socket listens, but one that is connected does not.
#[cfg(target_vendor = "apple")]
fn listens(socket: BorrowedFd<'_>) -> Result<bool, AdoptError> {
    Ok(peer_address(socket).is_err())
}

fn duplicate(socket: BorrowedFd<'_>) -> Result<OwnedFd, AdoptError> {
    let duplicate = socket.try_clone_to_owned().map_err(AdoptError::Other)?;
    rustix::io::ioctl_fionbio(&duplicate, true).map_err(|error| AdoptError::Other(error.into()))?;
    Ok(duplicate)
}

/// A place where somebody else has begun to listen.
struct Adopted {
    address: Address,
    /// Gone once it was given to a listener.
    socket: RefCell<Option<OwnedFd>>,
}

impl Place for Adopted {
    fn kind(&self) -> &'static str {
        match self.address {
            Address::Unix(_) => "UNIX",
            _ => "TCP",
        }
    }

    fn wanted(&self) -> Address {
        self.address.clone()
    }

    fn arguments(&self) -> ListenArguments {
        ListenArguments::Adopted
    }

    fn open(&self) -> io::Result<Bound> {
        let given_away = || io::Error::other("a socket that was adopted listens once");
        Ok(Bound {
            fd: self.socket.take().ok_or_else(given_away)?,
            address: self.address.clone(),
            is_socket: true,
            file: None,
        })
    }
}

/// How many connections a reactor has adopted, by which they are numbered.
#[derive(Default)]
struct AdoptedSoFar(Cell<u64>);

/// Has the loop let a client in.
struct LetIn<F> {
    arrival: Cell<Option<Arrival>>,
    factory: Rc<F>,
}

impl<F: Factory> Job for LetIn<F> {
    fn run(self: Rc<Self>, reactor: &Reactor) {
        if let Some(arrival) = self.arrival.take() {
            arrival.let_in(reactor, &self.factory);
        }
    }
}
