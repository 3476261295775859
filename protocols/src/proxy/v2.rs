//! Version 2: sixteen bytes, and as many more as the last two of them say, which begin with the addresses.

use std::ffi::OsStr;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::{Address, UnixAddress};

use super::{Addresses, Header, HeaderError, Unread, after};

/// The longest header that is read. The format has room for 64 KiB, of which extensions would have to be the most; a
/// peer that nobody knows yet need not be given as much.
pub(super) const LONGEST: usize = 4096;

/// What no other protocol begins with.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The length of the part that every header has.
const FIXED: usize = 16;

/// How long the name of a UNIX socket is, with the zero bytes after it.
const UNIX_NAME: usize = 108;

/// Reads the header at the beginning of `data`.
pub(super) fn read(data: &[u8]) -> Result<Header, Unread> {
    let rest = after(SIGNATURE, data)?;
    let (&version_and_command, rest) = rest.split_first().ok_or(Unread::More)?;
    let is_proxy = is_for_a_client(version_and_command)?;
    let (&family_and_transport, rest) = rest.split_first().ok_or(Unread::More)?;
    let form = match is_proxy {
        true => Form::of(family_and_transport)?,
        // Whatever a balancer says about a connection of its own is to be ignored.
        false => Form::Nothing,
    };
    let (&[high, low], rest) = rest.split_first_chunk().ok_or(Unread::More)?;
    let has = usize::from(u16::from_be_bytes([high, low]));
    let (length, needed) = (FIXED + has, form.length());
    if has < needed {
        return Err(HeaderError::NoRoom { has, needed }.into());
    }
    if length > LONGEST {
        return Err(HeaderError::TooLong(LONGEST).into());
    }
    let block = rest.get(..has).ok_or(Unread::More)?;
    Ok(Header {
        length,
        addresses: form.read(block),
    })
}

/// Whether the connection was made for a client, and not by the balancer for itself.
const fn is_for_a_client(version_and_command: u8) -> Result<bool, HeaderError> {
    match (version_and_command >> 4, version_and_command & 0xf) {
        (2, 0) => Ok(false),
        (2, 1) => Ok(true),
        (2, command) => Err(HeaderError::UnknownCommand(command)),
        (version, _) => Err(HeaderError::UnknownVersion(version)),
    }
}

/// Which addresses a header has.
#[derive(Clone, Copy)]
enum Form {
    /// None, or such as are not said to be of which kind.
    Nothing,
    /// IPv4, for one kind of ports.
    V4(Ports),
    /// IPv6, for one kind of ports.
    V6(Ports),
    /// UNIX sockets.
    Unix,
}

/// Makes an address of a number.
type Ports = fn(SocketAddr) -> Address;

impl Form {
    /// The form that a header says.
    fn of(family_and_transport: u8) -> Result<Self, HeaderError> {
        let (family, transport) = (family_and_transport >> 4, family_and_transport & 0xf);
        let family_form: fn(Ports) -> Self = match family {
            0 => |_| Self::Nothing,
            1 => Self::V4,
            2 => Self::V6,
            3 => |_| Self::Unix,
            _ => return Err(HeaderError::UnknownFamily(family)),
        };
        match transport {
            0 => Ok(Self::Nothing),
            1 => Ok(family_form(Address::Tcp)),
            2 => Ok(family_form(Address::Udp)),
            _ => Err(HeaderError::UnknownTransport(transport)),
        }
    }

    /// How many bytes the addresses have.
    const fn length(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::V4(_) => 2 * (4 + 2),
            Self::V6(_) => 2 * (16 + 2),
            Self::Unix => 2 * UNIX_NAME,
        }
    }

    /// Reads the addresses from the beginning of `block`.
    fn read(self, block: &[u8]) -> Option<Addresses> {
        match self {
            Self::Nothing => None,
            Self::V4(ports) => numbers::<4>(block, ports),
            Self::V6(ports) => numbers::<16>(block, ports),
            Self::Unix => names(block),
        }
    }
}

