//! Two protocols joined over whatever there is, on any reactor.

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::rc::Rc;

use deferred::{Deferred, Failure, Firer, gather};
use reactor::Reactor;

use crate::{
    Address, ClientFactory, Connector, DescriptorReceiver, Factory, HalfCloseable, ListenError,
    ListenOptions, Port, Protocol, ReactorTcp, ReactorUnix, Transport,
};

use super::PairOptions;

/// Over what two protocols are joined.
///
/// What they say to each other and how it ends is the same over each of these, so that a test can be run over
/// all of them.
///
/// # Examples
///
/// ```
/// use protocols::reactor::Reactor;
/// use protocols::testing::{Collector, Loopback, StringTransport};
/// use protocols::{Protocol, Transport};
/// use std::rc::Rc;
///
/// struct Greeter;
///
/// impl Protocol for Greeter {
///     fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
///         transport.write(b"hello");
///         transport.lose_connection();
///     }
///
///     fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {}
/// }
///
/// let reactor = Reactor::new()?;
/// let (client, collected) = Collector::new();
/// let stop = reactor.clone();
/// Loopback::Tcp
///     .join(&reactor, client, Greeter)
///     .add_both(move |_ends| drop(stop.stop()))
///     .ignore();
/// reactor.run()?;
///
/// assert_eq!(collected.data(), b"hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// *Twisted's `loopbackAsync`, `loopbackTCP` and `loopbackUNIX`.*
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Loopback {
    /// In memory, with these options.
    Memory(PairOptions),
    /// Over a port of TCP that is free.
    Tcp,
    /// Over a UNIX socket, whose file has this name as long as they are joined.
    Unix(PathBuf),
}

impl Loopback {
    /// Joins a client and a server; fires with the reasons of both when both were told of the end.
    ///
    /// It fails if they could not be joined.
    pub fn join<C: Protocol, S: Protocol>(
        self,
        reactor: &Reactor,
        client: C,
        server: S,
    ) -> Deferred<(Failure, Failure)> {
        match self {
            Self::Memory(options) => {
                let (client, server) = options.addressed().join_ends(reactor, client, server);
                gather((client.when_lost(), server.when_lost()))
            }
            Self::Tcp => {
                let anywhere = ListenOptions::new(0).interface(Ipv4Addr::LOCALHOST.into());
                let listen = |server| reactor.listen_tcp_with(anywhere, server);
                through_port(client, server, listen, |port, client| {
                    let number = port.address().port().unwrap_or_default();
                    reactor.connect_tcp("127.0.0.1", number, client);
                })
            }
            Self::Unix(path) => {
                let listen = |server| reactor.listen_unix(path.as_path(), server);
                through_port(client, server, listen, |_, client| {
                    reactor.connect_unix(path.as_path(), client);
                })
            }
        }
    }
}

/// Joins them by a port, which listens only as long as they are joined.
fn through_port<C: Protocol, S: Protocol>(
    client: C,
    server: S,
    listen: impl FnOnce(Rc<Once<S>>) -> Result<Port, ListenError>,
    connect: impl FnOnce(&Port, Rc<Once<C>>),
) -> Deferred<(Failure, Failure)> {
    let ((client, client_lost), (server, server_lost)) = (Once::new(client), Once::new(server));
    let port = match listen(server) {
        Ok(port) => port,
        Err(error) => return Deferred::fail(Failure::without_backtrace(error)),
    };
    connect(&port, client);
    gather((client_lost, server_lost)).add_both(move |reasons| {
        let stopped = port.stop_listening();
        stopped.add_callback(move |()| reasons)
    })
}

/// A factory that gives away its only protocol.
struct Once<P> {
    watched: RefCell<Option<Watched<P>>>,
}

impl<P: Protocol> Once<P> {
    /// Fires when the protocol was told of its end, or fails if there was no connection.
    fn new(protocol: P) -> (Rc<Self>, Deferred<Failure>) {
        let (firer, lost) = Deferred::new();
        let watched = Watched {
            protocol,
            firer: Some(firer),
        };
        let once = Self {
            watched: RefCell::new(Some(watched)),
        };
        (Rc::new(once), lost)
    }
}

impl<P: Protocol> Factory for Once<P> {
    type Protocol = Watched<P>;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Watched<P>> {
        self.watched.take()
    }
}

impl<P: Protocol> ClientFactory for Once<P> {
    fn client_connection_failed(self: &Rc<Self>, _connector: &Connector, reason: Failure) {
        let watched = self.watched.take();
        if let Some(firer) = watched.and_then(|mut watched| watched.firer.take()) {
            firer.errback(reason);
        }
    }
}

/// A protocol, and who wants to know why its connection was lost.
struct Watched<P> {
    protocol: P,
    firer: Option<Firer<Failure>>,
}

impl<P: Protocol> Protocol for Watched<P> {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        // When it fires, everything was said to everyone.
        if let Some(firer) = self.firer.take() {
            transport.when_lost().forward(firer);
        }
        self.protocol.connection_made(transport);
    }

    fn data_received(&mut self, transport: &Rc<dyn Transport>, data: &[u8]) {
        self.protocol.data_received(transport, data);
    }

    fn woken(&mut self, transport: &Rc<dyn Transport>) {
        self.protocol.woken(transport);
    }

    fn connection_lost(&mut self, reason: Failure) {
        self.protocol.connection_lost(reason);
    }

    fn half_closeable(&mut self) -> Option<&mut dyn HalfCloseable> {
        self.protocol.half_closeable()
    }

    fn descriptor_receiver(&mut self) -> Option<&mut dyn DescriptorReceiver> {
        self.protocol.descriptor_receiver()
    }

    fn log_prefix(&self) -> String {
        self.protocol.log_prefix()
    }
}
