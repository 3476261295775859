//! What a chain waits for: the one thing that a cancel must find.
//!
//! All links that were added one after the other form one chain, though each has a node and a type of
//! its own. A chain waits for one source at a time: the one it began with, and after a callback
//! returned a Deferred that still waits, the source of that one. The node with the first source is the
//! chain's identity: everyone who may cancel holds it, and it is told what is waited for now.
//!
//! When chain *b* becomes part of chain *a*, the identity of *b* points to that of *a*, never the other
//! way round. A loop's turns, one joining after the other, thus all point to the one identity that
//! stays, and each goes when its turn is over.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::panic::Location;
use std::ptr;
use std::rc::{Rc, Weak};

use crate::cancel::{CancelHandle, Children};
use crate::debug::Record;
use crate::node::{self, Step};

/// The beginning of a chain, of whatever type.
pub(crate) trait Source {
    /// The chain that began here.
    fn chain(&self) -> &Chain;

    /// Cancels this source, if it has not fired; or says what is to be cancelled before [`cancelled`](Self::cancelled) is called.
    fn cancel(self: Rc<Self>) -> Option<Rc<Children>>;

    /// Goes on after what `cancel` has named was cancelled.
    fn cancelled(self: Rc<Self>, _first: Rc<Children>) {}
}

/// The identity of a chain; it stands in the chain's first [`Source`].
pub(crate) struct Chain {
    waits: RefCell<Waits>,
    /// How many guards hold the chain; of one that has become part of another, that other one knows it.
    pauses: Cell<u32>,
    /// The node that was ready to run when the chain was found paused.
    held: Cell<Option<Rc<dyn Step>>>,
    /// Whether it became part of another one and its result has gone on there: its handles are for nothing now.
    pub(crate) passed_on: Cell<bool>,
    /// Where the program made the chain.
    made: &'static Location<'static>,
    /// What is recorded besides while debugging is on.
    pub(crate) record: Cell<Option<Box<Record>>>,
}

/// What is noted when the program makes a chain: known before there is a node to write it into.
pub(crate) struct Made {
    place: &'static Location<'static>,
    record: Option<Box<Record>>,
}

impl Made {
    /// What there is to note of the call that makes a chain.
    #[track_caller]
    #[inline]
    pub(crate) fn here() -> Self {
        Self {
            place: Location::caller(),
            record: Record::of_creation(),
        }
    }
}

/// What a chain waits for.
enum Waits {
    /// The source that it began with.
    OwnSource,
    /// The source that it began with, which the chain of this one will fire.
    Forwarded(Weak<dyn Source>),
    /// A source that it met on its way.
    Other(Weak<dyn Source>),
    /// Whatever that chain waits for: it has become part of it.
    PartOf(Rc<dyn Source>),
    /// Nothing: it is running, or has a result.
    Nothing,
}

impl Chain {
    /// A chain that waits for the source in which it stands.
    #[inline]
    pub(crate) fn of_own_source(made: Made) -> Self {
        Self::waiting_for(Waits::OwnSource, made)
    }

    #[inline]
    fn waiting_for(waits: Waits, made: Made) -> Self {
        Self {
            waits: RefCell::new(waits),
            pauses: Cell::new(0),
            held: Cell::new(None),
            passed_on: Cell::new(false),
            made: made.place,
            record: Cell::new(made.record),
        }
    }

    fn set(&self, waits: Waits) {
        // The old value is dropped after the borrow has ended: it may be the last owner of a node.
        let _old = self.waits.replace(waits);
    }

    /// Makes the handles of this chain good for nothing, if it has become part of another one.
    pub(crate) fn pass_on(&self) {
        self.passed_on.set(self.outer().is_some());
    }

    fn outer(&self) -> Option<Rc<dyn Source>> {
        match &*self.waits.borrow() {
            Waits::PartOf(outer) => Some(Rc::clone(outer)),
            _ => None,
        }
    }
}

