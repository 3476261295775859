//! How many connections there may be.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::rc::Rc;

use deferred::{Failure, report};

use crate::uses::Inner;
use crate::{Address, Factory, Protocol};

use super::{Connection, Policy};

/// At most so many connections at once; one more is declined, and one that is over makes room.
///
/// *Twisted's `LimitTotalConnectionsFactory`, and the maximum of its `ThrottlingFactory`.*
#[derive(Debug, Clone)]
pub struct AtMost {
    most: usize,
    count: Rc<Cell<usize>>,
}

impl AtMost {
    /// So many.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            count: Rc::default(),
        }
    }

    /// How many there are now.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count.get()
    }
}

impl Policy for AtMost {
    type Connection = Counted;

    fn accept(&self, _peer: &Address) -> Option<Counted> {
        if self.count.get() >= self.most {
            return None;
        }
        self.count.set(self.count.get() + 1);
        Some(Counted(Rc::clone(&self.count)))
    }
}

/// One connection of those that are counted.
#[derive(Debug)]
pub struct Counted(Rc<Cell<usize>>);

impl Connection for Counted {
    fn looks_at_writes(&self) -> bool {
        false
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

/// At most so many connections at once from the same host, by its IP address.
///
/// Connections without such an address, as over UNIX sockets, are not counted.
#[derive(Debug, Clone)]
pub struct PerHost {
    most: usize,
    hosts: Hosts,
}

type Hosts = Rc<RefCell<HashMap<IpAddr, usize>>>;

impl PerHost {
    /// So many from each.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self {
            most,
            hosts: Hosts::default(),
        }
    }

    /// How many there are now from this host.
    #[must_use]
    pub fn count(&self, host: IpAddr) -> usize {
        self.hosts.borrow().get(&host).copied().unwrap_or_default()
    }
}

impl Policy for PerHost {
    type Connection = FromHost;

    fn accept(&self, peer: &Address) -> Option<FromHost> {
        let host = peer.ip().map(|ip| ip.to_canonical());
        if let Some(host) = host {
            let mut hosts = self.hosts.borrow_mut();
            let count = hosts.entry(host).or_default();
            if *count >= self.most {
                return None;
            }
            *count += 1;
        }
        Some(FromHost {
            host,
            hosts: Rc::clone(&self.hosts),
        })
    }
}

/// One connection of those that are counted by host.
#[derive(Debug)]
pub struct FromHost {
    host: Option<IpAddr>,
    hosts: Hosts,
}

impl Connection for FromHost {
    fn looks_at_writes(&self) -> bool {
        false
    }
}

impl Drop for FromHost {
    fn drop(&mut self) {
        let Some(host) = self.host else { return };
        let mut hosts = self.hosts.borrow_mut();
        if let Some(count) = hosts.get_mut(&host) {
            *count -= 1;
            if *count == 0 {
                hosts.remove(&host);
            }
        }
    }
}

/// A factory for the connections that another one declines, such as one that says why before it closes them.
///
/// *The overflow protocol of Twisted's `LimitTotalConnectionsFactory`.*
///
/// Both start and stop with this; a panic of the first in that is reported, and the second is called all the same.
pub struct OrElse<F: Factory, G: Factory> {
    first: Inner<F>,
    second: Inner<G>,
}

impl<F: Factory, G: Factory> OrElse<F, G> {
    /// Asks `first`, and if that declines, `second`.
    pub const fn new(first: Rc<F>, second: Rc<G>) -> Self {
        Self {
            first: Inner::new(first),
            second: Inner::new(second),
        }
    }
}

impl<F: Factory, G: Factory> Factory for OrElse<F, G> {
    type Protocol = Box<dyn Protocol>;

    fn build_protocol(self: &Rc<Self>, peer: &Address) -> Option<Self::Protocol> {
        if let Some(protocol) = self.first.build_protocol(peer) {
            return Some(Box::new(protocol));
        }
        let protocol = self.second.build_protocol(peer)?;
        Some(Box::new(protocol))
    }

    fn start_factory(self: &Rc<Self>) {
        if let Err(panic) = Failure::catch(|| self.first.start()) {
            report("Unhandled error in start_factory", &panic);
        }
        self.second.start();
    }

    fn stop_factory(self: &Rc<Self>) {
        if let Err(panic) = Failure::catch(|| self.first.stop()) {
            report("Unhandled error in stop_factory", &panic);
        }
        self.second.stop();
    }

    fn log_prefix(&self) -> String {
        self.first.log_prefix()
    }

    fn is_quiet(&self) -> bool {
        self.first.is_quiet() && self.second.is_quiet()
    }
}

impl<F: Factory, G: Factory> fmt::Debug for OrElse<F, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OrElse").finish_non_exhaustive()
    }
}
