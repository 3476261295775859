//! Version 1: a line of text, such as `PROXY TCP4 203.0.113.7 192.0.2.1 56324 443`.
//!
//! The line is read from left to right, and judged only by what cannot change when more comes: a field by its
//! characters as they come, and by its value when what ends it has come.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::{self, FromStr};

use memchr::{memchr2, memmem};

use super::{Addresses, Field, Header, HeaderError, Unread, after};

/// The longest line, with its end: that of two whole addresses of IPv6 between which nothing is known.
const LONGEST: usize = 107;

/// Reads the header at the beginning of `data`.
pub(super) fn read(data: &[u8]) -> Result<Header, Unread> {
    let line = &data[..data.len().min(LONGEST)];
    match read_line(line) {
        Err(Unread::More) if line.len() == LONGEST => Err(HeaderError::TooLong(LONGEST).into()),
        read => read,
    }
}

/// Reads a header that ends in `line`, if it ends at all.
fn read_line(line: &[u8]) -> Result<Header, Unread> {
    let rest = after(b"PROXY ", line)?;
    let mut fields = Fields {
        rest,
        is_over: false,
    };
    let addresses = match fields.next() {
        (b"TCP4", Some(_)) => fields.addresses::<Ipv4Addr>()?,
        (b"TCP6", Some(_)) => fields.addresses::<Ipv6Addr>()?,
        (b"UNKNOWN", Some(_)) => return unknown(line),
        (part, None) if begins_a_word(part) => return Err(Unread::More),
        _ => return Err(HeaderError::UnknownProtocol.into()),
    };
    match fields.rest.first() {
        None => Err(Unread::More),
        Some(b'\n') => Ok(Header {
            length: line.len() - fields.rest.len() + 1,
            addresses: Some(addresses),
        }),
        Some(_) => Err(HeaderError::NoEnd.into()),
    }
}

/// Reads a header that knows no addresses: what else stands in the line has no meaning.
fn unknown(line: &[u8]) -> Result<Header, Unread> {
    let end = memmem::find(line, b"\r\n").ok_or(Unread::More)?;
    Ok(Header {
        length: end + 2,
        addresses: None,
    })
}

fn begins_a_word(part: &[u8]) -> bool {
    let words: [&[u8]; 3] = [b"TCP4", b"TCP6", b"UNKNOWN"];
    words.iter().any(|word| word.starts_with(part))
}

/// What was not read yet of a line.
struct Fields<'a> {
    rest: &'a [u8],
    /// Whether the carriage return was read.
    is_over: bool,
}

/// What ends a field.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Space,
    CarriageReturn,
}

impl<'a> Fields<'a> {
    /// The next field, and what ends it, if that has come.
    fn next(&mut self) -> (&'a [u8], Option<End>) {
        if self.is_over {
            return (b"", Some(End::CarriageReturn));
        }
        let Some(at) = memchr2(b' ', b'\r', self.rest) else {
            return (self.rest, None);
        };
        let (field, end) = (&self.rest[..at], self.rest[at]);
        self.rest = &self.rest[at + 1..];
        self.is_over = end == b'\r';
        let end = if self.is_over {
            End::CarriageReturn
        } else {
            End::Space
        };
        (field, Some(end))
    }

    /// Reads one field.
    fn read<T: Value>(&mut self, field: Field) -> Result<T, Unread> {
        let (text, end) = self.next();
        let invalid = HeaderError::Invalid(field);
        if !text.iter().all(T::may_have) {
            return Err(invalid.into());
        }
        if end.is_none() {
            return Err(Unread::More);
        }
        if text.is_empty() {
            return Err(HeaderError::Missing(field).into());
        }
        let value = str::from_utf8(text).ok().and_then(|text| text.parse().ok());
        value.ok_or_else(|| invalid.into())
    }

    /// Reads the addresses, which are the rest of the line.
    fn addresses<A: Value + Into<IpAddr>>(&mut self) -> Result<Addresses, Unread> {
        let source: A = self.read(Field::SourceAddress)?;
        let destination: A = self.read(Field::DestinationAddress)?;
        let source_port = self.read(Field::SourcePort)?;
        let destination_port = self.read(Field::DestinationPort)?;
        if !self.is_over {
            return Err(HeaderError::NoEnd.into());
        }
        Ok(Addresses {
            source: SocketAddr::new(source.into(), source_port).into(),
            destination: SocketAddr::new(destination.into(), destination_port).into(),
        })
    }
}

/// What a field holds.
trait Value: FromStr {
    /// Whether this character occurs in it.
    fn may_have(character: &u8) -> bool;
}

impl Value for Ipv4Addr {
    fn may_have(character: &u8) -> bool {
        matches!(character, b'0'..=b'9' | b'.')
    }
}

impl Value for Ipv6Addr {
    fn may_have(character: &u8) -> bool {
        character.is_ascii_hexdigit() || matches!(character, b':' | b'.')
    }
}