impl Drop for Chain {
    /// Takes a long row of chains, each part of the next, apart one by one instead of recursively.
    fn drop(&mut self) {
        let mut waits = self.waits.replace(Waits::Nothing);
        while let Waits::PartOf(outer) = waits {
            if Rc::strong_count(&outer) > 1 {
                break;
            }
            waits = outer.chain().waits.replace(Waits::Nothing);
        }
    }
}

/// The source that stands for the whole chain which `source` is part of now.
fn identity(source: &Rc<dyn Source>) -> Rc<dyn Source> {
    let Some(mut found) = source.chain().outer() else {
        return Rc::clone(source);
    };
    while let Some(outer) = found.chain().outer() {
        found = outer;
    }

    // Everyone on the way is pointed straight at it, so that the way is long only once.
    let mut on_the_way = Rc::clone(source);
    while let Some(next) = on_the_way.chain().outer() {
        if !same(&next, &found) {
            on_the_way.chain().set(Waits::PartOf(Rc::clone(&found)));
        }
        on_the_way = next;
    }
    found
}

fn same(a: &Rc<dyn Source>, b: &Rc<dyn Source>) -> bool {
    ptr::addr_eq(Rc::as_ptr(a), Rc::as_ptr(b))
}

/// Notes that the source that the chain of `source` waited for, which is this one, has fired.
pub(crate) fn fired(source: &Rc<dyn Source>) {
    let record = &source.chain().record;
    if let Some(mut recorded) = record.take() {
        recorded.fired_here();
        record.set(Some(recorded));
    }
    identity(source).chain().set(Waits::Nothing);
}

/// Notes that the chain that begins at `source` will be fired by the chain of `by`.
pub(crate) fn forwarded(source: &dyn Source, by: &Rc<dyn Source>) {
    let chain = source.chain();
    if matches!(*chain.waits.borrow(), Waits::OwnSource) {
        chain.set(Waits::Forwarded(Rc::downgrade(by)));
    }
}

/// Makes the chain of `inner` part of the chain of `outer`, which now waits for what `inner` waits for.
///
/// Returns `false`, and changes nothing, if they are one chain already: it would wait for itself.
pub(crate) fn join(outer: &Rc<dyn Source>, inner: &Rc<dyn Source>) -> bool {
    let (outer, inner) = (identity(outer), identity(inner));
    if same(&outer, &inner) {
        return false;
    }
    let waits = match inner
        .chain()
        .waits
        .replace(Waits::PartOf(Rc::clone(&outer)))
    {
        Waits::OwnSource | Waits::Forwarded(_) => Waits::Other(Rc::downgrade(&inner)),
        waits => waits,
    };
    outer.chain().set(waits);

    let (outer, inner) = (outer.chain(), inner.chain());
    outer.pauses.set(outer.pauses.get() + inner.pauses.take());
    if let Some(held) = inner.held.take() {
        // The outer chain holds nothing itself: it is running, or has a result.
        outer.held.set(Some(held));
    }
    true
}

thread_local! {
    /// How many guards this thread has. There are none most of the time, and no chain need be asked then.
    static GUARDS: Cell<usize> = const { Cell::new(0) };
}

/// Gives `node` back if the chain of `source` runs; keeps it for later if the chain is paused.
#[inline]
pub(crate) fn unless_paused(source: &Rc<dyn Source>, node: Rc<dyn Step>) -> Option<Rc<dyn Step>> {
    if !is_paused(source) {
        return Some(node);
    }
    hold(source, node);
    None
}

/// Keeps `node`, which is ready to run, until the chain of `source` is not paused any more.
pub(crate) fn hold(source: &Rc<dyn Source>, node: Rc<dyn Step>) {
    identity(source).chain().held.set(Some(node));
}

/// Whether a guard holds the chain of `source`.
#[inline]
pub(crate) fn is_paused(source: &Rc<dyn Source>) -> bool {
    // A thread that ends may have no count any more; then the chain is asked.
    let guards = GUARDS.try_with(Cell::get).unwrap_or(1);
    guards > 0 && identity(source).chain().pauses.get() > 0
}

/// Holds the chain of `source` until the guard is dropped.
pub(crate) fn pause(source: &Rc<dyn Source>) -> Pause {
    let identity = identity(source);
    let pauses = &identity.chain().pauses;
    pauses.set(pauses.get() + 1);
    let _ = GUARDS.try_with(|guards| guards.set(guards.get() + 1));
    Pause {
        source: Rc::clone(source),
    }
}

