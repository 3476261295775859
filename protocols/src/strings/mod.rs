//! Strings of bytes that say how long they are: netstrings, and strings after a count of 1, 2 or 4 bytes.
//!
//! A [`StringReceiver`] is a protocol that calls a handler of yours for each string. The handler does not know
//! how the strings are told apart, so another kind of receiver is another name in one place:
//!
//! ```
//! use protocols::strings::{Int16StringReceiver, StringHandler, Strings};
//! use protocols::{Address, Factory};
//! use std::rc::Rc;
//!
//! /// Sends each string back.
//! struct Echo;
//!
//! impl StringHandler for Echo {
//!     fn string_received(&mut self, strings: &Strings, string: &[u8]) {
//!         if strings.send_string(string).is_err() {
//!             strings.abort_connection();
//!         }
//!     }
//! }
//!
//! struct EchoFactory;
//!
//! impl Factory for EchoFactory {
//!     type Protocol = Int16StringReceiver<Echo>;
//!
//!     fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Self::Protocol> {
//!         Some(Int16StringReceiver::new(Echo).max_length(4096))
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! A protocol whose strings mean something else at each step is a [`Stateful`] handler.
//!
//! *Twisted's `NetstringReceiver` and `IntNStringReceiver`.*

mod counted;
mod handle;
mod netstring;
mod receiver;
mod stateful;

pub use counted::{Counted, Int8StringReceiver, Int16StringReceiver, Int32StringReceiver};
pub use handle::{StringTooLong, Strings};
pub use netstring::{Netstring, NetstringReceiver};
pub use receiver::{StringError, StringHandler, StringReceiver};
pub use stateful::{State, Stateful, StatefulHandler};

use crate::framing::Framing;

/// How long a string may be, unless the receiver was set otherwise.
///
/// *The `MAX_LENGTH` of Twisted's receivers.*
const MAX_LENGTH: usize = 99_999;

/// A way to tell strings apart, from both ends.
pub trait StringFraming: Framing<Refusal = StringError> {
    /// The framing that receives strings of at most this length.
    fn up_to(max_length: usize) -> Self;

    /// What stands around a string of this length.
    ///
    /// # Errors
    ///
    /// If no string can be as long.
    fn envelope(length: usize) -> Result<Envelope, StringTooLong>;
}

/// What stands around a string.
#[derive(Debug, Clone, Copy)]
pub struct Envelope {
    /// With room for the digits of the largest number, and one more byte.
    head: [u8; Self::LONGEST_HEAD],
    head_length: usize,
    tail: &'static [u8],
}

impl Envelope {
    const LONGEST_HEAD: usize = 21;

    /// An envelope of what comes before a string, and what comes after it.
    ///
    /// # Panics
    ///
    /// If `head` is longer than 21 bytes.
    #[must_use]
    pub fn new(head: &[u8], tail: &'static [u8]) -> Self {
        let mut envelope = Self {
            head: [0; Self::LONGEST_HEAD],
            head_length: head.len(),
            tail,
        };
        envelope.head[..head.len()].copy_from_slice(head);
        envelope
    }

    /// What comes before the string.
    #[must_use]
    pub fn head(&self) -> &[u8] {
        &self.head[..self.head_length]
    }

    /// What comes after it.
    #[must_use]
    pub const fn tail(&self) -> &'static [u8] {
        self.tail
    }
}
