//! Endpoints over UNIX sockets.

use std::fmt;
use std::rc::Rc;

use deferred::{Deferred, Failure};

use super::attempt::attempt;
use super::{AnyFactory, ClientEndpoint, Connect, Listen, ServerEndpoint};
use crate::{Port, ReactorUnix, Transport, UnixAddress, UnixConnectOptions, UnixListenOptions};

impl ClientEndpoint {
    /// Connects to a UNIX socket.
    ///
    /// *Twisted's `UNIXClientEndpoint`.*
    pub fn unix<R: ReactorUnix + Clone + 'static>(
        reactor: &R,
        address: impl Into<UnixAddress>,
        options: UnixConnectOptions,
    ) -> Self {
        Self::new(Unix {
            reactor: reactor.clone(),
            address: address.into(),
            options,
        })
    }
}

impl ServerEndpoint {
    /// Listens on a UNIX socket.
    ///
    /// *Twisted's `UNIXServerEndpoint`.*
    pub fn unix<R: ReactorUnix + Clone + 'static>(reactor: &R, options: UnixListenOptions) -> Self {
        Self::new(UnixPort {
            reactor: reactor.clone(),
            options,
        })
    }
}

struct Unix<R> {
    reactor: R,
    address: UnixAddress,
    options: UnixConnectOptions,
}

impl<R: ReactorUnix> Connect for Unix<R> {
    fn connect(&self, factory: Rc<AnyFactory>) -> Deferred<Rc<dyn Transport>> {
        attempt(factory, |factory| {
            let (address, options) = (self.address.clone(), self.options.clone());
            self.reactor.connect_unix_with(address, factory, options)
        })
    }
}

impl<R> fmt::Display for Unix<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unix:{}", self.address)
    }
}

struct UnixPort<R> {
    reactor: R,
    options: UnixListenOptions,
}

impl<R: ReactorUnix> Listen for UnixPort<R> {
    fn listen(&self, factory: Rc<AnyFactory>) -> Deferred<Port> {
        match self.reactor.listen_unix_with(self.options.clone(), factory) {
            Ok(port) => Deferred::succeed(port),
            Err(error) => Deferred::fail(Failure::without_backtrace(error)),
        }
    }
}

impl<R> fmt::Display for UnixPort<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unix:{}", self.options.address)
    }
}
