//! What is between two ends in memory, and how they are joined.

use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use reactor::Reactor;

use crate::stream::Owner;
use crate::{Address, Factory, Protocol};

use super::memory::{self, Chunking, End, Parts, Wire};
use super::{MemoryReactor, Pair};

/// For one that reads nothing so many bytes wait at the most, unless it was set otherwise.
///
/// *As much as a transport holds until it is full: few enough that flow control is seen soon.*
const ROOM: usize = 64 * 1024;

/// What is between the two ends of a [`Pair`].
#[derive(Debug, Clone)]
#[must_use = "options do nothing by themselves"]
pub struct PairOptions {
    wire: Wire,
    addresses: Option<(Address, Address)>,
}

impl PairOptions {
    /// Each write is given over as it was written, and there in the next turn; 64 KiB wait for one that reads nothing.
    pub const fn new() -> Self {
        Self {
            wire: Wire {
                chunking: Chunking::AsWritten,
                latency: Duration::ZERO,
                room: ROOM,
            },
            addresses: None,
        }
    }

    /// Into which pieces that is cut which a protocol is given.
    pub const fn chunking(mut self, chunking: Chunking) -> Self {
        self.wire.chunking = chunking;
        self
    }

    /// How long everything is on its way, in either direction.
    pub const fn latency(mut self, latency: Duration) -> Self {
        self.wire.latency = latency;
        self
    }

    /// How many bytes can be on their way to an end, or wait there for its reading; at least one.
    ///
    /// What is sent beyond waits at the sender, whose producer is told to pause by and by.
    pub const fn room(mut self, bytes: usize) -> Self {
        self.wire.room = if bytes == 0 { 1 } else { bytes };
        self
    }

    /// Where the client and the server say that they are.
    pub fn addresses(self, client: Address, server: Address) -> Self {
        Self {
            addresses: Some((client, server)),
            ..self
        }
    }

    /// Joins a client and a server, on a reactor of their own.
    pub fn join<C: Protocol, S: Protocol>(self, client: C, server: S) -> Pair<C, S> {
        let reactor = MemoryReactor::new();
        let pair = self.join_on(&reactor, client, server);
        Pair { reactor, ..pair }
    }

    /// Joins a client and a server on this reactor.
    pub fn join_on<C: Protocol, S: Protocol>(
        self,
        reactor: &MemoryReactor,
        client: C,
        server: S,
    ) -> Pair<C, S> {
        self.addressed().join_owned(reactor, (client, None), server)
    }

    /// Joins protocols that these factories build; none if one of them declines.
    pub fn join_factories<F: Factory, G: Factory>(
        self,
        reactor: &MemoryReactor,
        client: &Rc<F>,
        server: &Rc<G>,
    ) -> Option<Pair<F::Protocol, G::Protocol>> {
        let this = self.addressed();
        let server = server.build_protocol(&this.client)?;
        let client = client.build_protocol(&this.server)?;
        Some(this.join_owned(reactor, (client, None), server))
    }

    /// Where the client and the server say that they are, unless that was said already.
    pub(super) fn or_addresses(self, client: Address, server: Address) -> Self {
        match self.addresses {
            Some(_) => self,
            None => self.addresses(client, server),
        }
    }

    /// Gives the connection its number, and both ends their addresses.
    pub(super) fn addressed(self) -> Addressed {
        static CONNECTIONS: AtomicU64 = AtomicU64::new(1);
        let serial = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
        let (client, server) = self.addresses.unwrap_or_else(|| {
            // Of the network that is for documentation; nobody is there.
            let port = u16::try_from(serial % 65_535).map_or(0, |port| port + 1);
            let at = |host| SocketAddr::from((Ipv4Addr::new(192, 0, 2, host), port)).into();
            (at(1), at(2))
        });
        Addressed {
            wire: self.wire,
            serial,
            client,
            server,
        }
    }
}

impl Default for PairOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// A connection that has its addresses, and no protocols yet.
pub(super) struct Addressed {
    wire: Wire,
    serial: u64,
    pub(super) client: Address,
    pub(super) server: Address,
}

impl Addressed {
    /// Joins a client, with who began the connection, and a server.
    pub(super) fn join_owned<C: Protocol, S: Protocol>(
        self,
        reactor: &MemoryReactor,
        client: (C, Option<Rc<dyn Owner>>),
        server: S,
    ) -> Pair<C, S> {
        let serial = self.serial;
        let (client, server) = self.ends(reactor, client, server);
        Pair {
            reactor: reactor.clone(),
            client,
            server,
            serial,
        }
    }

    /// Joins a client and a server on a reactor of any kind.
    pub(super) fn join_ends<C: Protocol, S: Protocol>(
        self,
        reactor: &Reactor,
        client: C,
        server: S,
    ) -> (Rc<End<C>>, Rc<End<S>>) {
        self.ends(reactor, (client, None), server)
    }

    fn ends<C: Protocol, S: Protocol>(
        self,
        reactor: &Reactor,
        (client, owner): (C, Option<Rc<dyn Owner>>),
        server: S,
    ) -> (Rc<End<C>>, Rc<End<S>>) {
        let client = Parts {
            protocol: client,
            host: self.client,
            owner,
        };
        let server = Parts {
            protocol: server,
            host: self.server,
            owner: None,
        };
        memory::join(reactor, self.wire, client, server)
    }
}
