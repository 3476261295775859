//! Servers behind a balancer that says in whose name it connects: the PROXY protocol of HAProxy.
//!
//! A server behind a load balancer sees the balancer as the peer of every connection. A balancer that speaks this
//! protocol begins each connection with a header that names the two ends which the client sees, be it a line of text,
//! version 1, or binary, version 2. [`BehindProxy`] puts a reader of that header around any factory: its protocols get
//! what comes after the header, and find the client's address in
//! [`Transport::peer`](crate::Transport::peer).
//!
//! ```
//! use protocols::proxy::BehindProxy;
//! use protocols::reactor::Reactor;
//! use protocols::{Address, Factory, ListenOptions, Protocol, ReactorTcp, Transport};
//! use std::rc::Rc;
//!
//! /// Says to everybody where they are.
//! struct WhereAmI;
//!
//! impl Protocol for WhereAmI {
//!     fn data_received(&mut self, transport: &Rc<dyn Transport>, _data: &[u8]) {
//!         transport.write(format!("{}\r\n", transport.peer()).as_bytes());
//!     }
//! }
//!
//! struct WhereFactory;
//!
//! impl Factory for WhereFactory {
//!     type Protocol = WhereAmI;
//!     fn build_protocol(self: &Rc<Self>, _balancer: &Address) -> Option<WhereAmI> {
//!         Some(WhereAmI)
//!     }
//! }
//!
//! let reactor = Reactor::new()?;
//! let factory = BehindProxy::new(Rc::new(WhereFactory));
//! let options = ListenOptions::new(0).interface("127.0.0.1".parse()?);
//! reactor.listen_tcp_with(options, Rc::new(factory))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Whoever can reach such a port can claim any address, so only the balancer should. A connection without a header is
//! closed: to guess whether there is one would let everybody choose. How long a header may take is not limited here;
//! an [`IdleTimeout`](crate::policies::IdleTimeout) around the factory does that.
//!
//! Of version 2, what may stand behind the addresses, such as a checksum or the name that a client of TLS asked for, is
//! skipped.
//!
//! *Twisted's `twisted.protocols.haproxy`. The protocol is described in HAProxy's `doc/proxy-protocol.txt`.*

mod behind;
mod error;
mod through;
mod v1;
mod v2;

pub use behind::{BehindProxy, Proxied};
pub use error::{Field, HeaderError};

use crate::Address;

/// How many bytes a header has at the most. Those that go without extensions have 232 at the most.
pub(crate) const LONGEST: usize = v2::LONGEST;

/// A header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// How many bytes it has.
    pub length: usize,
    /// The addresses in it; none where those of the socket are the right ones, as when the balancer itself is the
    /// client, which sees whether the server lives.
    pub addresses: Option<Addresses>,
}

/// The two ends of a connection, as the client sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addresses {
    /// Where the client is.
    pub source: Address,
    /// To where the client connected.
    pub destination: Address,
}

/// Reads the header at the beginning of `data`, of either version; gives `None` if more is needed.
///
/// What is an error stays the same error, and what is a header the same header, whatever follows. More is never
/// needed of 4 KiB.
///
/// ```
/// use protocols::proxy::parse;
///
/// let data = b"PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\nGET /";
/// let header = parse(data)?.expect("it is complete");
///
/// assert_eq!(&data[header.length..], b"GET /");
/// let addresses = header.addresses.expect("it has some");
/// assert_eq!(addresses.source.to_string(), "203.0.113.7:56324");
/// # Ok::<(), protocols::proxy::HeaderError>(())
/// ```
///
/// # Errors
///
/// If no header begins like this. Of version 1, each field is looked at as a whole when it has come as a whole; of
/// version 2, each byte when it has come.
pub fn parse(data: &[u8]) -> Result<Option<Header>, HeaderError> {
    let read = match data.first() {
        None => Err(Unread::More),
        Some(b'P') => v1::read(data),
        Some(b'\r') => v2::read(data),
        Some(_) => Err(HeaderError::NoHeader.into()),
    };
    match read {
        Ok(header) => Ok(Some(header)),
        Err(Unread::More) => Ok(None),
        Err(Unread::Wrong(error)) => Err(error),
    }
}

/// Why there is no header yet.
enum Unread {
    /// More is needed.
    More,
    /// There will be none.
    Wrong(HeaderError),
}

impl From<HeaderError> for Unread {
    fn from(error: HeaderError) -> Self {
        Self::Wrong(error)
    }
}

/// What follows a signature.
fn after<'a>(signature: &[u8], data: &'a [u8]) -> Result<&'a [u8], Unread> {
    match data.strip_prefix(signature) {
        Some(rest) => Ok(rest),
        None if signature.starts_with(data) => Err(Unread::More),
        None => Err(HeaderError::NoHeader.into()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Headers of both versions, most of them broken in some places, and what follows them.
    fn almost_headers() -> impl Strategy<Value = Vec<u8>> {
        let lines = prop::sample::select(vec![
            "PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n",
            "PROXY TCP6 2001:db8::7 ::1 56324 443\r\n",
            "PROXY UNKNOWN ? \r ?\r\n",
        ]);
        let places = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
        let line = (lines, places).prop_map(|(line, places)| {
            let mut line = line.as_bytes().to_vec();
            for (at, byte) in places {
                let at = at.index(line.len());
                // As often as not another byte that has a meaning.
                line[at] = b" \r\n:.019"[..]
                    .get(usize::from(byte / 16))
                    .copied()
                    .unwrap_or(byte);
            }
            line
        });
        let block = (0x1f..0x23_u8, 0..0x44_u8, 0..300_u16).prop_map(|(command, form, length)| {
            let [high, low] = length.to_be_bytes();
            [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[command, form, high, low]].concat()
        });
        let anything = prop::collection::vec(any::<u8>(), 0..9);
        let rest = prop::collection::vec(any::<u8>(), 0..320);
        (prop_oneof![line, block, anything], rest)
            .prop_map(|(header, rest)| [header, rest].concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        // P-047, P-048, P-049
        #[test]
        fn what_was_found_once_stays_so_whatever_follows(data in almost_headers()) {
            let whole = parse(&data);

            let first = (0..=data.len()).map(|end| (end, parse(&data[..end])));
            let first = first.into_iter().find(|(_, found)| *found != Ok(None));

            let Some((end, found)) = first else {
                prop_assert_eq!(whole, Ok(None));
                return Ok(());
            };
            if let Ok(Some(header)) = &found {
                prop_assert_eq!(header.length, end);
            }
            for end in end..=data.len() {
                prop_assert_eq!(&parse(&data[..end]), &found);
            }
        }

        #[test]
        fn more_is_never_needed_of_so_many_bytes(mut data in almost_headers()) {
            data.resize(LONGEST, b'0');
            prop_assert!(parse(&data) != Ok(None));
        }
    }

    #[test]
    fn of_nothing_more_is_needed() {
        assert_eq!(parse(b""), Ok(None));
    }

    // P-047
    #[test]
    fn what_begins_like_neither_version_is_an_error_at_its_first_wrong_byte() {
        for data in ["G", "PX", "PROXy", "\r\r", "\r\n\r\n\0\r\nQUIZ"] {
            let (last, right) = data.as_bytes().split_last().unwrap();

            assert_eq!(parse(right), Ok(None), "{data:?}");
            assert_eq!(
                parse(data.as_bytes()),
                Err(HeaderError::NoHeader),
                "{data:?} at {last}"
            );
        }
    }
}
