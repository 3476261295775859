//! Two protocols, joined in memory.

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use crate::{Protocol, Transport};

use super::memory::{End, Loss};
use super::{MemoryReactor, PairOptions};

/// With so many stops on the way, what is said between two ends seems to have no end.
const STOPS: usize = 100_000;

/// A client and a server whose transports are joined in memory.
///
/// Both ends do what a connection of TCP does, callback for callback, but nothing moves until the test says
/// so: one [`pump`](Self::pump) gives each protocol what the other one had sent by then, and
/// [`flush`](Self::flush) goes on until nothing moves. The first pump makes the connection.
///
/// # Examples
///
/// ```
/// use protocols::testing::{Collector, Pair};
/// use protocols::{Protocol, Transport};
/// use std::rc::Rc;
///
/// struct Greeter;
///
/// impl Protocol for Greeter {
///     fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
///         transport.write(b"hello");
///         transport.lose_connection();
///     }
///
///     fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {}
/// }
///
/// let (client, collected) = Collector::new();
/// let pair = Pair::join(client, Greeter);
/// pair.flush();
///
/// assert_eq!(collected.data(), b"hello");
/// assert!(pair.is_over());
/// ```
///
/// *Twisted's `iosim.connect` and its `IOPump`.*
pub struct Pair<C, S> {
    pub(super) reactor: MemoryReactor,
    pub(super) client: Rc<End<C>>,
    pub(super) server: Rc<End<S>>,
    pub(super) serial: u64,
}

/// One of the two ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that began.
    Client,
    /// The other one.
    Server,
}

impl<C: Protocol, S: Protocol> Pair<C, S> {
    /// Joins a client and a server, on a reactor of their own.
    pub fn join(client: C, server: S) -> Self {
        PairOptions::new().join(client, server)
    }

    /// The reactor on which they are, with its clock.
    #[must_use]
    pub const fn reactor(&self) -> &MemoryReactor {
        &self.reactor
    }

    /// Makes one turn: each protocol is given what the other one had sent by the last one, and calls that are due run.
    ///
    /// # Panics
    ///
    /// From inside a callback.
    pub fn pump(&self) {
        self.reactor.turn();
    }

    /// Makes turns until nothing moves any more; what is on its way is waited for, in simulated time.
    ///
    /// # Panics
    ///
    /// If that takes very long (100,000 turns, or as many stops for something that was on its way), or from
    /// inside a callback.
    pub fn flush(&self) {
        for _ in 0..STOPS {
            self.reactor.settle();
            let arrivals = [self.client.next_arrival(), self.server.next_arrival()];
            let Some(next) = arrivals.into_iter().flatten().min() else {
                return;
            };
            self.reactor
                .advance(next.saturating_sub(self.reactor.now()));
        }
        panic!("something was on its way {STOPS} times, and so it would be for ever");
    }

    /// Lets so much time pass, and everything happen that happens meanwhile.
    ///
    /// # Panics
    ///
    /// As for [`MemoryReactor::advance`].
    pub fn advance(&self, by: Duration) {
        self.reactor.advance(by);
    }

    /// The client's transport.
    #[must_use]
    pub fn client(&self) -> Rc<dyn Transport> {
        Rc::clone(&self.client) as _
    }

    /// The server's transport.
    #[must_use]
    pub fn server(&self) -> Rc<dyn Transport> {
        Rc::clone(&self.server) as _
    }

    /// Calls `with` with the client's protocol, as the loop calls it; not at all once it was told of the end.
    pub fn with_client<R>(&self, with: impl FnOnce(&mut C, &Rc<dyn Transport>) -> R) -> Option<R> {
        self.client.with_protocol(with)
    }

    /// Calls `with` with the server's protocol, as the loop calls it; not at all once it was told of the end.
    pub fn with_server<R>(&self, with: impl FnOnce(&mut S, &Rc<dyn Transport>) -> R) -> Option<R> {
        self.server.with_protocol(with)
    }

    /// Loses what `sender` sends from now on, after so many bytes more.
    pub fn lose_after(&self, sender: Side, bytes: usize, loss: Loss) {
        match sender {
            Side::Client => self.client.lose_after(bytes, loss),
            Side::Server => self.server.lose_after(bytes, loss),
        }
    }

    /// Whether both protocols were told of the end.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.client.is_told() && self.server.is_told()
    }

    /// The number of this connection, which no other one of the process has.
    #[must_use]
    pub const fn serial(&self) -> u64 {
        self.serial
    }
}

impl<C, S> fmt::Debug for Pair<C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pair({})", self.serial)
    }
}
