//! How fast connections may be.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};
use std::time::Duration;

use deferred::Failure;
use reactor::{Clock, DelayedCall, Work};

use crate::Address;

use super::{Connection, Policy, Wire};

/// At most so many bytes a second, over all connections together.
///
/// Reading faster than that pauses all of them for the time that makes the average right; writing faster, all their
/// producers. What a protocol writes without a producer is counted and sent. The average is taken from when
/// the limit was last kept, and one second's worth may come at once.
///
/// *The limits of Twisted's `ThrottlingFactory`, which looks once a second, and does not slow pull producers.*
pub struct Throttle {
    shared: Rc<Shared>,
}

impl Throttle {
    /// Without limits.
    pub fn new(clock: impl Clock + 'static) -> Self {
        let clock: Rc<dyn Clock> = Rc::new(clock);
        Self {
            shared: Rc::new(Shared {
                wires: RefCell::default(),
                reading: Meter::new(&clock, |wire, held| wire.hold_reading(held)),
                writing: Meter::new(&clock, |wire, held| wire.hold_producer(held)),
            }),
        }
    }

    /// At most so many bytes a second are read.
    #[must_use]
    pub fn reading(self, bytes_per_second: u32) -> Self {
        self.shared.reading.limit.set(Some(bytes_per_second.max(1)));
        self
    }

    /// At most so many bytes a second are written.
    #[must_use]
    pub fn writing(self, bytes_per_second: u32) -> Self {
        self.shared.writing.limit.set(Some(bytes_per_second.max(1)));
        self
    }
}

impl Policy for Throttle {
    type Connection = Throttled;

    fn accept(&self, _peer: &Address) -> Option<Throttled> {
        Some(Throttled {
            shared: Rc::clone(&self.shared),
            wire: RefCell::new(Weak::new()),
        })
    }
}

impl fmt::Debug for Throttle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttle")
            .field("reading", &self.shared.reading.limit)
            .field("writing", &self.shared.writing.limit)
            .finish()
    }
}

/// What the connections of one throttle share.
struct Shared {
    wires: RefCell<Vec<Weak<Wire>>>,
    reading: Meter,
    writing: Meter,
}

impl Shared {
    /// Counts bytes, and if these were too many holds all connections for as long as the average needs.
    fn spend(self: &Rc<Self>, which: fn(&Self) -> &Meter, bytes: usize) {
        let meter = which(self);
        let Some(wait) = meter.spend(bytes) else {
            return;
        };
        if !meter.is_holding() {
            self.each(|wire| (meter.hold)(wire, true));
            // This may be a call of a producer's, which is to be told by the loop.
            meter.later(Duration::ZERO, self, |shared| {
                shared.each(Wire::tell_producer)
            });
        }
        let go_on = meter.later(wait, self, move |shared| {
            let hold = which(shared).hold;
            shared.each(|wire| {
                hold(wire, false);
                wire.tell_producer();
            });
        });
        let before = meter.waiting.replace(Some(go_on));
        if let Some(before) = before {
            // It may have run already.
            let _ = before.cancel();
        }
    }

    /// Does something about each connection.
    fn each(&self, f: impl Fn(&Wire)) {
        let wires = self.wires.borrow().clone();
        wires
            .iter()
            .filter_map(Weak::upgrade)
            .for_each(|wire| f(&wire));
    }
}

/// One direction's bytes.
struct Meter {
    clock: Rc<dyn Clock>,
    hold: fn(&Wire, bool),
    limit: Cell<Option<u32>>,
    /// What may be spent at once, negative for a debt, and since when that is known.
    credit: Cell<(f64, Duration)>,
    /// Ends the wait.
    waiting: RefCell<Option<DelayedCall>>,
}

impl Meter {
    fn new(clock: &Rc<dyn Clock>, hold: fn(&Wire, bool)) -> Self {
        Self {
            clock: Rc::clone(clock),
            hold,
            limit: Cell::new(None),
            credit: Cell::new((f64::INFINITY, Duration::ZERO)),
            waiting: RefCell::new(None),
        }
    }

    /// Counts the bytes, and says how long to wait for the average to be right again, if it is not.
    fn spend(&self, bytes: usize) -> Option<Duration> {
        let limit = f64::from(self.limit.get()?);
        let ((credit, since), now) = (self.credit.get(), self.clock.now());
        let earned = limit * now.saturating_sub(since).as_secs_f64();
        #[expect(clippy::cast_precision_loss, reason = "nobody writes so much at once")]
        let left = (credit + earned).min(limit) - bytes as f64;
        self.credit.set((left, now));
        (left < 0.0).then(|| Duration::from_secs_f64(-left / limit))
    }

    /// Does something about all connections, by the loop.
    fn later(
        &self,
        delay: Duration,
        shared: &Rc<Shared>,
        f: impl FnOnce(&Shared) + 'static,
    ) -> DelayedCall {
        let shared = Rc::downgrade(shared);
        let work = Work::new(move || {
            if let Some(shared) = shared.upgrade() {
                f(&shared);
            }
        });
        self.clock.schedule(delay, work)
    }

    fn is_holding(&self) -> bool {
        let waiting = self.waiting.borrow();
        waiting.as_ref().is_some_and(DelayedCall::active)
    }
}

/// One connection of those that are throttled.
pub struct Throttled {
    shared: Rc<Shared>,
    wire: RefCell<Weak<Wire>>,
}

impl Connection for Throttled {
    fn connection_made(&self, wire: &Rc<Wire>) {
        *self.wire.borrow_mut() = Rc::downgrade(wire);
        self.shared.wires.borrow_mut().push(Rc::downgrade(wire));
        if self.shared.reading.is_holding() {
            wire.hold_reading(true);
        }
    }

    fn data_received(&self, data: &[u8]) {
        self.shared.spend(|shared| &shared.reading, data.len());
    }

    fn written(&self, parts: &[&[u8]]) {
        let bytes = parts.iter().map(|part| part.len()).sum();
        self.shared.spend(|shared| &shared.writing, bytes);
    }

    fn connection_lost(&self, _reason: &Failure) {
        let ours = self.wire.borrow();
        self.shared
            .wires
            .borrow_mut()
            .retain(|wire| !Weak::ptr_eq(wire, &ours));
    }
}

impl fmt::Debug for Throttled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Throttled").finish_non_exhaustive()
    }
}
