//! Hosts that are addresses already, and need no resolver.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// Whether a host is an IPv6 address, with or without a scope after a percent sign.
///
/// *Twisted's `isIPv6Address`.*
#[must_use]
pub fn is_ipv6_literal(host: &str) -> bool {
    split(host).is_some()
}

/// The address that a host stands for, if it is one, and its scope, if it has one, is a number.
///
/// What the name of a scope stands for is known to the resolver.
pub(crate) fn address_of(host: &str, port: u16) -> Option<SocketAddr> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Some(SocketAddr::new(address, port));
    }
    let (address, scope) = split(host)?;
    let scope = scope?.parse().ok()?;
    Some(SocketAddrV6::new(address, port, 0, scope).into())
}

/// An IPv6 address and its scope.
fn split(host: &str) -> Option<(Ipv6Addr, Option<&str>)> {
    let (address, scope) = match host.split_once('%') {
        Some((address, scope)) => (address, Some(scope)),
        None => (host, None),
    };
    Some((address.parse().ok()?, scope))
}

#[cfg(test)]
mod tests {
    use super::*;

    // N-059
    #[test]
    fn the_usual_grammar_counts_with_or_without_a_scope() {
        for host in [
            "::",
            "::1",
            "2001:db8::1",
            "::ffff:127.0.0.1",
            "fe80::1%lo",
            "::1%1",
        ] {
            assert!(is_ipv6_literal(host), "{host}");
        }
    }

    // N-059
    #[test]
    fn nothing_else_counts() {
        for host in [
            "",
            ":",
            "%",
            "%lo",
            "1",
            "127.0.0.1",
            "localhost",
            "[::1]",
            "::1::",
            "%::1",
        ] {
            assert!(!is_ipv6_literal(host), "{host}");
        }
    }

    // N-059, N-057
    #[test]
    fn a_scope_that_is_a_number_is_part_of_the_address() {
        let with_scope = address_of("fe80::1%3", 80);

        let expected: SocketAddr = "[fe80::1%3]:80".parse().unwrap();
        assert_eq!(with_scope, Some(expected));
        assert_ne!(with_scope, address_of("fe80::1", 80));
    }

    // N-059
    #[test]
    fn a_scope_that_is_a_name_is_left_to_the_resolver() {
        assert_eq!(address_of("fe80::1%lo", 80), None);
        assert_eq!(address_of("localhost", 80), None);
    }
}
