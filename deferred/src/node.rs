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
//! 3. **Nothing is borrowed while a closure runs.** All state is taken out of a `Cell` first.
//!
//! *Twisted keeps a list of callbacks in one object and walks it (`defer.py`, `_runCallbacks`); a typed
//! chain changes its type at every link, so here each link is a node. Handing on the successor is what
//! Scala calls promise linking and twitter-util `become`.*

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use crate::chain::{self, Chain, Source};
use crate::deferred::{Deferred, Settled};
use crate::failure::{Failure, Origin};
use crate::firer::{Abandoned, Canceller, Firer};
use crate::{CancelledError, CircularChain, report};

/// Where a node puts its result. The drawing above shows how the states follow each other.
#[derive(Default)]
pub(crate) enum Slot<T> {
    /// No result yet, and no link added yet: a `Deferred` looks at this node.
    Empty,
    /// No result yet; it will be this link's input.
    Next(Rc<dyn Sink<T>>),
    /// No result yet; it will be put into this node's slot instead.
    Feeds(Rc<dyn Output<T>>),
    /// The result, waiting for the `Deferred` that looks at this node.
    Result(Result<T, Failure>),
    /// Nobody will come for a result.
    #[default]
    Closed,
}

/// A node seen from behind: it has a slot.
pub(crate) trait Output<T> {
    fn slot(&self) -> &Cell<Slot<T>>;

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
    ///
    /// `source` is the source of the chain that this run belongs to.
    fn step(self: Rc<Self>, source: &Rc<dyn Source>) -> Option<Rc<dyn Step>>;
}

/// Runs nodes of the chain of `source`, beginning with `ready`, until none is ready.
fn run(mut ready: Option<Rc<dyn Step>>, source: &Rc<dyn Source>) {
    while let Some(node) = ready {
        ready = node.step(source);
    }
}

/// Puts `result` where `slot` says, and returns the node that became ready by it.
#[inline]
fn deliver<T>(slot: &Cell<Slot<T>>, result: Result<T, Failure>) -> Option<Rc<dyn Step>> {
    let mut state = slot.take();
    let mut end = None::<Rc<dyn Output<T>>>;
    while let Slot::Feeds(next) = state {
        state = next.slot().take();
        end = Some(next);
    }

    match state {
        Slot::Next(sink) => return Some(sink.accept(result)),
        Slot::Empty => end
            .as_deref()
            .map_or(slot, Output::slot)
            .set(Slot::Result(result)),
        Slot::Closed => dropped(result),
        Slot::Feeds(_) | Slot::Result(_) => unreachable!("a slot gets one result"),
    }
    None
}

/// Ends the way of a result for which nobody came: a failure is never silent.
///
/// [`Abandoned`] alone is not worth a report here: both ends of the chain were given up.
fn dropped<T>(result: Result<T, Failure>) {
    if let Err(failure) = result
        && failure.check::<Abandoned>().is_none()
    {
        report::unhandled(&failure);
    }
}

/// The first node of a chain, the one that a [`Firer`] fires.
pub(crate) struct Root<T: 'static> {
    slot: Cell<Slot<T>>,
    chain: Chain,
    state: Cell<Firing>,
    canceller: Cell<Option<Canceller<T>>>,
}

/// How far the firing of a [`Root`] has come.
#[derive(Clone, Copy, PartialEq)]
enum Firing {
    Unfired,
    /// The canceller is running; a firer that is dropped now does not mean [`Abandoned`].
    Cancelling,
    Fired,
}

impl<T: 'static> Root<T> {
    pub(crate) fn new(canceller: Option<Canceller<T>>) -> Rc<Self> {
        Rc::new(Self {
            slot: Cell::new(Slot::Empty),
            chain: Chain::of_own_source(),
            state: Cell::new(Firing::Unfired),
            canceller: Cell::new(canceller),
        })
    }

    /// Fires the chain and runs what is ready; returns whether this was the first firing.
    pub(crate) fn fire(self: Rc<Self>, result: Result<T, Failure>) -> bool {
        if self.state.replace(Firing::Fired) == Firing::Fired {
            return false;
        }
        drop(self.canceller.take());
        let source: Rc<dyn Source> = self.clone();
        chain::waits_no_more(&source);
        run(deliver(&self.slot, result), &source);
        true
    }

    /// Fires with [`Abandoned`] if nothing else did, or is about to.
    pub(crate) fn abandon(self: Rc<Self>) {
        if self.state.get() == Firing::Unfired {
            self.fire(Err(Failure::raised_nowhere(Abandoned)));
        }
    }
}

impl<T: 'static> Output<T> for Root<T> {
    fn slot(&self) -> &Cell<Slot<T>> {
        &self.slot
    }
}

impl<T: 'static> Source for Root<T> {
    fn chain(&self) -> &Chain {
        &self.chain
    }

    fn cancel(self: Rc<Self>) {
        if self.state.get() != Firing::Unfired {
            return;
        }
        let mut failure = None;
        if let Some(canceller) = self.canceller.take() {
            self.state.set(Firing::Cancelling);
            let firer = Firer::new(self.clone());
            failure = Failure::catch(|| canceller(firer)).err();
        }
        if self.state.get() != Firing::Fired {
            let failure = failure.unwrap_or_else(|| Failure::raised_nowhere(CancelledError));
            self.fire(Err(failure));
        } else if let Some(failure) = failure {
            report("Unhandled error in a canceller", &failure);
        }
    }
}

