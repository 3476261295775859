//! Finding the addresses of a host by its name.
//!
//! Each reactor has a [`Resolver`]. At first it is the system's, which is asked on a thread of the pool. A program
//! puts another one in its place with [`ReactorNames::install_name_resolver`], for all that connects to names.
//!
//! *Twisted tells a receiver that a resolution has begun, then each address, then that it is complete. A
//! [`Deferred`] of all the addresses says the same: the call has returned, and here they are, once and on the
//! reactor's thread. Twisted knows no reason for an answer without addresses; here it is a failure, [`LookupError`],
//! which nobody logs but he who drops it.*

mod ascii;
mod blocking;
mod simple;

use std::cell::RefCell;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;

use deferred::{Deferred, Failure};
use reactor::Reactor;

use crate::connecting::address_of;

pub use blocking::BlockingResolver;
pub use simple::SimpleResolver;

pub(crate) use ascii::ascii;

/// Knows the addresses of names.
///
/// *Twisted's `IHostnameResolver`.*
pub trait Resolver: 'static {
    /// Begins to look for addresses, and fires on the reactor's thread with those it has found, best first.
    ///
    /// Called by [`ReactorNames::resolve`], with the ASCII form of a name and never with the text of an address. If
    /// there is none, the Deferred fails with a [`LookupError`]. Being cancelled ends the work.
    fn resolve(&self, reactor: &Reactor, query: &Query) -> Deferred<Vec<SocketAddr>>;
}

/// What is to be resolved.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[must_use = "a query does nothing by itself"]
pub struct Query {
    host: String,
    port: u16,
    families: Families,
}

impl Query {
    /// All addresses of this host, a name or an address, each with this port.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
            families: Families::Any,
        }
    }

    /// Only addresses of these families.
    pub fn families(self, families: Families) -> Self {
        Self { families, ..self }
    }

    /// The name or the address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port that the addresses are to have.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The families that are wanted.
    #[must_use]
    pub const fn wanted(&self) -> Families {
        self.families
    }
}

impl fmt::Display for Query {
    /// The name.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)
    }
}

/// Families of addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Families {
    /// IPv4 and IPv6.
    #[default]
    Any,
    /// IPv4 only.
    Ipv4,
    /// IPv6 only.
    Ipv6,
}

impl Families {
    /// Whether this address is of one of them.
    #[must_use]
    pub const fn include(self, address: &SocketAddr) -> bool {
        match self {
            Self::Any => true,
            Self::Ipv4 => address.is_ipv4(),
            Self::Ipv6 => address.is_ipv6(),
        }
    }
}

/// A host has no address, or none is known.
///
/// *Twisted's `DNSLookupError`.*
#[derive(Debug, thiserror::Error)]
#[error("no address of the host {host:?} was found")]
pub struct LookupError {
    /// The name, as the resolver was asked for it.
    pub host: String,
    /// What the resolver said.
    #[source]
    pub source: io::Error,
}

impl LookupError {
    /// As a failure, for a host about which the resolver says this.
    pub(crate) fn failure(host: &str, source: io::Error) -> Failure {
        let host = host.to_owned();
        Failure::without_backtrace(Self { host, source })
    }
}

/// A name that is being resolved.
///
/// *Twisted's `IHostResolution`.*
#[must_use = "the addresses come by its Deferred"]
pub struct Resolution {
    query: Query,
    addresses: Deferred<Vec<SocketAddr>>,
}

impl Resolution {
    /// What is being resolved, as it was asked for.
    pub const fn query(&self) -> &Query {
        &self.query
    }

    /// Fires with the addresses, of which there is at least one, or fails with a [`LookupError`].
    ///
    /// They come in the resolver's order, and are of the families that were asked for. Should the resolver fail in
    /// another way, the failure is its own. To cancel this ends the resolution, whatever the resolver does then.
    pub fn addresses(self) -> Deferred<Vec<SocketAddr>> {
        self.addresses
    }
}

impl fmt::Debug for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Resolution(of {:?})", self.query.host)
    }
}

/// What a reactor can do with names.
///
/// *Twisted's `IReactorPluggableNameResolver`.*
pub trait ReactorNames {
    /// Begins to look for the addresses of a host.
    ///
    /// The text of an address is its own answer, without a resolver; the scope of an IPv6 one may follow as
    /// a number, as in `fe80::1%2`. A name in another script than Latin is normalised and turned to its ASCII form, as
    /// browsers do it (UTS 46), before the resolver sees it.
    fn resolve(&self, query: Query) -> Resolution;

    /// The resolver that is asked now.
    fn name_resolver(&self) -> Rc<dyn Resolver>;

    /// Has this resolver be asked from now on, and gives back the one that was before.
    fn install_name_resolver(&self, resolver: Rc<dyn Resolver>) -> Rc<dyn Resolver>;
}

impl ReactorNames for Reactor {
    fn resolve(&self, query: Query) -> Resolution {
        let addresses = match address_of(&query.host, query.port) {
            Some(address) => Deferred::from_result(wanted(&query, vec![address])),
            None => ask(self, &query),
        };
        Resolution { query, addresses }
    }

    fn name_resolver(&self) -> Rc<dyn Resolver> {
        let installed: Rc<Installed> = self.extension();
        let resolver = installed.0.borrow();
        Rc::clone(&resolver)
    }

    fn install_name_resolver(&self, resolver: Rc<dyn Resolver>) -> Rc<dyn Resolver> {
        let installed: Rc<Installed> = self.extension();
        installed.0.replace(resolver)
    }
}

/// The resolver of a reactor.
struct Installed(RefCell<Rc<dyn Resolver>>);

impl Default for Installed {
    fn default() -> Self {
        Self(RefCell::new(Rc::new(BlockingResolver::system())))
    }
}

/// Asks the reactor's resolver for a name.
fn ask(reactor: &Reactor, query: &Query) -> Deferred<Vec<SocketAddr>> {
    let for_resolver = match ascii(&query.host) {
        Ok(host) => Query {
            host: host.into_owned(),
            ..query.clone()
        },
        Err(error) => return Deferred::fail(LookupError::failure(&query.host, error)),
    };
    let resolver = reactor.name_resolver();
    match Failure::catch(|| resolver.resolve(reactor, &for_resolver)) {
        Ok(found) => found.add_callback(move |found| wanted(&for_resolver, found)),
        Err(panic) => Deferred::fail(panic),
    }
}

/// Those of the addresses that are wanted, if there are any.
fn wanted(query: &Query, mut found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, Failure> {
    found.retain(|address| query.families.include(address));
    if found.is_empty() {
        let none = match query.families {
            Families::Any => "it has no address",
            Families::Ipv4 => "it has no IPv4 address",
            Families::Ipv6 => "it has no IPv6 address",
        };
        let source = io::Error::new(io::ErrorKind::NotFound, none);
        return Err(LookupError::failure(&query.host, source));
    }
    Ok(found)
}
