//! What a memory reactor was asked for, and how a test answers.

use std::fmt;
use std::rc::Rc;

use crate::connecting::{Attempt, ConnectArguments};
use crate::listening::{Clients, ListenArguments};
use crate::{Address, ConnectError, Connector, Destination, Port, Protocol, Transport};

use super::{MemoryReactor, Pair, PairOptions, StringConnection, StringTransport};

/// A protocol that a factory has built, whatever its type.
type AnyProtocol = Box<dyn Protocol>;

/// A call of [`connect_tcp`](crate::ReactorTcp::connect_tcp) or the like on a [`MemoryReactor`]; clones share it.
///
/// Its connector's attempt waits until the test answers it; until then, its time limit and its connector's methods
/// do what they always do. An answer stands for the loop: it calls the factory at once.
#[derive(Clone)]
pub struct RecordedConnect {
    reactor: MemoryReactor,
    connector: Connector,
    arguments: ConnectArguments,
    attempt: Rc<dyn Attempt>,
}

impl RecordedConnect {
    pub(super) fn new(
        reactor: &MemoryReactor,
        connector: Connector,
        arguments: ConnectArguments,
        attempt: Rc<dyn Attempt>,
    ) -> Self {
        Self {
            reactor: reactor.clone(),
            connector,
            arguments,
            attempt,
        }
    }

    /// What was to be connected to.
    #[must_use]
    pub fn destination(&self) -> &Destination {
        self.connector.destination()
    }

    /// The connector that the caller was given.
    #[must_use]
    pub const fn connector(&self) -> &Connector {
        &self.connector
    }

    /// The options that were given.
    #[must_use]
    pub const fn arguments(&self) -> &ConnectArguments {
        &self.arguments
    }

    /// Ends the attempt without a connection, and says whether one was under way.
    pub fn refuse(&self, error: ConnectError) -> bool {
        Rc::clone(&self.attempt).fail(error)
    }

    /// Ends the attempt with a connection whose peer is the test: none if the factory declines, or no attempt
    /// is under way.
    #[must_use]
    pub fn accept(&self) -> Option<StringConnection<AnyProtocol>> {
        let answered = Rc::clone(&self.attempt).succeed()?;
        let transport = StringTransport::between(some_client(), answered.peer);
        let owner = Some(answered.owner);
        Some(StringConnection::owned(transport, answered.protocol, owner))
    }

    /// Ends the attempt with a connection to this server: none if the factory declines, or no attempt is under
    /// way.
    #[must_use]
    pub fn accept_by<S: Protocol>(
        &self,
        options: PairOptions,
        server: S,
    ) -> Option<Pair<AnyProtocol, S>> {
        let answered = Rc::clone(&self.attempt).succeed()?;
        let client = (answered.protocol, Some(answered.owner));
        let addressed = options
            .or_addresses(some_client(), answered.peer)
            .addressed();
        Some(addressed.join_owned(&self.reactor, client, server))
    }

    /// Ends the attempt with a connection to this port: none if one of the two factories declines, no attempt is
    /// under way, or the port does not listen.
    #[must_use]
    pub fn accept_at(
        &self,
        options: PairOptions,
        port: &RecordedPort,
    ) -> Option<Pair<AnyProtocol, AnyProtocol>> {
        let client_is = some_client();
        let server = port.clients.build(&client_is)?;
        let options = options.addresses(client_is, port.address());
        self.accept_by(options, server)
    }
}

/// The address of a client of which no other one is known.
fn some_client() -> Address {
    StringTransport::new().host()
}

impl fmt::Debug for RecordedConnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedConnect")
            .field("connector", &self.connector)
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}

/// A call of [`listen_tcp`](crate::ReactorTcp::listen_tcp) or the like on a [`MemoryReactor`]; clones share it.
#[derive(Clone)]
pub struct RecordedPort {
    reactor: MemoryReactor,
    port: Port,
    arguments: ListenArguments,
    clients: Rc<dyn Clients>,
}

impl RecordedPort {
    pub(super) fn new(
        reactor: &MemoryReactor,
        port: Port,
        arguments: ListenArguments,
        clients: Rc<dyn Clients>,
    ) -> Self {
        Self {
            reactor: reactor.clone(),
            port,
            arguments,
            clients,
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> Address {
        self.port.address()
    }

    /// The port that the caller was given.
    #[must_use]
    pub const fn port(&self) -> &Port {
        &self.port
    }

    /// The options that were given.
    #[must_use]
    pub const fn arguments(&self) -> &ListenArguments {
        &self.arguments
    }

    /// Brings a client whose protocol is the test's: none if the factory declines, or the port does not listen.
    #[must_use]
    pub fn bring<C: Protocol>(
        &self,
        options: PairOptions,
        client: C,
    ) -> Option<Pair<C, AnyProtocol>> {
        let client_is = some_client();
        let server = self.clients.build(&client_is)?;
        let options = options.addresses(client_is, self.address());
        Some(options.join_on(&self.reactor, client, server))
    }

    /// Brings a client that is the test itself: none if the factory declines, or the port does not listen.
    #[must_use]
    pub fn bring_test(&self) -> Option<StringConnection<AnyProtocol>> {
        let peer = some_client();
        let server = self.clients.build(&peer)?;
        let transport = StringTransport::between(self.address(), peer);
        Some(StringConnection::on(transport, server))
    }
}

impl fmt::Debug for RecordedPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordedPort")
            .field("port", &self.port)
            .field("arguments", &self.arguments)
            .finish_non_exhaustive()
    }
}
