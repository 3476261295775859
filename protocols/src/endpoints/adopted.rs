//! Endpoints of sockets that were made elsewhere.

use std::cell::Cell;
use std::fmt;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use deferred::{Deferred, Failure};
use reactor::Reactor;

use super::{AnyFactory, Listen, ServerEndpoint};
use crate::{Port, ReactorSockets};

impl ServerEndpoint {
    /// Listens by a socket that listens already, once.
    ///
    /// A second listen fails with [`AlreadyListened`], and a socket that cannot be adopted with an
    /// [`AdoptError`](crate::AdoptError); the descriptor is closed then too.
    ///
    /// *Twisted's `AdoptedStreamServerEndpoint`.*
    pub fn adopted(reactor: &Reactor, socket: impl Into<OwnedFd>) -> Self {
        Self::new(Adopted {
            reactor: reactor.clone(),
            socket: Cell::new(Some(socket.into())),
        })
    }
}

/// An endpoint that listens once has done so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the socket of this endpoint listens already, or did")]
pub struct AlreadyListened;

struct Adopted {
    reactor: Reactor,
    /// Until it is used.
    socket: Cell<Option<OwnedFd>>,
}

impl Listen for Adopted {
    fn listen(&self, factory: Rc<AnyFactory>) -> Deferred<Port> {
        let Some(socket) = self.socket.take() else {
            return Deferred::fail(Failure::without_backtrace(AlreadyListened));
        };
        match self.reactor.adopt_port(&socket, factory) {
            Ok(port) => Deferred::succeed(port),
            Err(error) => Deferred::fail(Failure::without_backtrace(error)),
        }
    }
}

impl fmt::Display for Adopted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an adopted socket")
    }
}
