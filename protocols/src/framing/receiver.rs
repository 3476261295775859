//! From chunks of bytes to what a handler gets.

use std::mem;

use super::pending::Pending;
use super::{Framing, Inlet, Scan};

/// A buffer up to this size is kept when it is empty: most frames that come in two chunks fit it.
const KEPT: usize = 1024;

/// Finds frames in what comes, and keeps what cannot be delivered yet.
pub(crate) struct Receiver<F> {
    framing: F,
    /// The beginning of a frame, which the framing has seen.
    held: Vec<u8>,
    /// What came while nothing was delivered.
    pending: Pending,
    /// Whether nothing that comes can be understood any more.
    is_broken: bool,
}

/// What a receiver delivers.
pub(crate) enum Event<'a, R> {
    /// What is in a frame.
    Frame(&'a [u8]),
    /// How something begins that is not received.
    Refused(&'a [u8], R),
    /// Bytes as they have come.
    Raw(&'a [u8]),
}

impl<F: Framing> Receiver<F> {
    pub(crate) fn new(framing: F) -> Self {
        Self {
            framing,
            held: Vec::new(),
            pending: Pending::default(),
            is_broken: false,
        }
    }

    /// Changes the framing, before anything has come.
    pub(crate) fn map(self, change: impl FnOnce(F) -> F) -> Self {
        Self::new(change(self.framing))
    }

    pub(crate) const fn framing(&self) -> &F {
        &self.framing
    }

    /// Delivers what waits, and then what is in `data`, as far as the handler wants it now.
    ///
    /// Called by the loop only: with what has come, and, with nothing, when the handler wants what waits.
    pub(crate) fn receive(
        &mut self,
        inlet: &Inlet,
        data: &[u8],
        mut deliver: impl FnMut(Event<'_, F::Refusal>),
    ) {
        if inlet.is_stopped() || self.is_broken {
            return self.drop_all();
        }
        inlet.begin();
        self.collect(inlet);
        if self.pending.is_empty() && inlet.is_on() {
            let taken = self.deliver_from(inlet, data, &mut deliver);
            self.pending.append(&data[taken..]);
        } else {
            self.pending.append(data);
        }
        loop {
            self.collect(inlet);
            if self.pending.is_empty() || !inlet.is_on() || self.is_broken {
                break;
            }
            let mut pending = mem::take(&mut self.pending);
            let taken = self.deliver_from(inlet, pending.rest(), &mut deliver);
            pending.advance(taken);
            self.pending = pending;
        }
        if inlet.is_stopped() || self.is_broken {
            self.drop_all();
        }
        inlet.end(!self.pending.is_empty());
    }

    /// Keeps nothing: none of it will be delivered.
    fn drop_all(&mut self) {
        (self.held, self.pending) = Default::default();
    }

    /// Has come first what comes before all that waits.
    fn collect(&mut self, inlet: &Inlet) {
        if inlet.has_again() {
            self.pending.put_back(&inlet.take_again());
        }
        if inlet.is_raw() && !self.held.is_empty() {
            // It is not the beginning of a frame any more.
            self.pending.put_back(&mem::take(&mut self.held));
        }
    }

    /// Delivers from the front of `bytes`, and returns how many were taken: all, unless a callback wants otherwise.
    fn deliver_from(
        &mut self,
        inlet: &Inlet,
        bytes: &[u8],
        deliver: &mut impl FnMut(Event<'_, F::Refusal>),
    ) -> usize {
        let mut at = 0;
        while at < bytes.len() && inlet.is_on() && !inlet.has_again() && !self.is_broken {
            let rest = &bytes[at..];
            if !inlet.is_raw() {
                at += self.deliver_frame(rest, deliver);
            } else if self.held.is_empty() {
                self.framing.restart();
                at = bytes.len() - inlet.show(rest, || deliver(Event::Raw(rest)));
            } else {
                break;
            }
        }
        at
    }

    /// Delivers what stands at the front of what is held and of `bytes`, and returns how many of these it took.
    fn deliver_frame(
        &mut self,
        bytes: &[u8],
        deliver: &mut impl FnMut(Event<'_, F::Refusal>),
    ) -> usize {
        match self.framing.scan(&self.held, bytes) {
            Scan::Incomplete => {
                self.held.extend_from_slice(bytes);
                bytes.len()
            }
            Scan::Frame { taken, content } => self.take(taken, bytes, |frame| {
                deliver(Event::Frame(&frame[content]));
            }),
            Scan::Nothing { taken } => self.forget(taken),
            Scan::Refused { taken, why } => self.take(taken, bytes, |start| {
                deliver(Event::Refused(start, why));
            }),
            Scan::Broken { shown, why } => {
                self.is_broken = true;
                self.take(shown, bytes, |start| deliver(Event::Refused(start, why)))
            }
        }
    }

    /// Has `look` look at the first `taken` bytes, and returns how many of these are in `bytes`.
    fn take(&mut self, taken: usize, bytes: &[u8], look: impl FnOnce(&[u8])) -> usize {
        if self.held.is_empty() {
            look(&bytes[..taken]);
            return taken;
        }
        let new = taken.saturating_sub(self.held.len());
        self.held.extend_from_slice(&bytes[..new]);
        look(&self.held[..taken]);
        self.held.drain(..taken);
        if self.held.is_empty() {
            self.held.shrink_to(KEPT);
        }
        new
    }

    /// Drops the first `taken` bytes, and returns how many of these are not held.
    fn forget(&mut self, taken: usize) -> usize {
        let old = taken.min(self.held.len());
        self.held.drain(..old);
        taken - old
    }
}
