//! What goes out: the queue, and what is sent of it when.

use std::os::fd::AsFd;

use deferred::Failure;
use reactor::ConnectionClosed;
use rustix::net::{Shutdown, shutdown};

use crate::{Flow, Protocol};

use super::outgoing::send_all;
use super::{Connection, Outgoing, Phase, Socket, Writing, done, lost};

/// What is at least as large as this goes to the system at once if nothing waits before it: to copy it would take longer
/// than the call that is saved by sending it with what else the callback writes.
pub(super) const LARGE: usize = 8 * 1024;

impl<P: Protocol> Connection<P> {
    /// Takes what is written: what is large is sent now, as far as the system takes it, and the rest is queued.
    pub(super) fn send_or_queue(&self, parts: &[&[u8]]) -> Flow {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        let mut sent = if len < LARGE { 0 } else { self.send_now(parts) };
        if sent == len {
            return Flow::Open;
        }
        self.queue(|outgoing| {
            for part in parts {
                let gone = sent.min(part.len());
                sent -= gone;
                outgoing.push(&part[gone..]);
            }
        })
    }

    /// Sends as much as the system takes in one call, if nothing is to go before it, and says how much that is.
    fn send_now(&self, parts: &[&[u8]]) -> usize {
        if !self.takes_bytes() || self.outgoing.borrow().is_some() || self.needs_flushes() {
            return 0;
        }
        let Some(socket) = self.socket.borrow().clone() else {
            return 0;
        };
        let sent = send_all(socket.as_fd(), parts.iter().copied(), 0);
        sent.unwrap_or_else(|error| {
            self.end(lost(error));
            0
        })
    }

    /// Takes what `fill` adds to the queue, if anything is taken now.
    pub(super) fn queue(&self, fill: impl FnOnce(&mut Outgoing)) -> Flow {
        if !self.takes_bytes() {
            return Flow::Open;
        }
        let mut waiting = self.outgoing.borrow_mut();
        let outgoing = waiting.get_or_insert_with(|| {
            // With a queue already there, a flush is on its way already, by this or by the socket's room.
            self.wants_flush();
            self.buffers.for_writing()
        });
        fill(outgoing);
        if outgoing.len() <= self.sizes().high {
            return Flow::Open;
        }
        if self.has_running_producer() {
            // By a flush it is told to wait.
            self.wants_flush();
        }
        Flow::Full
    }

    /// Whether what is written can be sent by a flush only: with descriptors, or by a pull producer, which is asked for
    /// more by that.
    fn needs_flushes(&self) -> bool {
        let rare = self.rare.borrow();
        rare.as_ref()
            .is_some_and(|rare| !rare.descriptors.is_empty() || rare.has_pull_producer())
    }

    /// Whether what is written is sent: it is until somebody has ended that, and a producer's until it is done.
    fn takes_bytes(&self) -> bool {
        match (self.phase.get(), self.writing.get()) {
            (Phase::Open, Writing::On) => true,
            (Phase::Over | Phase::Told, _) | (_, Writing::Ended) => false,
            (Phase::Closing, _) | (_, Writing::Ending) => self.has_producer(),
        }
    }

    /// Has what waits sent when the callback that runs now has returned.
    pub(super) fn wants_flush(&self) {
        if self.flush_waits.replace(true) || self.calls.get() {
            return;
        }
        if let Some(this) = self.this.upgrade() {
            self.reactor.after_callback(this);
        }
    }

    /// Sends what waits, if that was asked for. Called by the loop only.
    pub(super) fn flush_if_wanted(&self) -> Result<(), Failure> {
        if self.flush_waits.take() && self.phase.get() < Phase::Over {
            return self.flush();
        }
        Ok(())
    }

    /// Sends what the system takes; then the reactor tells of room exactly while something is left.
    ///
    /// Called by the loop only, for the producer hears of it.
    pub(super) fn flush(&self) -> Result<(), Failure> {
        self.pause_producer();
        let Some(socket) = self.socket.borrow().clone() else {
            return Ok(());
        };
        if self.send(&socket)? {
            self.sent_all(&socket)?;
        } else {
            self.room_waits.set(true);
            self.reactor.add_writer(socket).map_err(|error| {
                if self.reactor.is_stopping() {
                    Failure::without_backtrace(ConnectionClosed::ReactorStopped)
                } else {
                    lost(error)
                }
            })?;
        }
        self.resume_producer();
        Ok(())
    }

    /// Sends what the system takes, and says whether that was all.
    fn send(&self, socket: &Socket<P>) -> Result<bool, Failure> {
        let mut waiting = self.outgoing.borrow_mut();
        if let Some(outgoing) = &mut *waiting {
            let sent = match &mut *self.rare.borrow_mut() {
                Some(rare) if !rare.descriptors.is_empty() => {
                    rare.descriptors.send(socket.as_fd(), outgoing)
                }
                _ => outgoing.send(socket.as_fd()),
            };
            sent.map_err(lost)?;
        }
        if let Some(sent) = waiting.take_if(|outgoing| outgoing.is_empty()) {
            self.buffers.recycle(sent);
        }
        Ok(waiting.is_none())
    }

    /// Does what was to be done when all was sent.
    fn sent_all(&self, socket: &Socket<P>) -> Result<(), Failure> {
        let has_more = self.has_producer();
        if self.phase.get() == Phase::Closing && !has_more {
            return Err(done());
        }
        if self.writing.get() == Writing::Ending && !has_more {
            self.end_writing(socket)?;
        }
        if self.room_waits.take() {
            self.reactor.remove_writer(socket);
        }
        Ok(())
    }

    /// Tells the peer that it was all, and then the protocol, if it wants to know.
    fn end_writing(&self, socket: &Socket<P>) -> Result<(), Failure> {
        shutdown(socket, Shutdown::Write).map_err(|error| lost(error.into()))?;
        self.writing.set(Writing::Ended);
        self.call_protocol("write_connection_lost", |protocol, transport| {
            if let Some(protocol) = protocol.half_closeable() {
                protocol.write_connection_lost(transport);
            }
        })?;
        self.unless_both_ended()
    }
}
