//! Stacks of where chains are made and fired, recorded while somebody looks for a fault.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::frames::Frames;

static DEBUGGING: AtomicBool = AtomicBool::new(false);

/// Turns the recording of stacks on or off, for the chains of all threads that are made from now on.
///
/// While it is on, each chain keeps the stacks of where it was made and where it was first fired, and the
/// report of an unhandled failure shows them. It is off at first, and costs one test a chain then. The one line
/// where a chain was made is always known.
///
/// *Twisted's `setDebugging`.*
pub fn set_debugging(on: bool) {
    DEBUGGING.store(on, Ordering::Relaxed);
}

/// Whether the recording of stacks is on.
///
/// *Twisted's `getDebugging`.*
#[must_use]
pub fn debugging() -> bool {
    DEBUGGING.load(Ordering::Relaxed)
}

/// What is recorded of one chain.
#[derive(Debug, Clone)]
pub(crate) struct Record {
    made: Frames,
    fired: Option<Frames>,
}

impl Record {
    /// The record of a chain that is being made, if debugging is on.
    pub(crate) fn of_creation() -> Option<Box<Self>> {
        // No `then`: where nothing is inlined, its frame would stand between ours and the program's.
        if !debugging() {
            return None;
        }
        Some(Box::new(Self {
            made: Frames::capture(),
            fired: None,
        }))
    }

    /// Adds where the chain is being fired.
    pub(crate) fn fired_here(&mut self) {
        if self.fired.is_none() {
            self.fired = Some(Frames::capture());
        }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "\n  the chain was made at, innermost first:{}",
            self.made
        )?;
        if let Some(fired) = &self.fired {
            write!(f, "\n  and first fired at, innermost first:{fired}")?;
        }
        Ok(())
    }
}
