//! What a Deferred says of itself.

use std::fmt;

use crate::chain;
use crate::deferred::{Deferred, State};
use crate::failure::Failure;
use crate::node::Slot;

impl<T> Deferred<T> {
    /// What is known of the chain but its value: how it stands, and where it was made, if it did not begin with a result.
    pub(crate) fn state(&self) -> String {
        self.describe(|_value| String::from("succeeded"))
    }

    fn describe(&self, value: impl Fn(&T) -> String) -> String {
        let result = |result: &Result<T, Failure>| match result {
            Ok(it) => value(it),
            Err(failure) => format!("failed with {failure}"),
        };
        let waiting = || match self.source.get().and_then(chain::waits_for) {
            Some(other) => format!("waiting for the one made at {other}"),
            None => String::from("waiting"),
        };
        let state = match &self.state {
            State::Fired(it) => result(it),
            State::Waiting(node) => node.slot().look(|slot| match slot {
                Slot::Result(it) => result(it),
                _ => waiting(),
            }),
            State::Spent => String::from("spent"),
        };
        match self.source.get() {
            Some(source) if chain::is_paused(source) => {
                format!("{state}, paused, made at {}", chain::made(source))
            }
            Some(source) => format!("{state}, made at {}", chain::made(source)),
            None => state,
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Deferred<T> {
    /// Shows the result, or what the chain waits for, and where the chain was made, if it did not begin with a result.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Deferred({})",
            self.describe(|value| format!("succeeded with {value:?}"))
        )
    }
}
