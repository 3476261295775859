//! What goes out: where it waits, and what is sent of it when.
//!
//! Most often that is one small answer, written by the callback that was given the question. It is gathered in a buffer
//! that all connections of the reactor share, and sent from there when the callback has returned. Everything else,
//! and what the system has no room for, goes through a queue of the connection's own.

use std::iter;
use std::os::fd::AsFd;

use deferred::Failure;
use rustix::net::{Shutdown, shutdown};

use crate::sockets::limit_unsent;
use crate::{Address, Flow, Protocol};

use super::outgoing::send_all;
use super::{Connection, FULL, Outgoing, Phase, Socket, Writing, done, lost};

/// What is at least as large as this goes to the system at once if nothing waits before it: to copy it would take longer
/// than the call that is saved by sending it with what else the callback writes.
const LARGE: usize = 8 * 1024;

/// Of more than this, a TCP connection gives the system no more than this before that can be sent.
///
/// The system would take megabytes. What is copied for it late is still in the processor's cache when it is sent: with
/// many connections that are sent much at once, half as much again goes out in the same time. With less than this, a long
/// stream to a peer on another core waits for that peer too often.
const UNSENT: usize = 256 * 1024;

impl<P: Protocol> Connection<P> {
    /// Takes what is written: what is large is sent now, as far as the system takes it; the rest is gathered or queued.
    ///
    /// It is part of `write`, and `gather` is, too, so that nothing is called for a small answer.
    #[inline(always)]
    pub(super) fn take_written(&self, parts: &[&[u8]]) -> Flow {
        let len: usize = parts.iter().map(|part| part.len()).sum();
        if len == 0 || len < LARGE && self.gather(parts, len) {
            return Flow::Open;
        }
        self.send_or_queue(parts, len)
    }

    /// Takes `len` bytes that its own callback writes, if nothing waits before them, and nothing but bytes is to be sent.
    #[inline(always)]
    fn gather(&self, parts: &[&[u8]], len: usize) -> bool {
        let is_plain = self.calls.get()
            && self.phase.get() == Phase::Open
            && self.writing.get() == Writing::On
            && self.rare.get().is_none()
            && self.outgoing.borrow().is_none();
        if !is_plain {
            return false;
        }
        let mut gathered = self.buffers.gathered.borrow_mut();
        if !self.gathers.replace(true) {
            // What is there was sent, or never will be: one callback runs at a time.
            gathered.clear();
        }
        let fits = gathered.len() + len <= FULL;
        if fits {
            for part in parts {
                gathered.extend_from_slice(part);
            }
        }
        fits
    }

    /// Has what was gathered wait in the queue, because what comes next is to wait behind it.
    pub(super) fn queue_gathered(&self) {
        if self.gathers.take() {
            self.queue_rest(0);
            self.wants_flush();
        }
    }

