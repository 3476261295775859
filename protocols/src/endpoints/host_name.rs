//! Connecting to the addresses of a name.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use deferred::{Abandoned, CancelledError, Deferred, Failure, Kind};
use reactor::Reactor;
use reactor::task::AddTimeout;

use super::attempts::Attempts;
use super::{AnyFactory, ClientEndpoint, Connect};
use crate::resolver::ascii;
use crate::{
    ConnectError, Destination, Families, LookupError, Query, ReactorNames, Transport,
    is_ipv6_literal,
};

/// How long an attempt has for itself before the next one begins beside it.
///
/// RFC 8305 recommends 250 milliseconds, and at least 100; this is Twisted's.
const ATTEMPT_DELAY: Duration = Duration::from_millis(300);

impl ClientEndpoint {
    /// Connects over TCP to `port` of `host`, a name or an address: to the address of the name that answers first.
    ///
    /// The addresses are tried one beside the other, each begun a little later than the one before, IPv6 and IPv4 in
    /// turn. The first connection that stands is taken, and the other attempts are given up. If all fail, it is
    /// with the last one's error. The factory builds one protocol, for the connection that is taken; if it declines
    /// one, the others are still tried.
    ///
    /// *Twisted's `HostnameEndpoint`; RFC 8305, "Happy Eyeballs".*
    pub fn host_name(reactor: &Reactor, host: &str, port: u16, options: HostNameOptions) -> Self {
        Self::new(HostName {
            reactor: reactor.clone(),
            host: host.to_owned(),
            port,
            options,
        })
    }

    /// Connects over TCP and IPv6 to `port` of `host`, a name or an address.
    ///
    /// *Twisted's `TCP6ClientEndpoint`.*
    pub fn tcp6(reactor: &Reactor, host: &str, port: u16, options: HostNameOptions) -> Self {
        Self::host_name(reactor, host, port, options.families(Families::Ipv6))
    }
}

/// How to connect to the addresses of a name.
#[derive(Debug, Clone)]
#[must_use = "options do nothing by themselves"]
pub struct HostNameOptions {
    timeout: Option<Duration>,
    bind_address: Option<SocketAddr>,
    attempt_delay: Duration,
    families: Families,
}

impl HostNameOptions {
    /// Thirty seconds, from any local address, 0.3 seconds between the attempts, over IPv4 and IPv6.
    pub const fn new() -> Self {
        Self {
            timeout: Some(Duration::from_secs(30)),
            bind_address: None,
            attempt_delay: ATTEMPT_DELAY,
            families: Families::Any,
        }
    }

    /// The time in which a connection must stand, the resolving of the name and all attempts included.
    ///
    /// *In Twisted each attempt has this time.*
    pub const fn timeout(self, timeout: Duration) -> Self {
        Self {
            timeout: Some(timeout),
            ..self
        }
    }

    /// No time limit but the system's own.
    pub const fn without_timeout(self) -> Self {
        Self {
            timeout: None,
            ..self
        }
    }

    /// The local address to connect from, any port of it; addresses of the other family are not tried then.
    pub const fn bind_host(self, host: IpAddr) -> Self {
        self.bind_address(SocketAddr::new(host, 0))
    }

    /// The local address and port to connect from; addresses of the other family are not tried then.
    pub const fn bind_address(self, address: SocketAddr) -> Self {
        Self {
            bind_address: Some(address),
            ..self
        }
    }

    /// How long after one attempt the next one begins.
    pub const fn attempt_delay(self, attempt_delay: Duration) -> Self {
        Self {
            attempt_delay,
            ..self
        }
    }

    /// Only addresses of these families.
    pub const fn families(self, families: Families) -> Self {
        Self { families, ..self }
    }
}

impl Default for HostNameOptions {
    fn default() -> Self {
        Self::new()
    }
}

struct HostName {
    reactor: Reactor,
    host: String,
    port: u16,
    options: HostNameOptions,
}

impl HostName {
    fn destination(&self) -> Destination {
        let (host, port) = (self.host.clone(), self.port);
        Destination::Tcp { host, port }
    }

    /// What is asked of the resolver.
    fn query(&self) -> Query {
        Query::new(&*self.host, self.port).families(self.options.families)
    }
}

