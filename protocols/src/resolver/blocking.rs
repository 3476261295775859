//! Resolvers that block, on threads.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

use deferred::Deferred;
use reactor::Reactor;

use super::{LookupError, Query, Resolver};

/// A resolver that calls a function on a thread of the reactor's pool.
///
/// Cancelling takes a name that still waits for a thread out of the pool; the answer for one that is being looked for
/// already is not heard.
///
/// *Twisted's `GAIResolver`.*
#[derive(Clone)]
pub struct BlockingResolver {
    look_up: Arc<LookUp>,
}

/// Waits for the addresses of a name.
type LookUp = dyn Fn(&Query) -> io::Result<Vec<SocketAddr>> + Send + Sync;

impl BlockingResolver {
    /// A resolver that calls `look_up`, on several threads at once if it is asked for several names.
    pub fn new(
        look_up: impl Fn(&Query) -> io::Result<Vec<SocketAddr>> + Send + Sync + 'static,
    ) -> Self {
        Self {
            look_up: Arc::new(look_up),
        }
    }

    /// The system's resolver: what the standard library asks, in the system's order.
    ///
    /// The standard library has it look for both families always; those that are not wanted are left out after that, so
    /// that a [`Query`] for one family is answered when both are known. For whom that takes too long,
    /// [`new`](Self::new) takes a function that asks the system's `getaddrinfo` for one family.
    #[must_use]
    pub fn system() -> Self {
        Self::new(|query| {
            let found = (query.host(), query.port()).to_socket_addrs()?;
            Ok(found.collect())
        })
    }
}

impl Resolver for BlockingResolver {
    fn resolve(&self, reactor: &Reactor, query: &Query) -> Deferred<Vec<SocketAddr>> {
        let (look_up, query) = (Arc::clone(&self.look_up), query.clone());
        reactor.defer_to_thread(move || {
            look_up(&query).map_err(|error| LookupError::failure(query.host(), error))
        })
    }
}

impl fmt::Debug for BlockingResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlockingResolver").finish_non_exhaustive()
    }
}
