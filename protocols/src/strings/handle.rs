//! Where strings go out.

use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use crate::framing::Inlet;
use crate::{Flow, Transport};

use super::{Envelope, StringFraming};

/// A handle to a connection on which strings are spoken: where they go out, and whether they come in.
///
/// Clones are handles to the same connection, to be used later, from anywhere on the reactor's thread. Everything
/// that a [`Transport`] can do is done to it directly: `strings.pause_producing()`, `strings.lose_connection()`.
/// While it is paused nothing is delivered, what has come already included. Once it is stopped, or its connection is
/// being ended from here, nothing is any more. No method calls the handler.
#[derive(Clone)]
pub struct Strings {
    pub(super) inlet: Rc<Inlet>,
    envelope: fn(usize) -> Result<Envelope, StringTooLong>,
}

impl Strings {
    pub(super) fn new<F: StringFraming>(transport: &Rc<dyn Transport>) -> Self {
        Self {
            inlet: Inlet::new(transport),
            envelope: F::envelope,
        }
    }

    /// Sends a string, in the way in which the receiver receives them.
    ///
    /// # Errors
    ///
    /// If its length cannot be written in that way. Then nothing is sent.
    pub fn send_string(&self, string: &[u8]) -> Result<Flow, StringTooLong> {
        let envelope = (self.envelope)(string.len())?;
        let parts = [envelope.head(), string, envelope.tail()];
        Ok(self.inlet.write_vectored(&parts))
    }

    /// The connection, as something that others may write to, or, as a producer, slow down.
    #[must_use]
    pub fn transport(&self) -> Rc<dyn Transport> {
        Rc::clone(&self.inlet) as _
    }
}

impl Deref for Strings {
    type Target = dyn Transport;

    fn deref(&self) -> &Self::Target {
        &*self.inlet
    }
}

impl fmt::Debug for Strings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Strings")
            .field("peer", &self.inlet.peer())
            .finish_non_exhaustive()
    }
}

/// A string is longer than can be said in front of it.
///
/// *Twisted's `StringTooLongError`.*
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot send a string of {length} bytes where {most} is the most that can be announced")]
pub struct StringTooLong {
    /// How long it is.
    pub length: usize,
    /// How long it might be.
    pub most: u64,
}
