//! What comes in.

use std::io;

use deferred::Failure;

use crate::Protocol;

use super::{Arrival, End, Far, Phase, Reading, Step, Writing, done, lost};

impl<P: Protocol> End<P> {
    /// Gives the protocol what comes next of what has come; what comes meanwhile waits for the next turn.
    pub(super) fn deliver(&self) {
        self.delivery_waits.set(false);
        if !self.reads() {
            return;
        }
        let arrival = self.inbox.borrow_mut().take(self.reactor.now());
        match arrival {
            None => {}
            Some(Arrival::Data(data)) => {
                if let Some(far) = self.far() {
                    far.has_room();
                }
                self.call_protocol("data_received", |protocol, transport| {
                    protocol.data_received(transport, &data);
                });
            }
            Some(Arrival::End) => {
                if let Err(reason) = self.read_ended() {
                    self.end(reason);
                }
            }
            Some(Arrival::Reset) => self.end(lost(io::ErrorKind::ConnectionReset)),
        }
        if self.reads() && self.inbox.borrow().has_pieces() {
            self.delivery_waits.set(true);
            self.after_callback(Step::Deliver);
        } else {
            self.look_at_inbox();
        }
    }

    /// Calls a protocol that somebody has woken.
    pub(super) fn wake_protocol(&self) {
        self.wake_waits.set(false);
        if self.phase.get() == Phase::Open {
            self.call_protocol("woken", |protocol, transport| protocol.woken(transport));
        }
    }

    /// Whether what comes is given to the protocol.
    fn reads(&self) -> bool {
        self.phase.get() == Phase::Open && self.reading.get() == Reading::On
    }

    /// Has the loop deal with what has come, and with what is on its way when it is there.
    pub(super) fn look_at_inbox(&self) {
        if self.phase.get() >= Phase::Over {
            return;
        }
        let (now, inbox) = (self.reactor.now(), self.inbox.borrow());
        if self.reads() && inbox.has_come(now) && !self.delivery_waits.replace(true) {
            self.next_turn(Step::Deliver);
        }
        // One that does not read notices a reset by what it sends.
        if inbox.is_reset(now) && !self.unsent.borrow().is_empty() {
            self.wants_flush();
        }
        let mut timer = self.timers.arrival.borrow_mut();
        if let Some(at) = inbox.next_after(now)
            && timer.is_none()
        {
            *timer = Some(self.call_later(at.saturating_sub(now), |end| {
                drop(end.timers.arrival.take());
                end.look_at_inbox();
            }));
        }
    }

    /// The other end sends no more: the protocol goes on without, if it can.
    fn read_ended(&self) -> Result<(), Failure> {
        let goes_on = self.with_protocol(|protocol, _| protocol.half_closeable().is_some());
        if goes_on != Some(true) {
            return Err(done());
        }
        self.reading.set(Reading::Ended);
        self.call_protocol("read_connection_lost", |protocol, transport| {
            if let Some(protocol) = protocol.half_closeable() {
                protocol.read_connection_lost(transport);
            }
        });
        self.unless_both_ended()
    }

    /// Both directions closed is closed.
    pub(super) fn unless_both_ended(&self) -> Result<(), Failure> {
        if self.reading.get() == Reading::Ended && self.writing.get() == Writing::Ended {
            return Err(done());
        }
        Ok(())
    }
}

impl<P: Protocol> Far for End<P> {
    fn room(&self) -> usize {
        // One that is over takes everything, as the system does for a peer that may be there no more.
        if self.is_over() {
            return usize::MAX;
        }
        self.wire.room.saturating_sub(self.inbox.borrow().len())
    }

    fn is_over(&self) -> bool {
        self.phase.get() >= Phase::Over
    }

    fn send(&self, what: Arrival) {
        if !self.is_over() {
            let there_at = self.reactor.now().saturating_add(self.wire.latency);
            self.inbox.borrow_mut().push(there_at, what);
            self.look_at_inbox();
        } else if let Arrival::Data(_) = what {
            self.send_to_far(Arrival::Reset);
        }
    }

    fn has_room(&self) {
        if self.phase.get() < Phase::Over && !self.unsent.borrow().is_empty() {
            self.wants_flush();
        }
    }
}
