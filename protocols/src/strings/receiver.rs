//! Strings, however they are told apart.

use std::fmt;
use std::rc::Rc;

use deferred::Failure;

use crate::framing::{Event, Receiver};
use crate::protocol::short_name;
use crate::{HalfCloseable, Protocol, Transport};

use super::{MAX_LENGTH, StringFraming, Strings};

/// What is done with the strings of one connection.
///
/// A [`StringReceiver`] calls it, one method at a time and never from inside a call on its [`Strings`].
pub trait StringHandler: 'static {
    /// Called once, before anything else.
    fn connection_made(&mut self, strings: &Strings) {
        let _ = strings;
    }

    /// Called for each string.
    fn string_received(&mut self, strings: &Strings, string: &[u8]);

    /// Called when something comes that is not received: a string that will be too long, before any of it is kept,
    /// or what is no string at all.
    ///
    /// This loses the connection, unless it is written anew. Then a counted string that is too long is dropped,
    /// and the next one is received; after a netstring that is, or is none, nothing is.
    ///
    /// *Twisted's `lengthLimitExceeded`, and what its netstrings do with a `NetstringParseError`.*
    fn string_refused(&mut self, strings: &Strings, why: &StringError) {
        let _ = why;
        strings.lose_connection();
    }

    /// Called once, at the end. What was held back by then is not received any more.
    fn connection_lost(&mut self, reason: Failure) {
        let _ = reason;
    }

    /// Itself, if it wants to hear of each direction's end, as a [`Protocol`] does.
    fn half_closeable(&mut self) -> Option<&mut dyn HalfCloseable> {
        None
    }

    /// What the handler is called in reports about its connection: the name of its type, if it says nothing else.
    fn log_prefix(&self) -> String {
        short_name::<Self>()
    }
}

/// Why something is not received.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StringError {
    /// The announced length is over the limit.
    #[error("a string of {length} bytes was announced where {limit} is the most")]
    TooLong {
        /// What was announced: of a netstring's length, the digits with which it came to be too much.
        length: u64,
        /// How long a string may be.
        limit: usize,
    },
    /// A netstring begins without a length, or with one that is written in another way than its digits.
    #[error("a netstring does not begin with a length and a colon")]
    NoLength,
    /// A netstring does not end where its length says.
    #[error("a netstring of {length} bytes has no comma after it")]
    NoComma {
        /// What was announced.
        length: usize,
    },
}

/// A protocol that receives strings, and gives them to its handler.
///
/// A string is at most 99,999 bytes long, unless that is set otherwise. However the bytes come in pieces, the handler
/// is called in the same way for the same bytes. `F` is how strings are told apart, and is best chosen by one of the
/// names [`NetstringReceiver`](super::NetstringReceiver), [`Int8StringReceiver`](super::Int8StringReceiver),
/// [`Int16StringReceiver`](super::Int16StringReceiver) and [`Int32StringReceiver`](super::Int32StringReceiver).
///
/// *Twisted's `IntNStringReceiver`.*
pub struct StringReceiver<F, H> {
    handler: H,
    receiver: Receiver<F>,
    /// There is one from the beginning of the connection on.
    strings: Option<Strings>,
}

impl<F: StringFraming, H: StringHandler> StringReceiver<F, H> {
    /// A receiver for one connection.
    pub fn new(handler: H) -> Self {
        Self {
            handler,
            receiver: Receiver::new(F::up_to(MAX_LENGTH)),
            strings: None,
        }
    }

    /// Has strings be at most this long.
    #[must_use]
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.receiver = Receiver::new(F::up_to(bytes));
        self
    }

    /// What the strings are given to.
    pub const fn handler(&self) -> &H {
        &self.handler
    }

    /// What the strings are given to.
    pub const fn handler_mut(&mut self) -> &mut H {
        &mut self.handler
    }

    /// Gives the handler what is in `data`, and what has waited.
    fn receive(&mut self, data: &[u8]) {
        let (handler, Some(strings)) = (&mut self.handler, &self.strings) else {
            return;
        };
        self.receiver
            .receive(&strings.inlet, data, |event| match event {
                Event::Frame(string) => handler.string_received(strings, string),
                Event::Refused(_, why) => handler.string_refused(strings, &why),
                // There is no way into raw mode.
                Event::Raw(_) => {}
            });
    }
}

impl<F: StringFraming, H: StringHandler> Protocol for StringReceiver<F, H> {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        let strings = self.strings.insert(Strings::new::<F>(transport));
        self.handler.connection_made(strings);
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, data: &[u8]) {
        self.receive(data);
    }

    fn woken(&mut self, _transport: &Rc<dyn Transport>) {
        self.receive(&[]);
    }

    fn connection_lost(&mut self, reason: Failure) {
        self.handler.connection_lost(reason);
    }

    fn half_closeable(&mut self) -> Option<&mut dyn HalfCloseable> {
        let can = self.handler.half_closeable().is_some();
        can.then_some(self as _)
    }

    fn log_prefix(&self) -> String {
        self.handler.log_prefix()
    }
}

impl<F: StringFraming, H: StringHandler> HalfCloseable for StringReceiver<F, H> {
    fn read_connection_lost(&mut self, _transport: &Rc<dyn Transport>) {
        if let (Some(strings), Some(handler)) = (&self.strings, self.handler.half_closeable()) {
            handler.read_connection_lost(&strings.transport());
        }
    }

    fn write_connection_lost(&mut self, _transport: &Rc<dyn Transport>) {
        if let (Some(strings), Some(handler)) = (&self.strings, self.handler.half_closeable()) {
            handler.write_connection_lost(&strings.transport());
        }
    }
}

impl<F, H> fmt::Debug for StringReceiver<F, H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StringReceiver")
            .field("strings", &self.strings)
            .finish_non_exhaustive()
    }
}
