//! Beginning connections, whatever they go over.
//!
//! A [`Connector`] is the handle, and `client` what stands behind it: it asks its [`Route`], of which each kind of
//! socket has one, for a socket that is about to be connected, and waits for the answer.

mod client;
mod destination;
mod literal;

use std::fmt;
use std::os::fd::OwnedFd;
use std::rc::{Rc, Weak};
use std::time::Duration;

use reactor::Reactor;

use crate::stream::Owner;
use crate::testing::Network;
use crate::{
    Address, ClientFactory, ConnectError, ConnectOptions, ConnectorError, Protocol,
    UnixConnectOptions,
};

use client::Client;

pub use destination::Destination;
pub(crate) use literal::address_of;
pub use literal::is_ipv6_literal;

/// One wish to be connected: it can be stopped, ended, and tried again.
///
/// All callbacks of one [`connect_tcp`](crate::ReactorTcp::connect_tcp) or
/// [`connect_unix`](crate::ReactorUnix::connect_unix) are given the same connector, which is also what that
/// returned.
///
/// *Twisted's `IConnector`.*
#[derive(Clone)]
pub struct Connector {
    client: Rc<dyn AnyClient>,
}

impl Connector {
    /// Begins to connect on the way that `route` knows.
    pub(crate) fn begin<F: ClientFactory>(
        reactor: &Reactor,
        route: impl Route,
        factory: Rc<F>,
    ) -> Self {
        let network = Network::of(reactor);
        let arguments = route.arguments();
        let route: Box<dyn Route> = match &network {
            Some(network) => network.route(Box::new(route)),
            None => Box::new(route),
        };
        let client = Client::new(reactor, route, factory);
        let connector = Self::from(Rc::clone(&client) as Rc<_>);
        if let Some(network) = network {
            network.connects(connector.clone(), arguments, client);
        }
        // A new connector refuses only while the reactor stops, and then it stays disconnected.
        let _ = connector.connect();
        connector
    }

    /// Begins to connect, in the next turn.
    ///
    /// # Errors
    ///
    /// If an attempt is under way, there is a connection, or the reactor is stopping.
    pub fn connect(&self) -> Result<(), ConnectorError> {
        Rc::clone(&self.client).connect()
    }

    /// Gives up the attempt that is under way: the factory's `client_connection_failed` comes in the next
    /// turn, with [`ConnectError::Stopped`] as the reason.
    ///
    /// # Errors
    ///
    /// If none is under way.
    pub fn stop_connecting(&self) -> Result<(), ConnectorError> {
        Rc::clone(&self.client).stop_connecting()
    }

    /// Ends whatever there is: an attempt as [`stop_connecting`](Self::stop_connecting) does, a connection
    /// as [`Transport::lose_connection`](crate::Transport::lose_connection) does.
    pub fn disconnect(&self) {
        Rc::clone(&self.client).disconnect();
    }

    /// Another handle, which does not keep the connector.
    pub(crate) fn downgrade(&self) -> WeakConnector {
        WeakConnector(Rc::downgrade(&self.client))
    }

    /// What it connects to, as it was given.
    #[must_use]
    pub fn destination(&self) -> &Destination {
        self.client.destination()
    }
}

impl From<Rc<dyn AnyClient>> for Connector {
    fn from(client: Rc<dyn AnyClient>) -> Self {
        Self { client }
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (factory, state) = (self.client.factory_name(), self.client.state());
        write!(f, "Connector({factory} {state} {})", self.destination())
    }
}

/// A handle to a connector that somebody else keeps, the reactor if nobody but the loop has anything to do with it.
pub(crate) struct WeakConnector(Weak<dyn AnyClient>);

impl WeakConnector {
    /// The connector, if it is still there.
    pub(crate) fn upgrade(&self) -> Option<Connector> {
        self.0.upgrade().map(Connector::from)
    }
}

/// What a [`Connector`] is a handle to.
pub(crate) trait AnyClient {
    /// See [`Connector::connect`].
    fn connect(self: Rc<Self>) -> Result<(), ConnectorError>;

    /// See [`Connector::stop_connecting`].
    fn stop_connecting(self: Rc<Self>) -> Result<(), ConnectorError>;

    /// See [`Connector::disconnect`].
    fn disconnect(self: Rc<Self>);

    /// See [`Connector::destination`].
    fn destination(&self) -> &Destination;

    /// How far it has come, in words that a destination can follow.
    fn state(&self) -> &'static str;

    /// The name of the factory's type.
    fn factory_name(&self) -> String;
}

/// The way to a destination: what is different between the kinds of sockets.
pub(crate) trait Route: 'static {
    /// Where it leads to.
    fn destination(&self) -> &Destination;

    /// How long an attempt may take; without a limit, the system decides.
    fn timeout(&self) -> Option<Duration>;

    /// The options that it was made with.
    fn arguments(&self) -> ConnectArguments;

    /// The only address of the destination, unless it is a name, for whose addresses the resolver is asked.
    fn address(&self) -> Option<Address> {
        match self.destination() {
            Destination::Unix(address) => Some(address.clone().into()),
            Destination::Tcp { host, port } => address_of(host, *port).map(Address::from),
        }
    }

    /// Opens a socket, which does not block, and begins to connect it to one of the destination's addresses.
    ///
    /// # Errors
    ///
    /// If that address cannot be connected to; another one may still.
    fn open(&self, to: &Address) -> Result<Opened, ConnectError>;
}

/// What became of the beginning of an attempt.
pub(crate) enum Opened {
    /// When this socket can be written, it knows whether it is connected.
    Waits(OwnedFd),
    /// There is no room for another client there now, and nobody will tell when there is.
    Busy(OwnedFd),
    /// No socket will tell, but somebody by [`Attempt`]; this descriptor only stands for it.
    Elsewhere(OwnedFd),
}

/// The options of one kind of connector.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectArguments {
    /// Those of TCP.
    Tcp(ConnectOptions),
    /// Those of UNIX sockets.
    Unix(UnixConnectOptions),
}

/// A connector's attempt that is answered by somebody else than the system.
pub(crate) trait Attempt {
    /// Ends the attempt without a connection, and says whether one was under way.
    fn fail(self: Rc<Self>, error: ConnectError) -> bool;

    /// Ends the attempt with a connection, for which there is a protocol then, unless the factory wants none; or
    /// no attempt was under way.
    fn succeed(self: Rc<Self>) -> Option<Answered>;
}

/// What a connection is to be made of, if an attempt was answered by one.
pub(crate) struct Answered {
    pub(crate) protocol: Box<dyn Protocol>,
    pub(crate) owner: Rc<dyn Owner>,
    pub(crate) peer: Address,
}
