//! What a receiver and the handles to it share: whether anything is delivered, and in which way.

use std::cell::{Cell, RefCell};
use std::mem;
use std::rc::Rc;
use std::time::Duration;

use deferred::{Deferred, Failure};

use crate::files::FileConsumer;
use crate::{Abilities, Address, Consumer, Flow, Producer, ProducerError, PushProducer, Transport};

/// The transport of a receiver, as its handler sees it.
///
/// It is the transport beneath but for one thing: to pause or to end it holds for what has come already, too.
/// Nothing here calls the handler; it records, and has the loop wake the receiver.
pub(crate) struct Inlet {
    transport: Rc<dyn Transport>,
    delivery: Cell<Delivery>,
    /// Whether bytes are delivered as they come, and not frames.
    raw: Cell<bool>,
    /// What is to come once more, before what waits.
    again: RefCell<Vec<u8>>,
    /// How much of the end of what is shown now is to come once more.
    again_of_shown: Cell<usize>,
    /// Where the raw data is that a callback looks at now.
    shown: Cell<Option<(*const u8, *const u8)>>,
    /// Whether the receiver is delivering, and will see by itself what has changed.
    is_delivering: Cell<bool>,
    /// Whether there is something that it would deliver, were it called.
    has_waiting: Cell<bool>,
    /// Whether the transport beneath was told to read nothing.
    is_held: Cell<bool>,
}

/// What becomes of what has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Delivery {
    On,
    /// It waits.
    Paused,
    /// It is dropped, and so is all that comes later.
    Stopped,
}

impl Inlet {
    pub(crate) fn new(transport: &Rc<dyn Transport>) -> Rc<Self> {
        Rc::new(Self {
            transport: Rc::clone(transport),
            delivery: Cell::new(Delivery::On),
            raw: Cell::new(false),
            again: RefCell::new(Vec::new()),
            again_of_shown: Cell::new(0),
            shown: Cell::new(None),
            is_delivering: Cell::new(false),
            has_waiting: Cell::new(false),
            is_held: Cell::new(false),
        })
    }

    pub(super) fn is_on(&self) -> bool {
        self.delivery.get() == Delivery::On
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.delivery.get() == Delivery::Stopped
    }

    pub(super) const fn is_raw(&self) -> bool {
        self.raw.get()
    }

    /// Notes that the receiver begins to deliver.
    pub(super) fn begin(&self) {
        self.is_delivering.set(true);
    }

    /// Notes that it has delivered what it may, and whether something is left.
    pub(super) fn end(&self, has_waiting: bool) {
        self.is_delivering.set(false);
        self.has_waiting.set(has_waiting);
        self.go_on();
    }

    /// Goes on after a pause: with what waits, and only when there is nothing any more, with the transport.
    ///
    /// Were that to read at once, it might meet the peer's end, and what waits would come too late.
    fn go_on(&self) {
        if !self.is_on() || self.is_delivering.get() {
            return;
        }
        if self.has_waiting.get() {
            self.transport.wake();
        } else if self.is_held.take() {
            self.transport.resume_producing();
        }
    }

    /// Bytes come as they are from now on.
    pub(crate) fn set_raw_mode(&self) {
        if !self.raw.replace(true) {
            self.has_more();
        }
    }

    /// Frames come from now on, and `rest` is looked at before what waits.
    pub(crate) fn set_frame_mode(&self, rest: &[u8]) {
        self.raw.set(false);
        if rest.is_empty() || self.is_stopped() {
            return;
        }
        if self.is_end_of_shown(rest) {
            self.again_of_shown.set(rest.len());
        } else {
            self.again.borrow_mut().splice(..0, rest.iter().copied());
        }
        self.has_more();
    }

    /// Whether these bytes are the end of those that a callback looks at now, so that they need not be copied.
    fn is_end_of_shown(&self, rest: &[u8]) -> bool {
        let rest = rest.as_ptr_range();
        let is_first = self.again_of_shown.get() == 0 && self.again.borrow().is_empty();
        is_first
            && self
                .shown
                .get()
                .is_some_and(|(start, end)| rest.end == end && rest.start >= start)
    }

    /// Has `look` look at raw data, and returns how much of its end is to come once more.
    pub(super) fn show(&self, data: &[u8], look: impl FnOnce()) -> usize {
        let range = data.as_ptr_range();
        self.shown.set(Some((range.start, range.end)));
        look();
        self.shown.set(None);
        self.again_of_shown.take()
    }

    pub(super) fn has_again(&self) -> bool {
        !self.again.borrow().is_empty()
    }

    pub(super) fn take_again(&self) -> Vec<u8> {
        self.again.take()
    }

    /// Has the loop wake the receiver, unless that is paused, or will see by itself that there is more.
    fn has_more(&self) {
        self.has_waiting.set(true);
        self.go_on();
    }

    fn stop(&self) {
        self.delivery.set(Delivery::Stopped);
        // The receiver drops the rest when it is called next, or with itself.
        drop(mem::take(&mut *self.again.borrow_mut()));
    }
}

impl Consumer for Inlet {
    fn write(&self, data: &[u8]) -> Flow {
        self.transport.write(data)
    }

    fn write_shared(&self, data: Rc<[u8]>) -> Flow {
        self.transport.write_shared(data)
    }

    fn register_producer(&self, producer: Producer) -> Result<(), ProducerError> {
        self.transport.register_producer(producer)
    }

    fn unregister_producer(&self) {
        self.transport.unregister_producer();
    }

    fn file_consumer(&self) -> Option<&dyn FileConsumer> {
        self.transport.file_consumer()
    }
}

impl PushProducer for Inlet {
    fn pause_producing(&self) {
        if self.is_on() {
            self.delivery.set(Delivery::Paused);
            if !self.is_held.replace(true) {
                self.transport.pause_producing();
            }
        }
    }

    fn resume_producing(&self) {
        if self.delivery.get() == Delivery::Paused {
            self.delivery.set(Delivery::On);
            self.go_on();
        }
    }

    fn stop_producing(&self) {
        self.stop();
        self.transport.stop_producing();
    }
}

impl Transport for Inlet {
    fn write_vectored(&self, parts: &[&[u8]]) -> Flow {
        self.transport.write_vectored(parts)
    }

    fn lose_connection(&self) {
        self.stop();
        self.transport.lose_connection();
    }

    fn lose_connection_within(&self, limit: Duration) {
        self.stop();
        self.transport.lose_connection_within(limit);
    }

    fn abort_connection(&self) {
        self.stop();
        self.transport.abort_connection();
    }

    fn wake(&self) {
        self.transport.wake();
    }

    fn when_lost(&self) -> Deferred<Failure> {
        self.transport.when_lost()
    }

    fn set_water_marks(&self, high: usize, low: usize) {
        self.transport.set_water_marks(high, low);
    }

    fn peer(&self) -> Address {
        self.transport.peer()
    }

    fn host(&self) -> Address {
        self.transport.host()
    }

    fn abilities(&self) -> Abilities<'_> {
        self.transport.abilities()
    }
}