impl Connect for HostName {
    fn connect(&self, factory: Rc<AnyFactory>) -> Deferred<Rc<dyn Transport>> {
        let attempts = Attempts::new(&self.reactor, self.options.bind_address, factory);
        let delay = self.options.attempt_delay;
        let (to, local) = (self.destination(), self.options.bind_address);
        let connecting = self
            .reactor
            .resolve(self.query())
            .addresses()
            .add_callback(move |found| match reachable(found, local) {
                Ok(addresses) => attempts.race(interleaved(addresses), delay),
                Err(failure) => Deferred::fail(failure),
            })
            .add_callback(|decided| decided)
            .add_errback(move |failure| Err(as_connect_error(&to, failure)));
        match self.options.timeout {
            Some(after) => self.limit(connecting, after),
            None => connecting,
        }
    }
}

impl HostName {
    /// Gives up when so much time has passed.
    fn limit(
        &self,
        connecting: Deferred<Rc<dyn Transport>>,
        after: Duration,
    ) -> Deferred<Rc<dyn Transport>> {
        let to = self.destination();
        connecting.add_timeout_with(after, &self.reactor, move |result, after| {
            result.map_err(|failure| match failure.check() {
                Some(ConnectError::Stopped(_)) => {
                    Failure::without_backtrace(ConnectError::TimedOut { to, after })
                }
                _ => failure,
            })
        })
    }
}

/// The failures of resolvers and races as those of connecting.
fn as_connect_error(to: &Destination, failure: Failure) -> Failure {
    let kinds = [
        Kind::of::<LookupError>(),
        Kind::of::<Abandoned>(),
        Kind::of::<CancelledError>(),
    ];
    if failure.which(&kinds).is_some() {
        Failure::without_backtrace(ConnectError::from_resolver(to, &failure))
    } else {
        failure
    }
}

/// Those of the addresses that can be reached from this local one.
fn reachable(
    mut found: Vec<SocketAddr>,
    local: Option<SocketAddr>,
) -> Result<Vec<SocketAddr>, Failure> {
    let Some(local) = local else {
        return Ok(found);
    };
    found.retain(|address| address.is_ipv4() == local.is_ipv4());
    if found.is_empty() {
        let source = io::Error::new(
            io::ErrorKind::InvalidInput,
            "the host has none of its family",
        );
        let failed = ConnectError::BindFailed(local.into(), source);
        return Err(Failure::without_backtrace(failed));
    }
    Ok(found)
}

/// The addresses of the two families in turn, each family in its order, beginning with the first one's.
///
/// *RFC 8305, section 4.*
fn interleaved(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses
        .into_iter()
        .partition(|address| address.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut mixed = Vec::with_capacity(first.len() + second.len());
    while first.len() + second.len() > 0 {
        mixed.extend(first.next());
        mixed.extend(second.next());
    }
    mixed
}

impl fmt::Display for HostName {
    /// The host in its ASCII form, an IPv6 address in brackets, and escapes where a name cannot have that character.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match ascii(&self.host) {
            _ if is_ipv6_literal(&self.host) => write!(f, "tcp:[{}]", self.host)?,
            Ok(host) => write!(f, "tcp:{}", host.escape_default())?,
            Err(_) => write!(f, "tcp:{}", self.host.escape_default())?,
        }
        write!(f, ":{}", self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interleave(texts: &[&str]) -> Vec<String> {
        let addresses = texts.iter().map(|text| text.parse().unwrap()).collect();
        interleaved(addresses)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    // E-023
    #[test]
    fn the_families_take_turns_beginning_with_that_of_the_first_address() {
        let found = ["[::1]:1", "[::2]:1", "[::3]:1", "1.0.0.1:1", "1.0.0.2:1"];
        let order = ["[::1]:1", "1.0.0.1:1", "[::2]:1", "1.0.0.2:1", "[::3]:1"];
        assert_eq!(interleave(&found), order);

        let found = ["1.0.0.1:1", "1.0.0.2:1", "[::1]:1"];
        assert_eq!(interleave(&found), ["1.0.0.1:1", "[::1]:1", "1.0.0.2:1"]);
    }

    // E-020
    #[test]
    fn addresses_of_one_family_keep_the_resolvers_order() {
        let found = ["1.0.0.3:1", "1.0.0.1:1", "1.0.0.2:1"];

        assert_eq!(interleave(&found), found);
    }
}
