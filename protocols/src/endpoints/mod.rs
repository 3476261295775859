//! Endpoints: where a connection goes to or comes from, apart from what is spoken on it.
//!
//! A program that is given a [`ClientEndpoint`] connects, and one that is given a [`ServerEndpoint`] listens,
//! without knowing whether that is over TCP or otherwise. Both give Deferreds, and no failure comes another way.
//!
//! ```
//! use protocols::deferred::Failure;
//! use protocols::endpoints::{ClientEndpoint, ServerEndpoint};
//! use protocols::reactor::Reactor;
//! use protocols::{Address, ConnectOptions, Factory, ListenOptions, Protocol, Transport};
//! use std::rc::Rc;
//!
//! struct Greeter;
//!
//! impl Protocol for Greeter {
//!     fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
//!         transport.write(b"Good morning.\n");
//!     }
//!     fn data_received(&mut self, _transport: &Rc<dyn Transport>, data: &[u8]) {
//!         println!("{}", String::from_utf8_lossy(data));
//!     }
//! }
//!
//! struct Greeting;
//!
//! impl Factory for Greeting {
//!     type Protocol = Greeter;
//!     fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Greeter> {
//!         Some(Greeter)
//!     }
//! }
//!
//! let reactor = Reactor::new()?;
//! let options = ListenOptions::new(0).interface("127.0.0.1".parse()?);
//! let server = ServerEndpoint::tcp(&reactor, options);
//! let handle = reactor.clone();
//! server
//!     .listen(Rc::new(Greeting))
//!     .add_callback(move |port| {
//!         let number = port.address().port().unwrap_or_default();
//!         let client = ClientEndpoint::tcp(&handle, "127.0.0.1", number, ConnectOptions::new());
//!         client.connect(Rc::new(Greeting)).add_callback(move |connected| {
//!             println!("connected to {}", connected.transport().peer());
//!             handle.stop().map_err(Failure::from)
//!         })
//!     })
//!     .log_failure("No greeting");
//! reactor.run()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! *Twisted's `twisted.internet.endpoints`.*

mod adopted;
mod any;
mod attempt;
mod attempts;
mod connected;
mod host_name;
mod race;
mod strings;
mod systemd;
mod tcp;
mod unix;

use std::fmt;
use std::rc::Rc;

use deferred::Deferred;

use crate::{Factory, Port, Protocol, Transport};

pub use adopted::AlreadyListened;
pub use any::AnyFactory;
use connected::{Capture, Once};
pub use connected::{Connected, NotConnected};
pub use host_name::HostNameOptions;
pub use strings::{Argument, Arguments, DescriptionError, ReactorEndpoints, quote};
pub use systemd::NoSuchSocket;

/// Where connections go to.
///
/// *Twisted's `IStreamClientEndpoint`.*
#[derive(Clone)]
pub struct ClientEndpoint {
    kind: Rc<dyn Connect>,
}

/// A kind of client endpoint, for those who add one.
///
/// Its `Display` says where the connections go to.
pub trait Connect: fmt::Display {
    /// Begins to connect. The Deferred fires with the transport when the protocol's `connection_made` has
    /// returned, or with what went wrong; being cancelled ends the attempt.
    fn connect(&self, factory: Rc<AnyFactory>) -> Deferred<Rc<dyn Transport>>;
}

impl ClientEndpoint {
    /// An endpoint of a kind of one's own.
    pub fn new(kind: impl Connect + 'static) -> Self {
        Self {
            kind: Rc::new(kind),
        }
    }

    /// Connects: the Deferred fires with the connection when its protocol's `connection_made` has returned.
    ///
    /// It fails with a [`ConnectError`](crate::ConnectError) if there is no connection, with [`NotConnected`] if
    /// the factory declines it, and with the panic if building the protocol or its `connection_made` panics. To cancel
    /// it ends the attempt. Nothing of the factory is called before the next turn.
    pub fn connect<F: Factory>(&self, factory: Rc<F>) -> Deferred<Connected<F::Protocol>> {
        let capture = Rc::new(Capture::new(factory));
        let attempt = self
            .kind
            .connect(Rc::new(AnyFactory::new(Rc::clone(&capture))));
        attempt.add_callback(move |transport| capture.connected(transport))
    }

