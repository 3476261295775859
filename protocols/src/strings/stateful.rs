//! Strings that mean something else at each step.

use std::fmt;

use deferred::Failure;

use crate::HalfCloseable;
use crate::protocol::short_name;

use super::{StringError, StringHandler, Strings};

/// What is to be done with the next string: a method of the handler, or nothing, since the conversation is over.
///
/// ```
/// use protocols::strings::{NetstringReceiver, State, Stateful, StatefulHandler, Strings};
///
/// #[derive(Default)]
/// struct Login {
///     name: Vec<u8>,
/// }
///
/// impl StatefulHandler for Login {
///     const FIRST: State<Self> = State::then(Self::name);
/// }
///
/// impl Login {
///     fn name(&mut self, _strings: &Strings, name: &[u8]) -> State<Self> {
///         self.name = name.to_vec();
///         State::then(Self::password)
///     }
///
///     fn password(&mut self, strings: &Strings, password: &[u8]) -> State<Self> {
///         if password != b"open sesame" {
///             return State::then(Self::name);
///         }
///         strings.write(b"7:welcome,");
///         State::DONE
///     }
/// }
///
/// let receiver = NetstringReceiver::new(Stateful::new(Login::default()));
/// # let _ = receiver;
/// ```
///
/// *The word that a method of Twisted's `StatefulStringProtocol` returns, by which the next method is looked up; a
/// state that there is no method for does not compile here.*
pub struct State<H>(Option<Step<H>>);

/// A method of a handler that is called with one string.
type Step<H> = fn(&mut H, &Strings, &[u8]) -> State<H>;

impl<H> State<H> {
    /// The conversation is over: the connection is lost, and nothing is received any more.
    pub const DONE: Self = Self(None);

    /// The next string goes to this method.
    pub const fn then(step: fn(&mut H, &Strings, &[u8]) -> Self) -> Self {
        Self(Some(step))
    }
}

impl<H> Clone for State<H> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<H> Copy for State<H> {}

impl<H> fmt::Debug for State<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Some(_) => "then(..)",
            None => "DONE",
        })
    }
}

/// What is done with the strings of one connection, by a method for each state.
pub trait StatefulHandler: Sized + 'static {
    /// What is done with the first string.
    const FIRST: State<Self>;

    /// Like [`StringHandler::connection_made`].
    fn connection_made(&mut self, strings: &Strings) {
        let _ = strings;
    }

    /// Like [`StringHandler::string_refused`].
    fn string_refused(&mut self, strings: &Strings, why: &StringError) {
        let _ = why;
        strings.lose_connection();
    }

    /// Like [`StringHandler::connection_lost`].
    fn connection_lost(&mut self, reason: Failure) {
        let _ = reason;
    }

    /// Like [`StringHandler::half_closeable`].
    fn half_closeable(&mut self) -> Option<&mut dyn HalfCloseable> {
        None
    }
}

/// A handler that remembers which method of another one the next string goes to.
///
/// *Twisted's `StatefulStringProtocol`.*
pub struct Stateful<H> {
    handler: H,
    state: State<H>,
}

impl<H: StatefulHandler> Stateful<H> {
    /// A handler whose first string goes to [`StatefulHandler::FIRST`].
    pub const fn new(handler: H) -> Self {
        Self {
            handler,
            state: H::FIRST,
        }
    }
}

impl<H: StatefulHandler> StringHandler for Stateful<H> {
    fn connection_made(&mut self, strings: &Strings) {
        self.handler.connection_made(strings);
    }

    fn string_received(&mut self, strings: &Strings, string: &[u8]) {
        if let State(Some(step)) = self.state {
            self.state = step(&mut self.handler, strings, string);
        }
        if self.state.0.is_none() {
            strings.lose_connection();
        }
    }

    fn string_refused(&mut self, strings: &Strings, why: &StringError) {
        self.handler.string_refused(strings, why);
    }

    fn connection_lost(&mut self, reason: Failure) {
        self.handler.connection_lost(reason);
    }

    fn half_closeable(&mut self) -> Option<&mut dyn HalfCloseable> {
        self.handler.half_closeable()
    }

    fn log_prefix(&self) -> String {
        short_name::<H>()
    }
}

impl<H> fmt::Debug for Stateful<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stateful")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}
