//! Resolvers that know one address of a name.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};

use deferred::{CancelledError, Deferred, Failure, report};
use reactor::Reactor;

use super::{LookupError, Query, Resolver};

/// A resolver made of a function that gives one address for each name.
///
/// The function's Deferred fails with a [`LookupError`] if there is none. Any other failure is reported, and told
/// as a `LookupError` to those who wait.
///
/// ```
/// use protocols::deferred::Deferred;
/// use protocols::reactor::Reactor;
/// use protocols::{ReactorNames, SimpleResolver};
/// use std::net::Ipv4Addr;
/// use std::rc::Rc;
///
/// let reactor = Reactor::new()?;
/// let everything_is_here = SimpleResolver::new(|_name| Deferred::succeed(Ipv4Addr::LOCALHOST.into()));
/// reactor.install_name_resolver(Rc::new(everything_is_here));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// *Twisted's `IResolverSimple`, and its `SimpleResolverComplexifier`.*
pub struct SimpleResolver<F> {
    find: F,
}

impl<F: Fn(&str) -> Deferred<IpAddr> + 'static> SimpleResolver<F> {
    /// A resolver that calls `find` with each name.
    pub const fn new(find: F) -> Self {
        Self { find }
    }
}

impl<F: Fn(&str) -> Deferred<IpAddr> + 'static> Resolver for SimpleResolver<F> {
    fn resolve(&self, _reactor: &Reactor, query: &Query) -> Deferred<Vec<SocketAddr>> {
        let (host, port) = (query.host().to_owned(), query.port());
        (self.find)(query.host())
            .map(move |ip| vec![SocketAddr::new(ip, port)])
            .add_errback(move |failure| Err(as_lookup_error(&host, failure)))
    }
}

/// What a failed search for this name is told as.
fn as_lookup_error(host: &str, failure: Failure) -> Failure {
    let is_told = failure.check::<LookupError>().is_some();
    if is_told || failure.check::<CancelledError>().is_some() {
        return failure;
    }
    report("Unhandled error in a resolver", &failure);
    LookupError::failure(host, io::Error::other(failure.to_string()))
}

impl<F> fmt::Debug for SimpleResolver<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimpleResolver").finish_non_exhaustive()
    }
}
