//! Endpoints over TCP.

use std::fmt;
use std::rc::Rc;

use deferred::{Deferred, Failure};

use crate::{ConnectOptions, ListenOptions, Port, ReactorTcp, Transport};

use super::attempt::attempt;
use super::{AnyFactory, ClientEndpoint, Connect, Listen, ServerEndpoint};

impl ClientEndpoint {
    /// Connects over TCP to `port` of `host`, a name or an address.
    ///
    /// *Twisted's `TCP4ClientEndpoint`.*
    pub fn tcp<R: ReactorTcp + Clone + 'static>(
        reactor: &R,
        host: &str,
        port: u16,
        options: ConnectOptions,
    ) -> Self {
        Self::new(Tcp {
            reactor: reactor.clone(),
            host: host.to_owned(),
            port,
            options,
        })
    }
}

impl ServerEndpoint {
    /// Listens on a port of TCP.
    ///
    /// *Twisted's `TCP4ServerEndpoint` and `TCP6ServerEndpoint`.*
    pub fn tcp<R: ReactorTcp + Clone + 'static>(reactor: &R, options: ListenOptions) -> Self {
        Self::new(TcpPort {
            reactor: reactor.clone(),
            options,
        })
    }
}

struct Tcp<R> {
    reactor: R,
    host: String,
    port: u16,
    options: ConnectOptions,
}

impl<R: ReactorTcp> Connect for Tcp<R> {
    fn connect(&self, factory: Rc<AnyFactory>) -> Deferred<Rc<dyn Transport>> {
        attempt(factory, |factory| {
            let options = self.options.clone();
            self.reactor
                .connect_tcp_with(&self.host, self.port, factory, options)
        })
    }
}

impl<R> fmt::Display for Tcp<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "tcp:[{}]:{}", self.host, self.port)
        } else {
            write!(f, "tcp:{}:{}", self.host, self.port)
        }
    }
}

struct TcpPort<R> {
    reactor: R,
    options: ListenOptions,
}

impl<R: ReactorTcp> Listen for TcpPort<R> {
    fn listen(&self, factory: Rc<AnyFactory>) -> Deferred<Port> {
        match self.reactor.listen_tcp_with(self.options.clone(), factory) {
            Ok(port) => Deferred::succeed(port),
            Err(error) => Deferred::fail(Failure::without_backtrace(error)),
        }
    }
}

impl<R> fmt::Display for TcpPort<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tcp:{}", self.options.address)
    }
}
