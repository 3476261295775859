//! One attempt to connect by way of a connector, as a Deferred.

use std::cell::{Cell, OnceCell};
use std::rc::Rc;

use deferred::{Deferred, Failure, Firer};

use crate::connecting::WeakConnector;
use crate::protocol::{DescriptorReceiver, HalfCloseable};
use crate::uses::Inner;
use crate::{
    Address, ClientFactory, ConnectError, Connector, ConnectorError, Factory, Protocol, Transport,
};

use super::{AnyFactory, NotConnected};

/// Has `begin` connect with a factory that stands for `factory`, and tells what comes of it.
///
/// Being cancelled ends the attempt, and is told as a connector that was stopped tells it.
pub(super) fn attempt(
    factory: Rc<AnyFactory>,
    begin: impl FnOnce(Rc<Attempt>) -> Connector,
) -> Deferred<Rc<dyn Transport>> {
    // The attempt is kept by the loop. If this kept it too, it would never go, for it owns the firer.
    let begun = Rc::new(OnceCell::<WeakConnector>::new());
    let to_end = Rc::clone(&begun);
    let (firer, deferred) = Deferred::with_canceller(move |firer| {
        if let Some(connector) = to_end.get().and_then(WeakConnector::upgrade) {
            connector.disconnect();
            let stopped = ConnectError::Stopped(connector.destination().clone());
            firer.errback(Failure::without_backtrace(stopped));
        }
    });
    let outcome = Rc::new(Cell::new(Some(firer)));
    let attempt = Attempt {
        factory: Inner::new(factory),
        outcome: Rc::clone(&outcome),
    };
    let connector = begin(Rc::new(attempt));
    begun.get_or_init(|| connector.downgrade());
    // One that was begun is not disconnected any more, and refuses because of that.
    if connector.connect() == Err(ConnectorError::ReactorStopping)
        && let Some(firer) = outcome.take()
    {
        let stopped = ConnectError::ReactorStopped(connector.destination().clone());
        firer.errback(Failure::without_backtrace(stopped));
    }
    deferred
}

/// Fired with the transport, or with why there is none.
type Outcome = Rc<Cell<Option<Firer<Rc<dyn Transport>>>>>;

/// The factory of one attempt.
pub(super) struct Attempt {
    factory: Inner<AnyFactory>,
    outcome: Outcome,
}

impl Attempt {
    fn failed(&self, reason: Failure) {
        if let Some(firer) = self.outcome.take() {
            firer.errback(reason);
        }
    }
}

impl Factory for Attempt {
    type Protocol = Awaited;

    fn build_protocol(self: &Rc<Self>, peer: &Address) -> Option<Awaited> {
        match Failure::catch(|| self.factory.build_protocol(peer)) {
            Ok(Some(protocol)) => Some(Awaited {
                protocol,
                outcome: Rc::clone(&self.outcome),
            }),
            Ok(None) => {
                self.failed(Failure::without_backtrace(NotConnected));
                None
            }
            Err(panic) => {
                self.failed(panic);
                None
            }
        }
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

impl ClientFactory for Attempt {
    fn client_connection_failed(self: &Rc<Self>, _connector: &Connector, reason: Failure) {
        self.failed(reason);
    }

    fn client_connection_lost(self: &Rc<Self>, _connector: &Connector, reason: Failure) {
        // Its protocol has told it already, unless that was not to hear of it.
        self.failed(reason);
    }
}

/// A protocol whose connection somebody waits for.
pub(super) struct Awaited {
    protocol: Box<dyn Protocol>,
    outcome: Outcome,
}

impl Protocol for Awaited {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        self.protocol.connection_made(transport);
        if let Some(firer) = self.outcome.take()
            && !firer.callback(Rc::clone(transport))
        {
            // It was cancelled when it was too late for the connector to end it.
            transport.abort_connection();
        }
    }

    fn data_received(&mut self, transport: &Rc<dyn Transport>, data: &[u8]) {
        self.protocol.data_received(transport, data);
    }

    fn woken(&mut self, transport: &Rc<dyn Transport>) {
        self.protocol.woken(transport);
    }

    fn connection_lost(&mut self, reason: Failure) {
        // If its beginning has failed, this is the reason.
        if let Some(firer) = self.outcome.take() {
            firer.errback(reason.clone());
        }
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
