//! Connections over UNIX sockets, between programs of one machine.

mod file;
mod sockets;

use std::rc::Rc;
use std::time::Duration;

use reactor::Reactor;

use crate::{ClientFactory, Connector, Destination, Factory, ListenError, Port, UnixAddress};

use sockets::UnixRoute;

pub(crate) use file::SocketFile;

/// What a reactor can do with UNIX sockets.
///
/// An address is a path, or, on Linux, [an abstract name](UnixAddress::abstract_name).
///
/// *Twisted's `IReactorUNIX`.*
pub trait ReactorUnix {
    /// Begins to connect to `address`, and returns at once.
    ///
    /// All is as for [`connect_tcp`](crate::ReactorTcp::connect_tcp). A port that has no room for another client is
    /// tried again until the time is over.
    fn connect_unix<F: ClientFactory>(
        &self,
        address: impl Into<UnixAddress>,
        factory: Rc<F>,
    ) -> Connector {
        self.connect_unix_with(address, factory, UnixConnectOptions::new())
    }

    /// Like [`connect_unix`](Self::connect_unix), with options.
    fn connect_unix_with<F: ClientFactory>(
        &self,
        address: impl Into<UnixAddress>,
        factory: Rc<F>,
        options: UnixConnectOptions,
    ) -> Connector;

    /// Listens at `address`: if it is a path, the port makes a file there, and removes it when it stops.
    ///
    /// # Errors
    ///
    /// If there is a file already, or the system refuses the address otherwise.
    fn listen_unix<F: Factory>(
        &self,
        address: impl Into<UnixAddress>,
        factory: Rc<F>,
    ) -> Result<Port, ListenError> {
        self.listen_unix_with(UnixListenOptions::new(address), factory)
    }

    /// Like [`listen_unix`](Self::listen_unix), with options.
    ///
    /// # Errors
    ///
    /// As for [`listen_unix`](Self::listen_unix), or if somebody else holds the lock that was asked for.
    fn listen_unix_with<F: Factory>(
        &self,
        options: UnixListenOptions,
        factory: Rc<F>,
    ) -> Result<Port, ListenError>;
}

impl ReactorUnix for Reactor {
    fn connect_unix_with<F: ClientFactory>(
        &self,
        address: impl Into<UnixAddress>,
        factory: Rc<F>,
        options: UnixConnectOptions,
    ) -> Connector {
        let destination = Destination::Unix(address.into());
        let route = UnixRoute {
            destination,
            options,
        };
        Connector::begin(self, route, factory)
    }

    fn listen_unix_with<F: Factory>(
        &self,
        options: UnixListenOptions,
        factory: Rc<F>,
    ) -> Result<Port, ListenError> {
        Port::listen(self, options, factory)
    }
}

/// How to connect to a UNIX socket.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "options do nothing by themselves"]
pub struct UnixConnectOptions {
    timeout: Option<Duration>,
    bind_address: Option<UnixAddress>,
    check_lock: bool,
}

impl UnixConnectOptions {
    /// Thirty seconds, from a socket without a name.
    pub const fn new() -> Self {
        Self {
            timeout: Some(Duration::from_secs(30)),
            bind_address: None,
            check_lock: false,
        }
    }

    /// The time in which the connection must stand.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self {
            timeout: Some(timeout),
            ..self
        }
    }

    /// No time limit: a port without room is tried again for as long as it has none.
    pub fn without_timeout(self) -> Self {
        Self {
            timeout: None,
            ..self
        }
    }

    /// The name to connect from. The file of a path stays when the connection is over.
    pub fn bind_address(self, address: impl Into<UnixAddress>) -> Self {
        Self {
            bind_address: Some(address.into()),
            ..self
        }
    }

    /// Connects only while a live process holds the [lock](UnixListenOptions::lock) of the path.
    pub fn check_lock(self) -> Self {
        Self {
            check_lock: true,
            ..self
        }
    }
}

impl Default for UnixConnectOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Where and how to listen for connections over UNIX sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "options do nothing by themselves"]
pub struct UnixListenOptions {
    pub(crate) address: UnixAddress,
    backlog: u16,
    mode: Option<u32>,
    lock: bool,
}

impl UnixListenOptions {
    /// This address, with a backlog of 50; who may connect to a file is what the process's mask says.
    pub fn new(address: impl Into<UnixAddress>) -> Self {
        Self {
            address: address.into(),
            backlog: 50,
            mode: None,
            lock: false,
        }
    }

    /// How many connections the system keeps waiting until they are accepted.
    pub fn backlog(self, backlog: u16) -> Self {
        Self { backlog, ..self }
    }

    /// The mode of the file: to connect, a program must be allowed to write to it.
    pub fn mode(self, mode: u32) -> Self {
        Self {
            mode: Some(mode),
            ..self
        }
    }

    /// Holds a lock on a file beside the socket's, with `.lock` after its name, for as long as the port listens.
    ///
    /// Whoever holds it may take the place of a socket that a dead process has left. Without a lock, a file that is
    /// there already is an error. Abstract names need none, for the system forgets them by itself.
    pub fn lock(self) -> Self {
        Self { lock: true, ..self }
    }
}
