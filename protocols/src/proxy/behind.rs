//! The factory behind a balancer, and its protocols.

use std::fmt;
use std::mem;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use deferred::Failure;

use crate::protocol::{DescriptorReceiver, HalfCloseable, short_name};
use crate::uses::Inner;
use crate::{Address, Factory, Protocol, Transport};

use super::through::Through;
use super::{HeaderError, LONGEST, parse};

/// A factory whose connections begin with a header of the PROXY protocol, around one that need not know of that.
///
/// What comes before the protocols of the factory inside are called with the first data is the header. They are told of
/// the connection when it is made, as always, and may write then; until the header has come, the addresses are the
/// socket's, and so is that which the factory gets. A connection whose header is not one is aborted, so that neither
/// what was written nor a producer keeps it, and the reason is logged.
///
/// *Twisted's `HAProxyWrappingFactory`, or `haproxy:` before an endpoint; it ends such a connection in order, and logs
/// nothing.*
pub struct BehindProxy<F: Factory> {
    factory: Inner<F>,
}

impl<F: Factory> BehindProxy<F> {
    /// Puts the reader of headers around `factory`.
    pub const fn new(factory: Rc<F>) -> Self {
        Self {
            factory: Inner::new(factory),
        }
    }

    /// The factory inside.
    #[must_use]
    pub const fn factory(&self) -> &Rc<F> {
        self.factory.get()
    }
}

impl<F: Factory> Factory for BehindProxy<F> {
    type Protocol = Proxied<F::Protocol>;

    fn build_protocol(self: &Rc<Self>, peer: &Address) -> Option<Self::Protocol> {
        let protocol = self.factory.build_protocol(peer)?;
        Some(Proxied {
            protocol,
            stage: Stage::Awaited(Vec::new()),
            between: None,
        })
    }

    fn start_factory(self: &Rc<Self>) {
        self.factory.start();
    }

    fn stop_factory(self: &Rc<Self>) {
        self.factory.stop();
    }

    fn log_prefix(&self) -> String {
        self.factory.log_prefix()
    }

    fn is_quiet(&self) -> bool {
        self.factory.is_quiet()
    }
}

impl<F: Factory> fmt::Debug for BehindProxy<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BehindProxy({})", short_name::<F>())
    }
}

/// A protocol whose connection begins with a header that is not for it.
///
/// *Twisted's `HAProxyProtocolWrapper`.*
pub struct Proxied<P> {
    protocol: P,
    stage: Stage,
    /// What the protocol has for its transport, between its beginning and its end.
    between: Option<(Rc<Through>, Rc<dyn Transport>)>,
}

/// What has become of the header.
enum Stage {
    /// It is not complete; this is what has come of it.
    Awaited(Vec<u8>),
    /// It was read.
    Read,
    /// It was none, and nothing is read any more.
    Refused,
}

impl<P: Protocol> Proxied<P> {
    /// Looks for the end of the header, and gives back what comes after it, which is for the protocol.
    fn after_header<'a>(&mut self, data: &'a [u8]) -> Result<&'a [u8], HeaderError> {
        let waiting = match &mut self.stage {
            Stage::Awaited(waiting) => waiting,
            Stage::Read => return Ok(data),
            Stage::Refused => return Ok(&[]),
        };
        let before = waiting.len();
        waiting.extend(data.iter().take(LONGEST.saturating_sub(before)));
        let Some(header) = parse(waiting)? else {
            return Ok(&[]);
        };
        self.stage = Stage::Read;
        if let (Some((through, _)), Some(addresses)) = (&self.between, header.addresses) {
            through.set_addresses(addresses);
        }
        // It was not complete before, so that it ends in this data.
        let rest = data.get(header.length.saturating_sub(before)..);
        Ok(rest.unwrap_or_default())
    }

    /// Ends a connection that does not begin as it should.
    fn refuse(&mut self, transport: &Rc<dyn Transport>, error: HeaderError) {
        self.stage = Stage::Refused;
        log::info!(target: "protocols", "{} is not listened to: {error}", transport.peer());
        transport.abort_connection();
    }
}

impl<P: Protocol> Protocol for Proxied<P> {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        let through = Through::new(transport);
        let handle: Rc<dyn Transport> = through.clone();
        self.between = Some((through, Rc::clone(&handle)));
        self.protocol.connection_made(&handle);
    }

    fn data_received(&mut self, transport: &Rc<dyn Transport>, data: &[u8]) {
        match self.after_header(data) {
            Err(error) => self.refuse(transport, error),
            Ok([]) => {}
            Ok(rest) => {
                if let Some((_, through)) = &self.between {
                    self.protocol.data_received(through, rest);
                }
            }
        }
    }

    fn woken(&mut self, _transport: &Rc<dyn Transport>) {
        if let Some((_, through)) = &self.between {
            self.protocol.woken(through);
        }
    }

    fn connection_lost(&mut self, reason: Failure) {
        drop(self.between.take());
        drop(mem::replace(&mut self.stage, Stage::Refused));
        self.protocol.connection_lost(reason);
    }

    fn half_closeable(&mut self) -> Option<&mut dyn HalfCloseable> {
        let can = self.protocol.half_closeable().is_some();
        can.then_some(self as _)
    }

    fn descriptor_receiver(&mut self) -> Option<&mut dyn DescriptorReceiver> {
        let can = self.protocol.descriptor_receiver().is_some();
        can.then_some(self as _)
    }

    fn log_prefix(&self) -> String {
        format!("{} (Proxied)", self.protocol.log_prefix())
    }
}

impl<P: Protocol> HalfCloseable for Proxied<P> {
    /// A header that is not complete when the peer sends no more never will be.
    fn read_connection_lost(&mut self, transport: &Rc<dyn Transport>) {
        if matches!(self.stage, Stage::Awaited(_)) {
            return self.refuse(transport, HeaderError::Incomplete);
        }
        if let (Some((_, through)), Some(protocol)) =
            (&self.between, self.protocol.half_closeable())
        {
            protocol.read_connection_lost(through);
        }
    }

    fn write_connection_lost(&mut self, _transport: &Rc<dyn Transport>) {
        if let (Some((_, through)), Some(protocol)) =
            (&self.between, self.protocol.half_closeable())
        {
            protocol.write_connection_lost(through);
        }
    }
}

impl<P: Protocol> DescriptorReceiver for Proxied<P> {
    fn descriptor_received(&mut self, _transport: &Rc<dyn Transport>, descriptor: OwnedFd) {
        if let (Some((_, through)), Some(protocol)) =
            (&self.between, self.protocol.descriptor_receiver())
        {
            protocol.descriptor_received(through, descriptor);
        }
    }
}

impl<P> fmt::Debug for Proxied<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxied({})", short_name::<P>())
    }
}