impl Value for u16 {
    fn may_have(character: &u8) -> bool {
        character.is_ascii_digit()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::parse;

    const LINE: &str = "PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n";

    /// The addresses in a header that is complete, and no byte before its end.
    #[track_caller]
    fn addresses_in(line: &str) -> Option<[String; 2]> {
        let (last, rest) = (line.len(), &line[..line.len() - 1]);
        assert_eq!(parse(rest.as_bytes()), Ok(None), "{line:?}");
        let header = parse(format!("{line}PROXY").as_bytes()).unwrap().unwrap();
        assert_eq!(header.length, last);
        let addresses = header.addresses?;
        Some([addresses.source, addresses.destination].map(|address| address.to_string()))
    }

    /// Checks that this is the error as soon as the line has come as far as this.
    #[track_caller]
    fn assert_refused(line: &str, error: HeaderError) {
        let (_, before) = line.as_bytes().split_last().unwrap();
        assert_eq!(parse(before), Ok(None), "too early in {line:?}");
        assert_eq!(parse(line.as_bytes()), Err(error), "{line:?}");
    }

    // P-048
    #[test]
    fn both_ends_of_a_connection_of_ipv4_are_read() {
        let addresses = addresses_in(LINE).unwrap();
        assert_eq!(addresses, ["203.0.113.7:56324", "192.0.2.1:443"]);
    }

    // P-048
    #[test]
    fn both_ends_of_a_connection_of_ipv6_are_read() {
        let addresses = addresses_in("PROXY TCP6 2001:db8::7 ::1 56324 443\r\n").unwrap();
        assert_eq!(addresses, ["[2001:db8::7]:56324", "[::1]:443"]);
    }

    // P-048
    #[test]
    fn of_what_is_unknown_no_address_is_read() {
        assert_eq!(addresses_in("PROXY UNKNOWN\r\n"), None);
        assert_eq!(addresses_in("PROXY UNKNOWN ? \r or else 1 2\r\n"), None);
    }

    // P-048
    #[test]
    fn the_longest_line_is_read_and_a_longer_one_is_not() {
        let whole = ["ffff"; 8].join(":");
        let longest = format!("PROXY UNKNOWN {whole} {whole} 65535 65535\r\n");

        assert_eq!(longest.len(), LONGEST);
        assert_eq!(addresses_in(&longest), None);
        assert_refused(&longest.replace('\r', "0"), HeaderError::TooLong(LONGEST));
        assert_refused(
            &format!("PROXY TCP4 {}", "1".repeat(96)),
            HeaderError::TooLong(LONGEST),
        );
    }

    // P-048
    #[test]
    fn a_protocol_that_is_not_known_is_an_error() {
        for line in [
            "PROXY UD",
            "PROXY TCP5",
            "PROXY TCP4X",
            "PROXY  ",
            "PROXY TCP\r",
            "PROXY t",
        ] {
            assert_refused(line, HeaderError::UnknownProtocol);
        }
    }

    // P-048
    #[test]
    fn a_field_that_is_missing_is_an_error_at_the_end_before_it() {
        let fields = [
            ("PROXY TCP4\r", Field::SourceAddress),
            ("PROXY TCP4  ", Field::SourceAddress),
            ("PROXY TCP4 1.2.3.4\r", Field::DestinationAddress),
            ("PROXY TCP6 ::1 ::2\r", Field::SourcePort),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 1\r", Field::DestinationPort),
            ("PROXY TCP4 1.2.3.4 1.2.3.4 1 \r", Field::DestinationPort),
        ];
        for (line, field) in fields {
            assert_refused(line, HeaderError::Missing(field));
        }
    }

    // P-047, P-048
    #[test]
    fn a_field_that_is_not_valid_is_an_error_as_soon_as_that_shows() {
        let fields = [
            ("PROXY TCP4 :", Field::SourceAddress),
            ("PROXY TCP4 1.2.3.04 ", Field::SourceAddress),
            ("PROXY TCP4 1.2.3.4 1.2.3 ", Field::DestinationAddress),
            ("PROXY TCP4 1.2.3.4 1.2.3.4\n", Field::DestinationAddress),
            ("PROXY TCP6 1.2.3.4 ", Field::SourceAddress),
            ("PROXY TCP6 ::1 ::g", Field::DestinationAddress),
            ("PROXY TCP6 fe80::1%", Field::SourceAddress),
            ("PROXY TCP6 ::1 ::1 +", Field::SourcePort),
            ("PROXY TCP6 ::1 ::1 65536 ", Field::SourcePort),
            ("PROXY TCP6 ::1 ::1 1 -", Field::DestinationPort),
            ("PROXY TCP6 ::1 ::1 1 \u{e9}", Field::DestinationPort),
        ];
        for (line, field) in fields {
            let error = parse(line.as_bytes());
            assert_eq!(error, Err(HeaderError::Invalid(field)), "{line:?}");
        }
    }

    #[test]
    fn a_line_that_goes_on_or_ends_in_another_way_is_an_error() {
        assert_refused("PROXY TCP4 1.2.3.4 1.2.3.4 1 2 ", HeaderError::NoEnd);
        assert_refused("PROXY TCP4 1.2.3.4 1.2.3.4 1 2\rX", HeaderError::NoEnd);
    }
}