    fn send_or_queue(&self, parts: &[&[u8]], len: usize) -> Flow {
        let mut sent = self.send_now(parts, len);
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

    /// Sends as much as the system takes in one call, if it is large and nothing is to go before it, and says how much
    /// that is.
    fn send_now(&self, parts: &[&[u8]], len: usize) -> usize {
        let waits = self.gathers.get() || self.outgoing.borrow().is_some();
        if len < LARGE || waits || !self.takes_bytes() || self.needs_flushes() {
            return 0;
        }
        let Some(socket) = self.socket.borrow().clone() else {
            return 0;
        };
        self.limit_unsent(&socket, len);
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
        self.queue_gathered();
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
        self.rare.get().is_some_and(|rare| {
            let rare = rare.borrow();
            !rare.descriptors.is_empty() || rare.has_pull_producer()
        })
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
    #[inline]
    pub(super) fn flush_if_wanted(&self) -> Result<(), Failure> {
        let is_wanted = self.flush_waits.take();
        if self.gathers.take() {
            return self.send_gathered();
        }
        if is_wanted && self.phase.get() < Phase::Over {
            return self.flush();
        }
        Ok(())
    }

    /// Sends what was gathered; what the system has no room for is queued.
    #[inline]
    fn send_gathered(&self) -> Result<(), Failure> {
        let (sent, len) = {
            let (socket, gathered) = (self.socket.borrow(), self.buffers.gathered.borrow());
            let Some(socket) = &*socket else {
                return Ok(());
            };
            let sent = send_all(socket.as_fd(), iter::once(&gathered[..]), 0);
            (sent, gathered.len())
        };
        if let Ok(sent) = sent
            && sent < len
        {
            self.queue_rest(sent);
            return self.wait_for_room();
        }
        sent.map_err(lost)?;
        self.sent_all()
    }

    /// Moves all of what was gathered but for its first `sent` bytes to the queue, which is empty.
    fn queue_rest(&self, sent: usize) {
        let mut outgoing = self.buffers.for_writing();
        outgoing.push(&self.buffers.gathered.borrow()[sent..]);
        self.outgoing.replace(Some(outgoing));
    }

    /// Sends what the system takes; then the reactor tells of room exactly while something is left.
    ///
    /// Called by the loop only, for the producer hears of it.
    pub(super) fn flush(&self) -> Result<(), Failure> {
        if self.has_producer() {
            self.pause_producer();
            // Which may have been too much for it.
            if self.phase.get() >= Phase::Over {
                return Ok(());
            }
        }
        if self.send()? {
            self.sent_all()?;
        } else {
            self.wait_for_room()?;
        }
        if self.has_producer() {
            self.resume_producer();
        }
        Ok(())
    }

    /// Sends what the system takes, and says whether that was all.
    fn send(&self) -> Result<bool, Failure> {
        let (socket, outgoing) = (self.socket.borrow(), self.outgoing.take());
        let (Some(socket), Some(mut outgoing)) = (&*socket, outgoing) else {
            return Ok(true);
        };
        self.limit_unsent(socket, outgoing.len());
        let sent = match self.rare.get().map(|rare| rare.borrow_mut()) {
            Some(mut rare) if !rare.descriptors.is_empty() => {
                rare.descriptors.send(socket.as_fd(), &mut outgoing)
            }
            _ => outgoing.send(socket.as_fd()),
        };
        let is_all = outgoing.is_empty();
        if is_all {
            self.buffers.recycle(outgoing);
        } else {
            self.outgoing.replace(Some(outgoing));
        }
        sent.map_err(lost)?;
        Ok(is_all)
    }

    /// Has the system leave here what it cannot send yet, the first time that there is much.
    fn limit_unsent(&self, socket: &Socket<P>, len: usize) {
        let is_tcp = matches!(self.peer, Address::Tcp(_));
        if len > UNSENT && is_tcp && !self.limits.replace(true) {
            limit_unsent(socket.as_fd(), UNSENT);
        }
    }

    /// Has the reactor tell of room.
    fn wait_for_room(&self) -> Result<(), Failure> {
        let Some(socket) = self.socket.borrow().clone() else {
            return Ok(());
        };
        self.room_waits.set(true);
        let added = self.reactor.add_writer(socket);
        added.map_err(|error| self.not_watched(error))
    }

    /// Does what was to be done when all was sent.
    #[inline]
    fn sent_all(&self) -> Result<(), Failure> {
        let may_end = self.phase.get() == Phase::Closing || self.writing.get() == Writing::Ending;
        if may_end && !self.has_producer() {
            self.end_sending()?;
        }
        if self.room_waits.take()
            && let Some(socket) = &*self.socket.borrow()
        {
            self.reactor.remove_writer(&**socket);
        }
        Ok(())
    }

    /// Ends what was to end when all was sent: the connection, or that it is written to.
    fn end_sending(&self) -> Result<(), Failure> {
        if self.phase.get() == Phase::Closing {
            return Err(done());
        }
        if let Some(socket) = &*self.socket.borrow() {
            shutdown(socket, Shutdown::Write).map_err(|error| lost(error.into()))?;
        }
        self.writing.set(Writing::Ended);
        self.call_protocol("write_connection_lost", |protocol, transport| {
            if let Some(protocol) = protocol.half_closeable() {
                protocol.write_connection_lost(transport);
            }
        })?;
        self.unless_both_ended()
    }
}