/// One closure of a chain, with its input when that has come, and the slot for what it returns.
pub(crate) struct Link<T, U, F> {
    work: Cell<Option<F>>,
    input: Cell<Option<Result<T, Failure>>>,
    slot: Cell<Slot<U>>,
    origin: Origin,
}

impl<T, U, F> Link<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T, Failure>) -> Settled<U> + 'static,
{
    pub(crate) fn new(work: F, origin: Origin) -> Rc<Self> {
        Rc::new(Self {
            work: Cell::new(Some(work)),
            input: Cell::new(None),
            slot: Cell::new(Slot::Empty),
            origin,
        })
    }

    /// Leaves the row: what this node's slot holds now waits for `node` instead.
    fn hand_on(self: Rc<Self>, node: &dyn Output<U>) {
        let behind = match self.slot.take() {
            Slot::Empty => {
                self.slot.set(Slot::Empty);
                Slot::Feeds(self)
            }
            behind => behind.past_idle_nodes(),
        };
        node.slot().set(behind);
    }
}

impl<T> Slot<T> {
    /// What stands behind the nodes here that are there for nobody any more.
    fn past_idle_nodes(mut self) -> Self {
        while let Self::Feeds(node) = &self
            && node.is_idle()
        {
            match node.slot().take() {
                Self::Empty => {
                    node.slot().set(Self::Empty);
                    break;
                }
                behind => self = behind,
            }
        }
        self
    }
}

/// The end of a chain that was returned by a link while somebody had a handle to cancel it.
///
/// The two chains are one now, but the handle is for its first part only. This node holds the identity of
/// that part until its result has gone past, and so keeps the handle good for whatever the returned
/// chain comes to wait for, and for nothing that comes after it.
pub(crate) struct Seam<T> {
    slot: Cell<Slot<T>>,
    source: Rc<dyn Source>,
}

impl<T: 'static> Seam<T> {
    /// The seam that `inner`, which waits, needs when it is returned by a link: none if it has no handles.
    ///
    /// To be called before the chain of `inner` is joined to another: only its handles are weak then.
    pub(crate) fn behind(inner: &Deferred<T>) -> Option<Rc<Self>> {
        let source = inner.source();
        (Rc::weak_count(source) > 0).then(|| {
            Rc::new(Self {
                slot: Cell::new(Slot::Empty),
                source: Rc::clone(source),
            })
        })
    }

    /// Puts this seam, if there is one, behind `last`, and returns what is the last node now.
    pub(crate) fn after(last: Rc<dyn Output<T>>, seam: Option<Rc<Self>>) -> Rc<dyn Output<T>> {
        match seam {
            Some(seam) => {
                last.slot().set(Slot::Feeds(seam.clone()));
                seam
            }
            None => last,
        }
    }
}

impl<T> Output<T> for Seam<T> {
    fn slot(&self) -> &Cell<Slot<T>> {
        &self.slot
    }

    fn is_idle(&self) -> bool {
        Rc::weak_count(&self.source) == 0
    }
}

impl<T, U, F> Output<U> for Link<T, U, F> {
    fn slot(&self) -> &Cell<Slot<U>> {
        &self.slot
    }
}

impl<T, U, F> Sink<T> for Link<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T, Failure>) -> Settled<U> + 'static,
{
    fn accept(self: Rc<Self>, input: Result<T, Failure>) -> Rc<dyn Step> {
        self.input.set(Some(input));
        self
    }
}

impl<T, U, F> Step for Link<T, U, F>
where
    T: 'static,
    U: 'static,
    F: FnOnce(Result<T, Failure>) -> Settled<U> + 'static,
{
    fn step(self: Rc<Self>, source: &Rc<dyn Source>) -> Option<Rc<dyn Step>> {
        let (work, input) = (self.work.take()?, self.input.take()?);
        match call(work, input, self.origin) {
            Ok(result) => deliver(&self.slot, result),
            Err(inner) => {
                let seam = Seam::behind(&inner);
                if !chain::join(source, inner.source()) {
                    drop(inner);
                    return deliver(&self.slot, Err(Failure::raised_nowhere(CircularChain)));
                }
                self.hand_on(&*Seam::after(inner.into_node(), seam));
                None
            }
        }
    }
}

/// Runs the closure of a link: a panic becomes a failure, and a failure is marked as having come this way.
#[inline]
pub(crate) fn call<T, U>(
    work: impl FnOnce(Result<T, Failure>) -> Settled<U>,
    input: Result<T, Failure>,
    origin: Origin,
) -> Settled<U> {
    let mut settled = catch_unwind(AssertUnwindSafe(|| work(input)))
        .unwrap_or_else(|payload| Ok(Err(Failure::from_panic(payload))));
    if let Ok(Err(failure)) = &mut settled {
        failure.passed(origin);
    }
    settled
}
