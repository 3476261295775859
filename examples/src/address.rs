//! The address of a server, as it is written on a command line.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// Where a server listens: a host, by name or by number, and a port.
///
/// It is written `[HOST:]PORT`. Without a host it is on this machine; an IPv6 address stands in
/// brackets, for it is itself full of colons. A name is not looked up before someone connects.
///
/// # Examples
///
/// ```
/// use examples::ServerAddress;
///
/// let server: ServerAddress = "10000".parse()?;
/// assert_eq!(server.to_string(), "127.0.0.1:10000");
///
/// let server: ServerAddress = "[::1]:10000".parse()?;
/// assert_eq!(server.host, "::1");
/// # Ok::<(), examples::AddressError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    /// A name, an IPv4 address, or an IPv6 address without its brackets.
    pub host: String,
    /// A port that can be connected to, so never zero.
    pub port: u16,
}

impl ServerAddress {
    /// The host that is meant when none is given.
    pub const DEFAULT_HOST: &str = "127.0.0.1";
}

impl FromStr for ServerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let (host, port) = match text.strip_prefix('[') {
            Some(rest) => split_bracketed(text, rest)?,
            None => split_plain(text)?,
        };
        Ok(Self {
            host: host.to_owned(),
            port: parse_port(text, port)?,
        })
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(f, "[{host}]:{port}")
        } else {
            write!(f, "{host}:{port}")
        }
    }
}

/// Why a text is not the address of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// The port is not a number, or not one that can be connected to.
    #[error("invalid port {0:?}: a port is a number from 1 to 65535")]
    InvalidPort(String),
    /// There is nothing where the port should be.
    #[error("no port in {0:?}: an address is [HOST:]PORT, such as 10000 or localhost:10000")]
    MissingPort(String),
    /// A colon has nothing before it.
    #[error("no host in {0:?}: an address is [HOST:]PORT, such as 10000 or localhost:10000")]
    MissingHost(String),
    /// The host can be neither a name nor an address.
    #[error("invalid host {0:?}: a host is a name, an IPv4 address or an [IPv6 address]")]
    InvalidHost(String),
    /// There is more than one colon, and no brackets to tell which one the port follows.
    #[error("too many colons in {0:?}: an IPv6 address stands in brackets, as in [::1]:10000")]
    TooManyColons(String),
}

/// Splits `[HOST]:PORT`, whose opening bracket is already gone from `rest`.
fn split_bracketed<'a>(text: &str, rest: &'a str) -> Result<(&'a str, &'a str), AddressError> {
    let Some((host, port)) = rest.split_once(']') else {
        return Err(AddressError::InvalidHost(text.to_owned()));
    };
    if host.parse::<Ipv6Addr>().is_err() {
        return Err(AddressError::InvalidHost(format!("[{host}]")));
    }
    let Some(port) = port.strip_prefix(':') else {
        return Err(AddressError::MissingPort(text.to_owned()));
    };
    Ok((host, port))
}

/// Splits `[HOST:]PORT`, where the host has no colon of its own.
fn split_plain(text: &str) -> Result<(&str, &str), AddressError> {
    let Some((host, port)) = text.split_once(':') else {
        return Ok((ServerAddress::DEFAULT_HOST, text));
    };
    if port.contains(':') {
        return Err(AddressError::TooManyColons(text.to_owned()));
    }
    if host.is_empty() {
        return Err(AddressError::MissingHost(text.to_owned()));
    }
    if host.contains(|c: char| c.is_whitespace() || c.is_control() || "[]/".contains(c)) {
        return Err(AddressError::InvalidHost(host.to_owned()));
    }
    Ok((host, port))
}

fn parse_port(text: &str, port: &str) -> Result<u16, AddressError> {
    if port.is_empty() {
        return Err(AddressError::MissingPort(text.to_owned()));
    }
    // The standard parser takes "+80" too, which no one means.
    let digits_only = port.bytes().all(|byte| byte.is_ascii_digit());
    match port.parse() {
        Ok(number @ 1..) if digits_only => Ok(number),
        _ => Err(AddressError::InvalidPort(port.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_alone_is_on_this_machine() {
        assert_eq!(parse("10000"), Ok(("127.0.0.1".to_owned(), 10000)));
    }

    #[test]
    fn a_host_is_a_name_or_a_number() {
        assert_eq!(parse("localhost:1"), Ok(("localhost".to_owned(), 1)));
        assert_eq!(parse("10.0.0.7:65535"), Ok(("10.0.0.7".to_owned(), 65535)));
    }

    #[test]
    fn an_ipv6_address_loses_its_brackets() {
        assert_eq!(parse("[::1]:10000"), Ok(("::1".to_owned(), 10000)));
    }

    #[test]
    fn an_address_is_shown_as_it_can_be_parsed_again() {
        for text in ["127.0.0.1:10000", "poems.example:80", "[2001:db8::7]:10000"] {
            assert_eq!(text.parse::<ServerAddress>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_port_is_a_number_from_1_to_65535() {
        for port in [
            "abc", "0", "65536", "99999", "-1", "+80", "1e3", " 80", "８０",
        ] {
            assert_eq!(parse(port), Err(AddressError::InvalidPort(port.to_owned())));
        }
    }

    #[test]
    fn an_address_needs_its_port() {
        for text in ["", "host:", "[::1]", "[::1]:", "[::1]10000"] {
            assert_eq!(parse(text), Err(AddressError::MissingPort(text.to_owned())));
        }
    }

    #[test]
    fn a_colon_needs_a_host_before_it() {
        assert_eq!(
            parse(":10"),
            Err(AddressError::MissingHost(":10".to_owned()))
        );
    }

    #[test]
    fn a_host_is_written_in_one_piece() {
        for (text, host) in [("a b:10", "a b"), ("[host]:10", "[host]"), ("[::1", "[::1")] {
            assert_eq!(parse(text), Err(AddressError::InvalidHost(host.to_owned())));
        }
    }

    #[test]
    fn an_ipv6_address_without_brackets_has_too_many_colons() {
        for text in ["1:2:3", "::1", "http://localhost:10000"] {
            assert_eq!(
                parse(text),
                Err(AddressError::TooManyColons(text.to_owned()))
            );
        }
    }

    #[test]
    fn an_error_says_in_one_line_what_is_wrong_and_what_is_right() {
        let message = |text: &str| text.parse::<ServerAddress>().unwrap_err().to_string();

        assert_eq!(
            message("99999"),
            r#"invalid port "99999": a port is a number from 1 to 65535"#
        );
        assert_eq!(
            message("host:"),
            r#"no port in "host:": an address is [HOST:]PORT, such as 10000 or localhost:10000"#
        );
        assert_eq!(message("two\nlines:10").lines().count(), 1);
    }

    fn parse(text: &str) -> Result<(String, u16), AddressError> {
        let ServerAddress { host, port } = text.parse()?;
        Ok((host, port))
    }
}
