//! Connections over TCP: listening for them, and beginning them.

mod sockets;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use reactor::Reactor;

use crate::{ClientFactory, Connector, Destination, Factory, ListenError, Port};

use sockets::TcpRoute;

/// What a reactor can do with TCP.
///
/// *Twisted's `IReactorTCP`.*
pub trait ReactorTcp {
    /// Begins to connect to `port` of `host`, a name or an address, and returns at once.
    ///
    /// The attempt begins in the next turn and has 30 seconds. Nothing of `factory` is called from inside
    /// this call. A name is resolved on a thread of the reactor's pool, and its addresses are tried in
    /// the resolver's order. While the reactor stops nothing begins: the connector stays disconnected.
    fn connect_tcp<F: ClientFactory>(&self, host: &str, port: u16, factory: Rc<F>) -> Connector {
        self.connect_tcp_with(host, port, factory, ConnectOptions::new())
    }

    /// Like [`connect_tcp`](Self::connect_tcp), with options.
    fn connect_tcp_with<F: ClientFactory>(
        &self,
        host: &str,
        port: u16,
        factory: Rc<F>,
        options: ConnectOptions,
    ) -> Connector;

    /// Listens on `port` of all IPv4 interfaces; port 0 takes a free one, which [`Port::address`] tells.
    ///
    /// # Errors
    ///
    /// If the port is in use, or the system refuses it otherwise.
    fn listen_tcp<F: Factory>(&self, port: u16, factory: Rc<F>) -> Result<Port, ListenError> {
        self.listen_tcp_with(ListenOptions::new(port), factory)
    }

    /// Like [`listen_tcp`](Self::listen_tcp), with options.
    ///
    /// # Errors
    ///
    /// As for [`listen_tcp`](Self::listen_tcp), or if the interface is none of this machine's.
    fn listen_tcp_with<F: Factory>(
        &self,
        options: ListenOptions,
        factory: Rc<F>,
    ) -> Result<Port, ListenError>;
}

impl ReactorTcp for Reactor {
    fn connect_tcp_with<F: ClientFactory>(
        &self,
        host: &str,
        port: u16,
        factory: Rc<F>,
        options: ConnectOptions,
    ) -> Connector {
        let host = host.to_owned();
        let destination = Destination::Tcp { host, port };
        let route = TcpRoute {
            destination,
            options,
        };
        Connector::begin(self, route, factory)
    }

    fn listen_tcp_with<F: Factory>(
        &self,
        options: ListenOptions,
        factory: Rc<F>,
    ) -> Result<Port, ListenError> {
        Port::listen(self, options, factory)
    }
}

/// How to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "options do nothing by themselves"]
pub struct ConnectOptions {
    timeout: Option<Duration>,
    bind_address: Option<SocketAddr>,
}

impl ConnectOptions {
    /// Thirty seconds, from any local address.
    pub const fn new() -> Self {
        Self {
            timeout: Some(Duration::from_secs(30)),
            bind_address: None,
        }
    }

    /// The time in which the connection must stand, the resolving of the name included.
    pub const fn timeout(self, timeout: Duration) -> Self {
        Self {
            timeout: Some(timeout),
            ..self
        }
    }

    /// No time limit but the system's own.
    pub const fn without_timeout(self) -> Self {
        Self {
            timeout: None,
            ..self
        }
    }

    /// The local address to connect from; its port may be 0, for any.
    pub const fn bind_address(self, address: SocketAddr) -> Self {
        Self {
            bind_address: Some(address),
            ..self
        }
    }
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// Where and how to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "options do nothing by themselves"]
pub struct ListenOptions {
    pub(crate) address: SocketAddr,
    backlog: u16,
    reuse_port: bool,
}

impl ListenOptions {
    /// This port of all IPv4 interfaces, with a backlog of 50.
    pub const fn new(port: u16) -> Self {
        Self {
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port),
            backlog: 50,
            reuse_port: false,
        }
    }

    /// This address, with all that it has, such as a scope, and a backlog of 50.
    pub const fn at(address: SocketAddr) -> Self {
        Self {
            address,
            ..Self::new(0)
        }
    }

    /// The interface to listen on, by its address; its family decides between IPv4 and IPv6.
    pub const fn interface(self, interface: IpAddr) -> Self {
        Self {
            address: SocketAddr::new(interface, self.address.port()),
            ..self
        }
    }

    /// How many connections the system keeps waiting until they are accepted.
    pub const fn backlog(self, backlog: u16) -> Self {
        Self { backlog, ..self }
    }

    /// Shares the port with others that do the same, such as those of other reactors; the system spreads the
    /// clients among them.
    pub const fn reuse_port(self) -> Self {
        Self {
            reuse_port: true,
            ..self
        }
    }
}
