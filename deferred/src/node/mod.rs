//! The nodes of a chain, and the loop that runs them.
//!
//! A chain is a row of nodes, each owned by the one before it:
//!
//! ```text
//!   Firer ───► Root ───► Link ───► Link ◄─── Deferred
//!             [slot]    [slot]    [slot]
//! ```
//!
//! The [`Root`] is what a firer fires; a [`Link`] is one closure that was added. Each node ends in a
//! *slot*, where its result is put. A slot is in one of these states:
//!
//! ```text
//!             a link is added                 a result comes
//!   Empty ────────────────────► Next(link) ───────────────────► (the link runs)
//!     │                                       a result comes
//!     ├───────────────────────────────────────────────────────► Result
//!     │  the closure of a node with a waiting end returned us     a result comes
//!     ├────────────────────────────────────────► Feeds(node) ────► (into that node's slot)
//!     │  the Deferred is dropped              a result comes
//!     └────────────────────────► Closed ──────────────────────► (dropped, or reported)
//! ```
//!
//! Three rules keep it flat:
//!
//! 1. **A node never runs its successor.** It hands over its result and names the node that is ready now;
//!    [`run`] is the loop that goes from one to the next, so a million links need no more stack than one.
//! 2. **A link whose closure returned a waiting Deferred leaves the row.** It moves what is in its own slot
//!    to the slot of the node that it now waits for. Only where a `Deferred` looks at it (its slot is
//!    `Empty`) does it stay, as the one place to which every later turn of a loop delivers (`Feeds`). The
//!    same slot leads over a [`Seam`], while a handle to cancel the returned Deferred is kept.
//! 3. **Nothing is borrowed while a closure runs.** What it needs is taken out of the node first.
//!
//! *Twisted keeps a list of callbacks in one object and walks it (`defer.py`, `_runCallbacks`); a typed
//! chain changes its type at every link, so here each link is a node. Handing on the successor is what
//! Scala calls promise linking and twitter-util `become`.*

mod link;
mod root;
mod seam;
mod slot;
mod trigger;

use std::rc::Rc;

use crate::chain::{self, Source};
use crate::failure::Failure;
use crate::firer::Abandoned;
use crate::list::FirstError;
use crate::report::{self, report};

pub(crate) use link::{Link, call};
pub(crate) use root::Root;
pub(crate) use seam::Seam;
pub(crate) use slot::{Slot, SlotCell};
pub(crate) use trigger::{Shot, Trigger, aim};

/// A node seen from behind: it has a slot.
pub(crate) trait Output<T> {
    fn slot(&self) -> &SlotCell<T>;

    /// Whether results may as well go past this node, unless a `Deferred` looks at it.
    fn is_idle(&self) -> bool {
        false
    }
}

/// A node seen from the front: it takes an input, and is then ready to run.
pub(crate) trait Sink<T> {
    fn accept(self: Rc<Self>, input: Result<T, Failure>) -> Rc<dyn Step>;
}

/// A node that has its input.
pub(crate) trait Step {
    /// Runs this node and returns the one that its result made ready, if any.
    fn step(self: Rc<Self>, run: &mut Run) -> Option<Rc<dyn Step>>;
}

/// What the loop knows besides the node that is ready.
pub(crate) struct Run {
    /// The source of the chain that is run now.
    source: Rc<dyn Source>,
    /// Nodes that have more than one chain to fire, to which the loop comes back when nothing else is ready.
    again: Vec<Rc<dyn Step>>,
}

impl Run {
    /// Goes on with another chain, which is fired with `result`, and returns the node that became ready there.
    pub(crate) fn go_on_in<T: 'static>(&mut self, shot: Shot<T>) -> Option<Rc<dyn Step>> {
        let root = shot.firer.into_root();
        self.source = root.clone();
        root.load(shot.result)
    }

    /// Lets `node` step again when all that follows from its step now has run.
    pub(crate) fn come_back_to(&mut self, node: Rc<dyn Step>) {
        self.again.push(node);
    }
}

// ANCHOR: run
/// Runs nodes of the chain of `source`, beginning with `ready`, until none is ready or the chain is paused.
pub(crate) fn run(mut ready: Option<Rc<dyn Step>>, source: Rc<dyn Source>) {
    let again = Vec::new();
    let mut run = Run { source, again };
    loop {
        while let Some(node) = ready {
            let Some(node) = chain::unless_paused(&run.source, node) else {
                break;
            };
            ready = node.step(&mut run);
        }
        let Some(node) = run.again.pop() else {
            return;
        };
        ready = node.step(&mut run);
    }
}
// ANCHOR_END: run

// ANCHOR: deliver
/// Puts `result`, of the chain of `source`, where `slot` says, and returns the node that became ready by it.
#[inline]
fn deliver<T>(
    slot: &SlotCell<T>,
    result: Result<T, Failure>,
    source: &Rc<dyn Source>,
) -> Option<Rc<dyn Step>> {
    match slot.take_next() {
        Some(sink) => Some(sink.accept(result)),
        None => deliver_to_end(slot, slot.show(result)?, source),
    }
}
// ANCHOR_END: deliver

/// Puts `result`, for which nobody waits at the slot itself, where the slot leads to.
fn deliver_to_end<T>(
    slot: &SlotCell<T>,
    mut result: Result<T, Failure>,
    source: &Rc<dyn Source>,
) -> Option<Rc<dyn Step>> {
    let mut state = slot.take();
    while let Slot::Feeds(next) = state {
        let slot = next.slot();
        if let Some(sink) = slot.take_next() {
            return Some(sink.accept(result));
        }
        result = slot.show(result)?;
        state = slot.take();
    }

    match state {
        Slot::Closed => dropped(result, source),
        _ => unreachable!("a slot gets one result"),
    }
    None
}

/// Ends the way of a result for which nobody came: a failure is never silent.
///
/// [`Abandoned`], of the chain or of a child of a list, is not worth a report here: both ends were given up.
fn dropped<T>(result: Result<T, Failure>, source: &Rc<dyn Source>) {
    match result {
        Ok(value) => {
            // A panic of the value's own drop must not come out of the call that fires the chain.
            if let Err(panic) = Failure::catch(|| drop(value)) {
                report("Unhandled error in a value that was dropped", &panic);
            }
        }
        Err(failure) if FirstError::behind(&failure).check::<Abandoned>().is_none() => {
            report::unhandled(&failure, Some(source));
        }
        Err(_) => {}
    }
}
