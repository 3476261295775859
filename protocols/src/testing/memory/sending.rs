//! What goes out.

use std::collections::VecDeque;
use std::io;

use deferred::Failure;

use crate::{Flow, Protocol};

use super::loss::{Cut, Loss};
use super::{Arrival, End, Phase, Step, Writing, done, lost};

/// What was written and not sent yet, each write apart.
#[derive(Default)]
pub(super) struct Unsent {
    writes: VecDeque<Vec<u8>>,
    len: usize,
}

impl Unsent {
    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bytes wait.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    fn push(&mut self, write: Vec<u8>) {
        self.len += write.len();
        self.writes.push_back(write);
    }

    /// The next write, if there is room for it; a part of it, if there never will be.
    fn take(&mut self, room: usize, at_most: usize) -> Option<Vec<u8>> {
        let first = self.writes.front_mut()?;
        let write = if first.len() <= room {
            self.writes.pop_front()?
        } else if room == at_most {
            let rest = first.split_off(room);
            std::mem::replace(first, rest)
        } else {
            return None;
        };
        self.len -= write.len();
        Some(write)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl<P: Protocol> End<P> {
    /// Takes the parts as one write, if anything is taken now.
    pub(super) fn queue(&self, parts: &[&[u8]]) -> Flow {
        if !self.takes_bytes() || parts.iter().all(|part| part.is_empty()) {
            return Flow::Open;
        }
        let waiting = {
            let mut unsent = self.unsent.borrow_mut();
            unsent.push(parts.concat());
            unsent.len()
        };
        self.wants_flush();
        let (high, _) = self.water_marks.get();
        if waiting > high {
            Flow::Full
        } else {
            Flow::Open
        }
    }

    /// Whether what is written is sent: it is until somebody has ended that, and a producer's until it is done.
    fn takes_bytes(&self) -> bool {
        match (self.phase.get(), self.writing.get()) {
            (Phase::Open, Writing::On) => true,
            (Phase::Over | Phase::Told, _) | (_, Writing::Ended) => false,
            (Phase::Closing, _) | (_, Writing::Ending) => self.has_producer(),
        }
    }

    /// Has the loop send what waits when the callback that runs now has returned.
    pub(super) fn wants_flush(&self) {
        if !self.flush_waits.replace(true) {
            self.after_callback(Step::Flush);
        }
    }

    /// Sends what there is room for. Called by the loop only, for the producer hears of it.
    pub(super) fn flush(&self) {
        self.flush_waits.set(false);
        if self.phase.get() < Phase::Over
            && let Err(reason) = self.try_flush()
        {
            self.end(reason);
        }
    }

    fn try_flush(&self) -> Result<(), Failure> {
        self.pause_producer();
        if self.phase.get() >= Phase::Over {
            return Ok(()); // The producer has aborted it.
        }
        let is_reset = self.inbox.borrow().is_reset(self.reactor.now());
        if is_reset && (!self.unsent.borrow().is_empty() || self.writing.get() == Writing::Ending) {
            return Err(lost(io::ErrorKind::BrokenPipe));
        }
        self.send_what_has_room();
        if self.unsent.borrow().is_empty() {
            self.sent_all()?;
        }
        self.resume_producer();
        Ok(())
    }

    fn send_what_has_room(&self) {
        loop {
            let room = match self.far() {
                Some(far) if !matches!(self.cut.get(), Cut::Here) => far.room(),
                _ => usize::MAX,
            };
            let write = self.unsent.borrow_mut().take(room, self.wire.room);
            let Some(write) = write else { break };
            self.send_to_far(Arrival::Data(write));
        }
    }

    /// Sends this to the other end, if it does not get lost.
    pub(super) fn send_to_far(&self, what: Arrival) {
        match (self.cut.get(), what) {
            (Cut::Here, _) => {}
            (Cut::After(left, loss), Arrival::Data(mut data)) if data.len() >= left => {
                data.truncate(left);
                self.pass(Arrival::Data(data));
                self.lose(loss);
            }
            (Cut::After(left, loss), Arrival::Data(data)) => {
                self.cut.set(Cut::After(left - data.len(), loss));
                self.pass(Arrival::Data(data));
            }
            (_, what) => self.pass(what),
        }
    }

    fn pass(&self, what: Arrival) {
        let is_nothing = matches!(&what, Arrival::Data(data) if data.is_empty());
        match self.far() {
            _ if is_nothing => {}
            Some(far) => far.send(what),
            // Nothing is left of it, not even what would answer.
            None if matches!(what, Arrival::Data(_)) => super::Far::send(self, Arrival::Reset),
            None => {}
        }
    }

    /// Loses what is sent after so many bytes more.
    pub(in super::super) fn lose_after(&self, bytes: usize, loss: Loss) {
        if bytes == 0 {
            self.lose(loss);
        } else {
            self.cut.set(Cut::After(bytes, loss));
        }
    }

    fn lose(&self, loss: Loss) {
        match loss {
            Loss::Reset => {
                self.pass(Arrival::Reset);
                super::Far::send(self, Arrival::Reset);
            }
            Loss::HalfClose => self.pass(Arrival::End),
            Loss::Silence => {}
        }
        self.cut.set(Cut::Here);
        // What waits for room vanishes as well.
        super::Far::has_room(self);
    }

    /// Does what was to be done when all was sent.
    fn sent_all(&self) -> Result<(), Failure> {
        let has_more = self.has_producer();
        if self.phase.get() == Phase::Closing && !has_more {
            return Err(done());
        }
        if self.writing.get() == Writing::Ending && !has_more {
            self.end_writing()?;
        }
        Ok(())
    }

    /// Tells the other end that it was all, and then the protocol, if it wants to know.
    fn end_writing(&self) -> Result<(), Failure> {
        self.writing.set(Writing::Ended);
        self.send_to_far(Arrival::End);
        self.call_protocol("write_connection_lost", |protocol, transport| {
            if let Some(protocol) = protocol.half_closeable() {
                protocol.write_connection_lost(transport);
            }
        });
        self.unless_both_ended()
    }
}
