//! Hosts as they are written: addresses, and names in any script.

use std::borrow::Cow;
use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};

/// The address that `host` is the text of, if it is one.
pub(crate) fn literal(host: &str, port: u16) -> Option<SocketAddr> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Some(SocketAddr::new(ip, port));
    }
    // The standard library reads a scope only where there is a port too.
    if !host.contains('%') {
        return None;
    }
    let scoped: SocketAddrV6 = format!("[{host}]:{port}").parse().ok()?;
    Some(scoped.into())
}

/// The ASCII form of a name, which is what the domain name system knows.
///
/// A name that is ASCII already is taken as it is: not all that a local resolver knows follows the rules.
///
/// # Errors
///
/// If it has characters that no name can have.
pub(crate) fn ascii(host: &str) -> io::Result<Cow<'_, str>> {
    if host.is_ascii() {
        return Ok(Cow::Borrowed(host));
    }
    let length = DnsLength::VerifyAllowRootDot;
    Uts46::new()
        .to_ascii(host.as_bytes(), AsciiDenyList::URL, Hyphens::Allow, length)
        .map_err(|_| {
            let text = "it cannot be written as an internationalised domain name";
            io::Error::new(io::ErrorKind::InvalidInput, text)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    // E-048
    #[test]
    fn an_address_is_told_from_a_name() {
        assert_eq!(literal("127.0.0.1", 80), "127.0.0.1:80".parse().ok());
        assert_eq!(literal("::1", 80), "[::1]:80".parse().ok());
        assert_eq!(literal("localhost", 80), None);
        assert_eq!(literal("1.2.3", 80), None);
        assert_eq!(literal("100%", 80), None);
    }

    // E-043, E-048
    #[test]
    fn an_ipv6_address_may_have_a_scope() {
        let Some(SocketAddr::V6(address)) = literal("fe80::1%7", 80) else {
            unreachable!("it is one")
        };

        assert_eq!(address.scope_id(), 7);
    }

    // E-025
    #[test]
    fn a_name_in_another_script_is_turned_to_ascii() {
        assert_eq!(ascii("bücher.example").unwrap(), "xn--bcher-kva.example");
    }

    // E-025
    #[test]
    fn a_name_is_normalised_before_it_is_turned() {
        // Once as one character, once as a letter and a mark, once as a capital.
        for name in ["bücher.example", "bu\u{308}cher.example", "BÜCHER.example"] {
            assert_eq!(ascii(name).unwrap(), "xn--bcher-kva.example");
        }
    }

    // E-025
    #[test]
    fn a_name_that_cannot_be_turned_is_an_error() {
        let long = "ü".repeat(100);

        assert!(ascii(&long).is_err());
        assert!(ascii("\u{fffd}.example").is_err());
    }

    // E-025
    #[test]
    fn an_ascii_name_is_taken_as_it_is() {
        assert_eq!(ascii("Local_Host").unwrap(), "Local_Host");
    }
}
