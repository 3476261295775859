//! What the fuzzing targets do with their inputs.
//!
//! For receivers, an input begins with a few bytes that set the receiver and the pieces; the rest is what is received.
//! A handler does what the first byte of a line or string tells it to, so that an input decides over everything. How
//! it is called must not depend on the pieces.

#[path = "../../protocols/tests/common/recording.rs"]
mod recording;

mod endpoints;
mod lines;
mod proxy;
mod strings;

pub use endpoints::endpoints;
pub use lines::lines;
pub use proxy::proxy;
pub use strings::{counted, netstrings};

use std::cell::RefCell;
use std::rc::Rc;

use protocols::{Protocol, Transport};

use recording::{Notes, Played, pieces};

/// How the input wants the receiver and the pieces to be.
struct Setting<'a> {
    /// How long a line or string may be.
    max_length: usize,
    /// Of what kind the receiver is.
    kind: u8,
    /// Whether the handler ends the connection when something is refused.
    ends: bool,
    /// The lengths of the pieces, over and over.
    lengths: [usize; 3],
    received: &'a [u8],
}

impl<'a> Setting<'a> {
    /// The setting in front of an input, if it is long enough.
    fn of(input: &'a [u8]) -> Option<Self> {
        let ([max_length, kind, ends, lengths @ ..], received) = input.split_first_chunk::<6>()?;
        Some(Self {
            max_length: usize::from(*max_length),
            kind: *kind,
            ends: ends % 2 == 0,
            lengths: lengths.map(|length| usize::from(length).max(1)),
            received,
        })
    }

    /// Has two receivers receive the same bytes, and compares what their handlers were called with.
    fn compare<P: Protocol>(&self, receiver: impl Fn(&Notes, &Kept) -> P) {
        let whole = play(&receiver, &[self.received.to_vec()]);
        let in_pieces = play(&receiver, &pieces(self.received, &self.lengths));
        assert_eq!(whole, in_pieces);
    }
}

/// A transport that a handler has paused.
type Kept = Rc<RefCell<Option<Rc<dyn Transport>>>>;

/// Does what a byte tells, if it tells anything that can be done to every transport.
fn act(byte: u8, transport: &Rc<dyn Transport>, kept: &Kept) {
    match byte {
        b'p' => {
            transport.pause_producing();
            *kept.borrow_mut() = Some(Rc::clone(transport));
        }
        b'q' => {
            transport.pause_producing();
            transport.resume_producing();
        }
        b'l' => transport.lose_connection(),
        b's' => transport.stop_producing(),
        _ => {}
    }
}

/// Has a receiver receive these pieces, and resumes it after each when it has paused itself.
fn play<P: Protocol>(receiver: impl Fn(&Notes, &Kept) -> P, pieces: &[Vec<u8>]) -> Vec<String> {
    let (notes, kept) = (Notes::default(), Kept::default());
    let mut played = Played::new(receiver(&notes, &kept));
    for piece in pieces {
        played.receive_all_the_same(piece);
        if let Some(transport) = kept.take() {
            transport.resume_producing();
            // Sometimes the next piece is quicker than the loop.
            if piece.len() % 2 == 0 {
                played.turn();
            }
        }
    }
    loop {
        played.turn();
        let Some(transport) = kept.take() else { break };
        transport.resume_producing();
    }
    joined(notes.take())
}

/// The notes with those of raw data that follow each other as one, for how raw data is cut has no meaning.
fn joined(notes: Vec<String>) -> Vec<String> {
    let mut joined: Vec<String> = Vec::new();
    for note in notes {
        match (joined.last_mut(), note.strip_prefix("raw ")) {
            (Some(last), Some(more)) if last.starts_with("raw ") => last.push_str(more),
            _ => joined.push(note),
        }
    }
    joined
}