    /// Connects a protocol that is there already.
    ///
    /// *Twisted's `connectProtocol`.*
    pub fn connect_protocol<P: Protocol>(&self, protocol: P) -> Deferred<Connected<P>> {
        self.connect(Rc::new(Once::new(protocol)))
    }

    /// An endpoint whose connections have another factory around the application's, which `wrap` makes: it stands
    /// between the two, and the application's protocol is given the transport that it makes.
    ///
    /// *Twisted's `wrapClientTLS` is made of such a wrapper.*
    pub fn wrapped<W: Factory>(&self, wrap: impl Fn(Rc<AnyFactory>) -> Rc<W> + 'static) -> Self {
        Self::new(Wrapped {
            inner: self.clone(),
            wrap,
        })
    }
}

/// An endpoint with another factory around the application's.
struct Wrapped<M> {
    inner: ClientEndpoint,
    wrap: M,
}

impl<M, W: Factory> Connect for Wrapped<M>
where
    M: Fn(Rc<AnyFactory>) -> Rc<W>,
{
    fn connect(&self, factory: Rc<AnyFactory>) -> Deferred<Rc<dyn Transport>> {
        let outer = (self.wrap)(factory);
        self.inner.kind.connect(Rc::new(AnyFactory::new(outer)))
    }
}

impl<M> fmt::Display for Wrapped<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.kind.fmt(f)
    }
}

impl fmt::Display for ClientEndpoint {
    /// Where the connections go to.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

impl fmt::Debug for ClientEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientEndpoint({})", self.kind)
    }
}

/// Where connections come from.
///
/// *Twisted's `IStreamServerEndpoint`.*
#[derive(Clone)]
pub struct ServerEndpoint {
    kind: Rc<dyn Listen>,
}

/// A kind of server endpoint, for those who add one.
///
/// Its `Display` says where the connections come from.
pub trait Listen: fmt::Display {
    /// Listens. The Deferred fires with the port, or with why there is none.
    fn listen(&self, factory: Rc<AnyFactory>) -> Deferred<Port>;
}

impl ServerEndpoint {
    /// An endpoint of a kind of one's own.
    pub fn new(kind: impl Listen + 'static) -> Self {
        Self {
            kind: Rc::new(kind),
        }
    }

    /// Listens: the Deferred fires with the port, or fails with a [`ListenError`](crate::ListenError).
    pub fn listen<F: Factory>(&self, factory: Rc<F>) -> Deferred<Port> {
        self.kind.listen(Rc::new(AnyFactory::new(factory)))
    }

    /// An endpoint whose connections have another factory around the application's, which `wrap` makes.
    pub fn wrapped<W: Factory>(&self, wrap: impl Fn(Rc<AnyFactory>) -> Rc<W> + 'static) -> Self {
        Self::new(WrappedListen {
            inner: self.clone(),
            wrap,
        })
    }
}

impl fmt::Display for ServerEndpoint {
    /// Where the connections come from.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.kind.fmt(f)
    }
}

/// A server endpoint with another factory around the application's.
struct WrappedListen<M> {
    inner: ServerEndpoint,
    wrap: M,
}

impl<M, W: Factory> Listen for WrappedListen<M>
where
    M: Fn(Rc<AnyFactory>) -> Rc<W>,
{
    fn listen(&self, factory: Rc<AnyFactory>) -> Deferred<Port> {
        self.inner.listen((self.wrap)(factory))
    }
}

impl<M> fmt::Display for WrappedListen<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.kind.fmt(f)
    }
}

impl fmt::Debug for ServerEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ServerEndpoint({})", self.kind)
    }
}
