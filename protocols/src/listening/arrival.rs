//! A client that has come, and is let in or not.

use std::os::fd::OwnedFd;
use std::rc::Rc;

use deferred::{Failure, report};
use reactor::Reactor;

use crate::stream::{Connection, Parts, Role};
use crate::{Address, Factory};

/// A socket that is connected to a client.
pub(super) struct Arrival {
    pub(super) fd: OwnedFd,
    /// How many came before it.
    pub(super) number: u64,
    pub(super) peer: Address,
    /// Where this end is, if that is known without asking the system.
    pub(super) host: Option<Address>,
}

impl Arrival {
    /// Makes a connection of it, if the factory wants one; else it is closed. Called by the loop only.
    pub(super) fn let_in<F: Factory>(self, reactor: &Reactor, factory: &Rc<F>) {
        match Failure::catch(|| factory.build_protocol(&self.peer)) {
            Ok(Some(protocol)) => Connection::start(
                reactor,
                Parts {
                    fd: self.fd,
                    protocol,
                    role: Role::Server(self.number),
                    peer: self.peer,
                    host: self.host,
                    owner: None,
                },
            ),
            Ok(None) => {}
            Err(panic) => report("Unhandled error in build_protocol", &panic),
        }
    }
}