/// Keeps a chain from running: nothing of it runs until every guard is gone.
///
/// Made by [`Deferred::pause`](crate::Deferred::pause). When the last guard of a chain is dropped, what could
/// have run meanwhile runs, inside that drop. A guard that is owned by a link of its own chain waits for
/// itself for ever.
///
/// *Twisted counts calls of `pause` and `unpause`, where the count can go wrong.*
#[must_use = "the chain runs again when the guard is dropped"]
pub struct Pause {
    source: Rc<dyn Source>,
}

impl Drop for Pause {
    fn drop(&mut self) {
        let source = identity(&self.source);
        let chain = source.chain();
        chain.pauses.set(chain.pauses.get() - 1);
        let _ = GUARDS.try_with(|guards| guards.set(guards.get() - 1));
        if chain.pauses.get() == 0 {
            let held = chain.held.take();
            node::run(held, source);
        }
    }
}

impl fmt::Debug for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pause").finish_non_exhaustive()
    }
}

/// Where the program made the chain that `source` is part of now.
pub(crate) fn made(source: &Rc<dyn Source>) -> &'static Location<'static> {
    identity(source).chain().made
}

/// What was recorded of the chain that `source` is part of now, if debugging was on.
pub(crate) fn record(source: &Rc<dyn Source>) -> Option<Record> {
    let identity = identity(source);
    let record = &identity.chain().record;
    let recorded = record.take();
    let copy = recorded.as_deref().cloned();
    record.set(recorded);
    copy
}

/// Where the program made the chain that the chain of `source` waits for, if that is another one.
pub(crate) fn waits_for(source: &Rc<dyn Source>) -> Option<&'static Location<'static>> {
    match &*identity(source).chain().waits.borrow() {
        Waits::Other(other) | Waits::Forwarded(other) => {
            other.upgrade().map(|other| other.chain().made)
        }
        _ => None,
    }
}

/// Cancels what the chain of `source` waits for now, if anything.
///
/// Chains that cancel others are gone through by a loop, so that a tower of lists needs no more stack than one.
pub(crate) fn cancel(source: &Rc<dyn Source>) {
    let mut begun = Vec::new();
    begin_to_cancel(source, &mut begun);
    while let Some(Begun {
        source,
        first,
        next,
    }) = begun.last_mut()
    {
        match first.get(*next).map(CancelHandle::source) {
            Some(child) => {
                *next += 1;
                if let Some(child) = child {
                    begin_to_cancel(&child, &mut begun);
                }
            }
            None => {
                let (source, first) = (Rc::clone(source), Rc::clone(first));
                begun.pop();
                source.cancelled(first);
            }
        }
    }
}

/// A source whose children are being cancelled.
struct Begun {
    source: Rc<dyn Source>,
    first: Rc<Children>,
    next: usize,
}

fn begin_to_cancel(source: &Rc<dyn Source>, begun: &mut Vec<Begun>) {
    let source = identity(source);
    let waited_for = match &*source.chain().waits.borrow() {
        Waits::OwnSource | Waits::Forwarded(_) => Some(Rc::clone(&source)),
        Waits::Other(other) => other.upgrade(),
        Waits::PartOf(_) | Waits::Nothing => None,
    };
    if let Some(source) = waited_for
        && let Some(first) = Rc::clone(&source).cancel()
    {
        let next = 0;
        begun.push(Begun {
            source,
            first,
            next,
        });
    }
}

/// The identity of a chain that began with a result: there is no source to wait for.
pub(crate) struct Resultant(Chain);

impl Resultant {
    #[track_caller]
    pub(crate) fn source() -> Rc<dyn Source> {
        Rc::new(Self(Chain::waiting_for(Waits::Nothing, Made::here())))
    }
}

impl Source for Resultant {
    fn chain(&self) -> &Chain {
        &self.0
    }

    fn cancel(self: Rc<Self>) -> Option<Rc<Children>> {
        None
    }
}
