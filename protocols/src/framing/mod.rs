//! Frames in a stream of bytes: how they are found, and how they come to a handler.
//!
//! A stream has no pieces of its own. A [`Framing`] says where in it one piece ends and the next one begins; what
//! all receivers of pieces have in common is written once, here, and does not know the pieces:
//!
//! - A frame that came in one piece is shown where it lies. Only a frame's beginning is kept, to wait for the rest, and
//!   each of its bytes is copied once. A framing says in time what is too long to be kept.
//! - What has come already is held back while the receiver is paused, and dropped when it is stopped or its
//!   connection is being ended. It goes on by the loop: no call on a handle calls a handler.
//!
//! The receivers themselves are in [`line`](crate::line) and [`strings`](crate::strings).

mod inlet;
mod pending;
mod receiver;

use std::ops::Range;

pub(crate) use inlet::Inlet;
pub(crate) use receiver::{Event, Receiver};

/// Says where frames end.
///
/// A receiver asks it again and again what stands at the front of the stream, of which it has seen the beginning,
/// `held`, and then `bytes`. These two follow each other, and mean the same wherever the cut is.
///
/// **Whatever is in `held` was in `bytes` before, when the answer was [`Scan::Incomplete`]**: there is no frame in it,
/// and need not be looked for one again. That, and to look no further than the limit, keeps the work linear.
pub trait Framing: 'static {
    /// Why this framing may refuse something.
    type Refusal;

    /// What stands at the front of `held` and `bytes`. There is at least one byte in `bytes`.
    fn scan(&mut self, held: &[u8], bytes: &[u8]) -> Scan<Self::Refusal>;

    /// The next byte begins a frame, whatever was before it: other things than frames were in the stream.
    fn restart(&mut self) {}
}

/// What stands at the front of a stream. All lengths and places count from there, the byte after the last
/// thing that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scan<R> {
    /// The beginning of a frame, which is kept until more comes.
    Incomplete,
    /// A frame.
    Frame {
        /// How long it is, with all that belongs to it.
        taken: usize,
        /// Where in it is what the handler gets.
        content: Range<usize>,
    },
    /// Bytes that nobody gets.
    Nothing {
        /// How many these are, one at least.
        taken: usize,
    },
    /// Something that is not received. What comes after it can be understood.
    Refused {
        /// How much of it is shown and taken. If it is none, the next answer must be another.
        taken: usize,
        /// Why.
        why: R,
    },
    /// Something after which nothing can be understood. The receiver is deaf from now on.
    Broken {
        /// How much of it is shown.
        shown: usize,
        /// Why.
        why: R,
    },
}
