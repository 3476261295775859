//! What is on its way to one end, and what has come there.

use std::collections::VecDeque;
use std::time::Duration;

use super::chunking::{Chunking, Cutter};

/// What was sent to one end and not yet given to its protocol.
pub(super) struct Inbox {
    /// In the order in which they were sent, which is that in which they come.
    packets: VecDeque<Packet>,
    /// What is given to the protocol in this turn.
    pieces: VecDeque<Vec<u8>>,
    cutter: Cutter,
    /// How many bytes there are in all.
    len: usize,
}

/// Something that was sent, and when it is there.
struct Packet {
    at: Duration,
    what: Arrival,
}

/// What comes from the other end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    Data(Vec<u8>),
    /// It sends no more.
    End,
    /// The connection is broken.
    Reset,
}

impl Inbox {
    pub(super) const fn new(chunking: Chunking) -> Self {
        Self {
            packets: VecDeque::new(),
            pieces: VecDeque::new(),
            cutter: Cutter::new(chunking),
            len: 0,
        }
    }

    /// How many bytes were sent and not yet given to the protocol.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, at: Duration, what: Arrival) {
        if let Arrival::Data(data) = &what {
            self.len += data.len();
        }
        self.packets.push_back(Packet { at, what });
    }

    /// What the protocol is to be told next of what has come by `now`.
    pub(super) fn take(&mut self, now: Duration) -> Option<Arrival> {
        if self.pieces.is_empty() {
            self.pieces = self.cut_what_has_come(now);
        }
        if let Some(piece) = self.pieces.pop_front() {
            self.len -= piece.len();
            return Some(Arrival::Data(piece));
        }
        if self.packets.front()?.at > now {
            return None;
        }
        self.packets.pop_front().map(|packet| packet.what)
    }

    /// All the data at the front, in pieces.
    fn cut_what_has_come(&mut self, now: Duration) -> VecDeque<Vec<u8>> {
        let mut writes = VecDeque::new();
        while let Some(Packet { at, what }) = self.packets.front_mut()
            && let Arrival::Data(data) = what
            && *at <= now
        {
            writes.push_back(std::mem::take(data));
            self.packets.pop_front();
        }
        self.cutter.cut(writes)
    }

    /// Whether there are more pieces of what had come when the last one was taken.
    pub(super) fn has_pieces(&self) -> bool {
        !self.pieces.is_empty()
    }

    /// Whether there is anything to tell the protocol by `now`.
    pub(super) fn has_come(&self, now: Duration) -> bool {
        let next = self.packets.front();
        self.has_pieces() || next.is_some_and(|packet| packet.at <= now)
    }

    /// When the next thing that is on its way `now` is there.
    pub(super) fn next_after(&self, now: Duration) -> Option<Duration> {
        let next = self.packets.iter().find(|packet| packet.at > now);
        next.map(|packet| packet.at)
    }

    /// Whether the end was told by `now` that the connection is broken.
    pub(super) fn is_reset(&self, now: Duration) -> bool {
        let mut packets = self.packets.iter();
        packets.any(|packet| packet.at <= now && packet.what == Arrival::Reset)
    }

    pub(super) fn clear(&mut self) {
        self.packets.clear();
        self.pieces.clear();
        self.len = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1);
    const LATER: Duration = Duration::from_secs(2);

    fn data(text: &str) -> Arrival {
        Arrival::Data(text.into())
    }

    #[test]
    fn what_has_come_is_taken_in_order_and_the_rest_is_not() {
        let mut inbox = Inbox::new(Chunking::AsWritten);
        inbox.push(NOW, data("one"));
        inbox.push(NOW, data("two"));
        inbox.push(LATER, data("three"));
        inbox.push(LATER, Arrival::End);

        assert_eq!(inbox.take(NOW), Some(data("one")));
        assert_eq!(inbox.take(NOW), Some(data("two")));
        assert_eq!(inbox.take(NOW), None);
        assert!(!inbox.has_come(NOW));
        assert_eq!(inbox.next_after(NOW), Some(LATER));
        assert_eq!(inbox.take(LATER), Some(data("three")));
        assert_eq!(inbox.take(LATER), Some(Arrival::End));
        assert!(!inbox.has_come(LATER));
    }

    #[test]
    fn what_comes_meanwhile_is_not_among_the_pieces() {
        let mut inbox = Inbox::new(Chunking::Bytewise);
        inbox.push(NOW, data("ab"));

        assert_eq!(inbox.take(NOW), Some(data("a")));
        inbox.push(NOW, data("c"));
        assert!(inbox.has_pieces());
        assert_eq!(inbox.take(NOW), Some(data("b")));
        assert!(!inbox.has_pieces());
        assert_eq!(inbox.len(), 1);
    }

    #[test]
    fn a_reset_is_seen_when_it_is_there_though_data_stands_before_it() {
        let mut inbox = Inbox::new(Chunking::AsWritten);
        inbox.push(NOW, data("unread"));
        inbox.push(LATER, Arrival::Reset);

        assert!(!inbox.is_reset(NOW));
        assert!(inbox.is_reset(LATER));
    }
}
