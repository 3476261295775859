//! The kinds of endpoints that a reactor knows by name.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

use reactor::Reactor;

use super::{Arguments, DescriptionError, known};
use crate::endpoints::{ClientEndpoint, ServerEndpoint};

/// Adds kinds of endpoints that strings may name.
///
/// ```
/// use protocols::ConnectOptions;
/// use protocols::endpoints::{ClientEndpoint, ReactorEndpoints};
/// use protocols::reactor::Reactor;
///
/// let reactor = Reactor::new()?;
/// reactor.add_client_kind("here", |reactor, arguments| {
///     let port = arguments.require("port", "a number")?.parse("a number")?;
///     Ok(ClientEndpoint::tcp(reactor, "127.0.0.1", port, ConnectOptions::new()))
/// });
///
/// let endpoint = ClientEndpoint::parse(&reactor, "here:10000")?;
/// assert_eq!(endpoint.to_string(), "tcp:127.0.0.1:10000");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// *Twisted's `IStreamClientEndpointStringParserWithReactor` and `IStreamServerEndpointStringParser`, which are found
/// as plug-ins.*
pub trait ReactorEndpoints {
    /// Has `make` called for client strings of this kind, instead of what was called before.
    fn add_client_kind(
        &self,
        kind: &str,
        make: impl Fn(&Reactor, &mut Arguments) -> Result<ClientEndpoint, DescriptionError> + 'static,
    );

    /// Has `make` called for server strings of this kind, instead of what was called before.
    fn add_server_kind(
        &self,
        kind: &str,
        make: impl Fn(&Reactor, &mut Arguments) -> Result<ServerEndpoint, DescriptionError> + 'static,
    );
}

impl ReactorEndpoints for Reactor {
    fn add_client_kind(
        &self,
        kind: &str,
        make: impl Fn(&Self, &mut Arguments) -> Result<ClientEndpoint, DescriptionError> + 'static,
    ) {
        Kinds::of(self).clients.add(kind, make);
    }

    fn add_server_kind(
        &self,
        kind: &str,
        make: impl Fn(&Self, &mut Arguments) -> Result<ServerEndpoint, DescriptionError> + 'static,
    ) {
        Kinds::of(self).servers.add(kind, make);
    }
}

/// All kinds that a reactor knows.
pub(super) struct Kinds {
    pub(super) clients: Makers<ClientEndpoint>,
    pub(super) servers: Makers<ServerEndpoint>,
}

impl Kinds {
    pub(super) fn of(reactor: &Reactor) -> Rc<Self> {
        reactor.extension()
    }
}

impl Default for Kinds {
    /// Those that are there from the beginning.
    fn default() -> Self {
        let kinds = Self {
            clients: Makers::new(),
            servers: Makers::new(),
        };
        kinds.clients.add("tcp", known::tcp_client);
        kinds.clients.add("tcp6", known::tcp6_client);
        kinds.clients.add("unix", known::unix_client);
        kinds.servers.add("haproxy", known::behind_proxy);
        kinds.servers.add("systemd", known::systemd_server);
        kinds.servers.add("tcp", known::tcp_server);
        kinds.servers.add("tcp6", known::tcp6_server);
        kinds.servers.add("unix", known::unix_server);
        kinds
    }
}

/// Makes an endpoint of its arguments.
type Maker<E> = dyn Fn(&Reactor, &mut Arguments) -> Result<E, DescriptionError>;

/// How many endpoints may stand around another one in a string. Each costs stack, and the string may be anybody's.
const MOST_AROUND: usize = 16;

/// How the endpoints of each kind are made, by the name of the kind.
pub(super) struct Makers<E> {
    by_kind: RefCell<BTreeMap<String, Rc<Maker<E>>>>,
    /// How many endpoints are being made, each inside the one before.
    begun: Cell<usize>,
}

impl<E> Makers<E> {
    const fn new() -> Self {
        Self {
            by_kind: RefCell::new(BTreeMap::new()),
            begun: Cell::new(0),
        }
    }

    fn add(
        &self,
        kind: &str,
        make: impl Fn(&Reactor, &mut Arguments) -> Result<E, DescriptionError> + 'static,
    ) {
        let make: Rc<Maker<E>> = Rc::new(make);
        let before = self.by_kind.borrow_mut().insert(kind.to_owned(), make);
        // It may own something that adds a kind when it goes.
        drop(before);
    }

    /// Makes the endpoint that a text describes.
    ///
    /// # Errors
    ///
    /// If there is no such kind, or it does not take what is given, or it is inside too many others.
    pub(super) fn make(&self, reactor: &Reactor, text: &str) -> Result<E, DescriptionError> {
        let _begun = self.begin()?;
        let mut arguments = Arguments::of(text)?;
        let maker = self.by_kind.borrow().get(arguments.kind()).cloned();
        let Some(make) = maker else {
            return Err(DescriptionError::UnknownKind {
                kind: arguments.kind().to_owned(),
                position: 0,
                known: self.by_kind.borrow().keys().cloned().collect(),
            });
        };
        let endpoint = make(reactor, &mut arguments)?;
        arguments.finish()?;
        Ok(endpoint)
    }

    /// Counts an endpoint as begun, for as long as the result is kept.
    fn begin(&self) -> Result<Begun<'_>, DescriptionError> {
        let around = self.begun.get();
        if around > MOST_AROUND {
            return Err(DescriptionError::TooDeep {
                most: MOST_AROUND,
                position: 0,
            });
        }
        self.begun.set(around + 1);
        Ok(Begun(&self.begun))
    }
}

/// An endpoint that is being made. It is no longer when this is dropped, even by a panic of its maker.
struct Begun<'a>(&'a Cell<usize>);

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