/// Reads two IP addresses, and then their ports.
fn numbers<const N: usize>(block: &[u8], ports: Ports) -> Option<Addresses>
where
    IpAddr: From<[u8; N]>,
{
    let (source, block) = block.split_first_chunk::<N>()?;
    let (destination, block) = block.split_first_chunk::<N>()?;
    let (source_port, block) = block.split_first_chunk()?;
    let destination_port = block.first_chunk()?;
    let address = |ip: &[u8; N], port: &[u8; 2]| {
        let port = u16::from_be_bytes(*port);
        ports(SocketAddr::new(IpAddr::from(*ip), port))
    };
    Some(Addresses {
        source: address(source, source_port),
        destination: address(destination, destination_port),
    })
}

/// Reads two names of UNIX sockets.
fn names(block: &[u8]) -> Option<Addresses> {
    let (source, block) = block.split_first_chunk::<UNIX_NAME>()?;
    let destination = block.first_chunk::<UNIX_NAME>()?;
    Some(Addresses {
        source: name(source).into(),
        destination: name(destination).into(),
    })
}

/// Reads the name of a UNIX socket: a path up to the first zero byte, or, after one, an abstract name.
///
/// How long an abstract name is, the header does not say; it is taken to end before the zero bytes at the end.
fn name(bytes: &[u8; UNIX_NAME]) -> UnixAddress {
    let end = bytes.iter().rposition(|&byte| byte != 0);
    match (end, bytes) {
        (None, _) => UnixAddress::Unnamed,
        (Some(end), [0, ..]) => UnixAddress::abstract_name(&bytes[1..=end]),
        (Some(_), path) => {
            let path = path.split(|&byte| byte == 0).next().unwrap_or_default();
            Path::new(OsStr::from_bytes(path)).into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proxy::parse;

    const PROXY: u8 = 0x21;
    const LOCAL: u8 = 0x20;
    const V4: &[u8] = b"\xcb\0\x71\x07\xc0\0\x02\x01\xdc\x04\x01\xbb";
    const V6: &[u8] = &[
        0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, // The client's.
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, // The other one.
        0xdc, 0x04, 0x01, 0xbb,
    ];

    /// Two names, with the zero bytes after each.
    fn unix(source: &[u8], destination: &[u8]) -> Vec<u8> {
        let padded = |name: &[u8]| [name, &[0; UNIX_NAME][name.len()..]].concat();
        [padded(source), padded(destination)].concat()
    }

    fn header(command: u8, form: u8, block: &[u8]) -> Vec<u8> {
        let length = u16::try_from(block.len()).unwrap().to_be_bytes();
        [SIGNATURE, &[command, form], &length, block].concat()
    }

    /// The addresses in a header that is complete, and no byte before its end.
    #[track_caller]
    fn addresses_in(command: u8, form: u8, block: &[u8]) -> Option<[Address; 2]> {
        let mut data = header(command, form, block);
        assert_eq!(parse(&data[..data.len() - 1]), Ok(None));
        let length = data.len();
        data.extend(b"more");
        let header = parse(&data).unwrap().unwrap();
        assert_eq!(header.length, length);
        let addresses = header.addresses?;
        Some([addresses.source, addresses.destination])
    }

    /// Checks that this is the error as soon as so many bytes of the header have come.
    #[track_caller]
    fn assert_refused(header: &[u8], at: usize, error: HeaderError) {
        assert_eq!(parse(&header[..at - 1]), Ok(None));
        assert_eq!(parse(&header[..at]), Err(error));
        assert_eq!(parse(header), Err(error));
    }

    // P-049
    #[test]
    fn both_ends_of_streams_and_datagrams_over_ipv4_are_read() {
        let ends = ["203.0.113.7:56324", "192.0.2.1:443"].map(|end| end.parse().unwrap());

        assert_eq!(addresses_in(PROXY, 0x11, V4), Some(ends.map(Address::Tcp)));
        assert_eq!(addresses_in(PROXY, 0x12, V4), Some(ends.map(Address::Udp)));
    }

    // P-049
    #[test]
    fn both_ends_of_streams_and_datagrams_over_ipv6_are_read() {
        let ends = ["[2001:db8::7]:56324", "[::1]:443"].map(|end| end.parse().unwrap());

        assert_eq!(addresses_in(PROXY, 0x21, V6), Some(ends.map(Address::Tcp)));
        assert_eq!(addresses_in(PROXY, 0x22, V6), Some(ends.map(Address::Udp)));
    }

    // P-049
    #[test]
    fn both_ends_of_streams_and_datagrams_over_unix_sockets_are_read() {
        let whole = [b'x'; UNIX_NAME];
        let whole_path = UnixAddress::from(str::from_utf8(&whole).unwrap());
        for form in [0x31, 0x32] {
            let addresses = addresses_in(PROXY, form, &unix(b"/run/client\0?", &whole));
            let ends = [UnixAddress::from("/run/client"), whole_path.clone()];
            assert_eq!(addresses, Some(ends.map(Address::Unix)));
        }
    }

    // P-049
    #[test]
    fn unix_sockets_without_a_file_are_read() {
        let addresses = addresses_in(PROXY, 0x31, &unix(b"", b"\0log\0a"));

        let ends = [UnixAddress::Unnamed, UnixAddress::abstract_name("log\0a")];
        assert_eq!(addresses, Some(ends.map(Address::Unix)));
    }

    #[test]
    fn what_stands_behind_the_addresses_is_skipped() {
        let with_more = [V4, b"\x04\0\x02??"].concat();
        assert_eq!(
            addresses_in(PROXY, 0x11, &with_more),
            addresses_in(PROXY, 0x11, V4)
        );
    }

    // P-050
    #[test]
    fn a_connection_of_the_balancer_itself_has_no_addresses() {
        // The last one is of a family that is not known, which is not to be looked at.
        let unix = unix(b"a", b"b");
        let blocks = [
            (0x11, V4),
            (0x21, V6),
            (0x31, &unix),
            (0, b""),
            (0xff, b"?"),
        ];
        for (form, block) in blocks {
            assert_eq!(addresses_in(LOCAL, form, block), None, "{form:#x}");
        }
    }

    // P-050
    #[test]
    fn what_is_not_specified_has_no_addresses() {
        let unix = unix(b"a", b"b");
        let blocks = [
            (0x01, V4),
            (0x02, V6),
            (0x01, &unix),
            (0x10, V4),
            (0x20, V6),
            (0x30, &unix),
            (0x00, b""),
        ];
        for (form, block) in blocks {
            assert_eq!(addresses_in(PROXY, form, block), None, "{form:#x}");
        }
    }

    // P-047, P-049
    #[test]
    fn each_byte_of_the_signature_is_checked() {
        for wrong in 1..SIGNATURE.len() {
            let mut data = header(PROXY, 0x11, V4);
            data[wrong] ^= 1;
            assert_refused(&data, wrong + 1, HeaderError::NoHeader);
        }
    }

    // P-047, P-049
    #[test]
    fn version_command_family_and_transport_are_checked_as_they_come() {
        let wrong = [
            (0x11, 0x11, 13, HeaderError::UnknownVersion(1)),
            (0x22, 0x11, 13, HeaderError::UnknownCommand(2)),
            (0x21, 0x41, 14, HeaderError::UnknownFamily(4)),
            (0x21, 0x13, 14, HeaderError::UnknownTransport(3)),
        ];
        for (command, form, at, error) in wrong {
            assert_refused(&header(command, form, V4), at, error);
        }
    }

    // P-047
    #[test]
    fn a_length_that_leaves_no_room_for_the_addresses_is_an_error() {
        for (form, block, needed) in [(0x11, &V4[1..], 12), (0x21, &V6[1..], 36), (0x31, V6, 216)] {
            let has = block.len();
            let error = HeaderError::NoRoom { has, needed };
            assert_refused(&header(PROXY, form, block), FIXED, error);
        }
    }

    // P-047
    #[test]
    fn a_header_over_the_limit_is_an_error_when_its_length_has_come() {
        let longest = [0; LONGEST - FIXED];
        assert!(addresses_in(PROXY, 0x11, &longest).is_some());

        let longer = header(LOCAL, 0, &[0; LONGEST - FIXED + 1]);
        assert_refused(&longer, FIXED, HeaderError::TooLong(LONGEST));
    }
}
