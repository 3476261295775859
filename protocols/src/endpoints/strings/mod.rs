//! Endpoints from strings, such as `tcp:localhost:10000`.
//!
//! `description` takes a text apart, and what it names is looked for in the reactor's `kinds`. Those that are there from the
//! beginning are in `known`.

mod description;
mod kinds;
mod known;

use reactor::Reactor;

use super::{ClientEndpoint, ServerEndpoint};

pub use description::{Argument, Arguments, quote};
pub use kinds::ReactorEndpoints;

use kinds::Kinds;

impl ClientEndpoint {
    /// The endpoint that a text describes: the kind, and what that kind takes, with colons between them.
    ///
    /// | text | what it is |
    /// |---|---|
    /// | `tcp:host:port` | [a host](Self::host_name), with `timeout=` seconds and `bindAddress=` |
    /// | `tcp6:host:port` | the same, over IPv6 only |
    /// | `unix:path` | [a UNIX socket](Self::unix), with `timeout=` and `lockfile=1`, to look for the lock |
    ///
    /// All may be given by name (`port=80`), or, in this order, without. A backslash makes the character after it
    /// plain, as in `tcp:\:\:1:80`; see [`quote`]. A program adds kinds of its own by
    /// [`ReactorEndpoints::add_client_kind`].
    ///
    /// ```
    /// use protocols::endpoints::ClientEndpoint;
    /// use protocols::reactor::Reactor;
    ///
    /// let reactor = Reactor::new()?;
    /// let endpoint = ClientEndpoint::parse(&reactor, "tcp:localhost:10000:timeout=5")?;
    /// assert_eq!(endpoint.to_string(), "tcp:localhost:10000");
    ///
    /// let error = ClientEndpoint::parse(&reactor, "tcp:localhost:many").unwrap_err();
    /// assert_eq!(
    ///     error.to_string(),
    ///     r#"port of tcp: found "many" at byte 14, expected the number or the name of a port"#
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there is no such kind, or it does not take what is given.
    ///
    /// *Twisted's `clientFromString`.*
    pub fn parse(reactor: &Reactor, text: &str) -> Result<Self, DescriptionError> {
        Kinds::of(reactor).clients.make(reactor, text)
    }
}

impl ServerEndpoint {
    /// The endpoint that a text describes: the kind, and what that kind takes, with colons between them.
    ///
    /// | text | what it is |
    /// |---|---|
    /// | `tcp:port` | [a port](Self::tcp), with `interface=` an address (all of IPv4) and `backlog=` (50) |
    /// | `tcp6:port` | the same, over IPv6 |
    /// | `unix:path` | [a UNIX socket](Self::unix), with `mode=` octal (666), `backlog=` and `lockfile=0`, for no lock |
    /// | `systemd:index` | [a socket that was handed over](Self::systemd) |
    /// | `haproxy:` and one of these | the same, [behind a proxy](crate::proxy) that says who the client is |
    ///
    /// All is as for [`ClientEndpoint::parse`].
    ///
    /// # Errors
    ///
    /// If there is no such kind, or it does not take what is given, or there are more than sixteen others around it.
    ///
    /// *Twisted's `serverFromString`.*
    pub fn parse(reactor: &Reactor, text: &str) -> Result<Self, DescriptionError> {
        Kinds::of(reactor).servers.make(reactor, text)
    }
}

/// Why a text describes no endpoint. Positions are in bytes from the beginning of the text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DescriptionError {
    /// A backslash ends the text.
    #[error("the backslash at byte {position} has nothing after it")]
    NothingQuoted {
        /// Where the backslash is.
        position: usize,
    },
    /// There is no endpoint of this kind.
    #[error("found {kind:?} at byte {position}, expected a kind of endpoint: {}", .known.join(", "))]
    UnknownKind {
        /// What was asked for.
        kind: String,
        /// Where it is.
        position: usize,
        /// What there is.
        known: Vec<String>,
    },
    /// The text ends too soon.
    #[error("{name} of {kind}: found nothing at byte {position}, expected {expected}")]
    Missing {
        /// The kind of endpoint.
        kind: String,
        /// What it needs.
        name: &'static str,
        /// What that should be.
        expected: &'static str,
        /// Where the text ends.
        position: usize,
    },
    /// Something is not what it should be.
    #[error("{name} of {kind}: found {found:?} at byte {position}, expected {expected}")]
    Invalid {
        /// The kind of endpoint.
        kind: String,
        /// What is wrong.
        name: &'static str,
        /// What it is.
        found: String,
        /// What it should be.
        expected: &'static str,
        /// Where it is.
        position: usize,
    },
    /// There is more than this kind of endpoint takes, or something that it does not know.
    #[error("{kind} has no use for {found:?} at byte {position}")]
    Unexpected {
        /// The kind of endpoint.
        kind: String,
        /// What it does not take.
        found: String,
        /// Where that is.
        position: usize,
    },
    /// It is inside too many other endpoints, as in `haproxy:haproxy:…`.
    #[error("the endpoint at byte {position} is inside more than {most} others")]
    TooDeep {
        /// How many may be around it.
        most: usize,
        /// Where it begins.
        position: usize,
    },
    /// The same is given twice.
    #[error("{name} of {kind} is given again at byte {position}")]
    Twice {
        /// The kind of endpoint.
        kind: String,
        /// What is given twice.
        name: &'static str,
        /// Where it is given again.
        position: usize,
    },
}

impl DescriptionError {
    /// The same about a text that stands behind so many bytes of another one.
    fn behind(mut self, bytes: usize) -> Self {
        match &mut self {
            Self::NothingQuoted { position }
            | Self::UnknownKind { position, .. }
            | Self::Missing { position, .. }
            | Self::Invalid { position, .. }
            | Self::Unexpected { position, .. }
            | Self::TooDeep { position, .. }
            | Self::Twice { position, .. } => *position += bytes,
        }
        self
    }
}
