//! A slow poetry server that does not block: the reactor wakes it for every piece.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use protocols::deferred::Failure;
use protocols::reactor::{DelayedCall, Reactor};
use protocols::{Address, Factory, Protocol, Transport};

/// Serves one poem to any number of clients, each at its own pace.
pub(crate) struct SlowPoetryFactory {
    pub(crate) reactor: Reactor,
    pub(crate) poem: Vec<u8>,
    /// How much of the poem is sent at a time.
    pub(crate) num_bytes: usize,
    /// The time between two pieces.
    pub(crate) delay: Duration,
    /// Called for each piece that is sent.
    pub(crate) sent: Box<dyn Fn()>,
}

impl Factory for SlowPoetryFactory {
    type Protocol = SlowPoetry;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<SlowPoetry> {
        Some(SlowPoetry {
            factory: Rc::clone(self),
            next_piece: Rc::default(),
        })
    }
}

/// Sends the poem to one client.
pub(crate) struct SlowPoetry {
    factory: Rc<SlowPoetryFactory>,
    next_piece: NextPiece,
}

/// The call that will send the next piece.
type NextPiece = Rc<RefCell<Option<DelayedCall>>>;

impl Protocol for SlowPoetry {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        self.factory
            .send_from(0, Rc::clone(transport), Rc::clone(&self.next_piece));
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {
        // A poetry server does not take requests.
    }

    fn connection_lost(&mut self, _reason: Failure) {
        if let Some(next_piece) = self.next_piece.take() {
            // After the last piece it has run.
            let _ = next_piece.cancel();
        }
    }
}

impl SlowPoetryFactory {
    /// Sends the piece that begins at `start`, and has itself called again for the one after it.
    fn send_from(
        self: &Rc<Self>,
        start: usize,
        transport: Rc<dyn Transport>,
        next_piece: NextPiece,
    ) {
        let end = self.poem.len().min(start + self.num_bytes);
        if start == end {
            return transport.lose_connection();
        }
        transport.write(&self.poem[start..end]);
        (self.sent)();

        let (this, next) = (Rc::clone(self), Rc::clone(&next_piece));
        let call = self
            .reactor
            .call_later(self.delay, move |_| this.send_from(end, transport, next));
        *next_piece.borrow_mut() = Some(call);
    }
}
