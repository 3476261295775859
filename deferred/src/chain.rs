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

use std::cell::RefCell;
use std::ptr;
use std::rc::{Rc, Weak};

/// The beginning of a chain, of whatever type.
pub(crate) trait Source {
    /// The chain that began here.
    fn chain(&self) -> &Chain;

    /// Cancels this source, if it has not fired.
    fn cancel(self: Rc<Self>);
}

/// The identity of a chain; it stands in the chain's first [`Source`].
pub(crate) struct Chain {
    waits: RefCell<Waits>,
}

/// What a chain waits for.
enum Waits {
    /// The source that it began with.
    OwnSource,
    /// A source that it met on its way.
    Other(Weak<dyn Source>),
    /// Whatever that chain waits for: it has become part of it.
    PartOf(Rc<dyn Source>),
    /// Nothing: it is running, or has a result.
    Nothing,
}

impl Chain {
    pub(crate) fn of_own_source() -> Self {
        Self {
            waits: RefCell::new(Waits::OwnSource),
        }
    }

    fn set(&self, waits: Waits) {
        // The old value is dropped after the borrow has ended: it may be the last owner of a node.
        let _old = self.waits.replace(waits);
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

/// Notes that the source that the chain of `source` waited for has fired.
pub(crate) fn waits_no_more(source: &Rc<dyn Source>) {
    identity(source).chain().set(Waits::Nothing);
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
        Waits::OwnSource => Waits::Other(Rc::downgrade(&inner)),
        waits => waits,
    };
    outer.chain().set(waits);
    true
}

/// Cancels what the chain of `source` waits for now, if anything.
pub(crate) fn cancel(source: &Rc<dyn Source>) {
    let source = identity(source);
    let waited_for = match &*source.chain().waits.borrow() {
        Waits::OwnSource => Some(Rc::clone(&source)),
        Waits::Other(other) => other.upgrade(),
        Waits::PartOf(_) | Waits::Nothing => None,
    };
    if let Some(waited_for) = waited_for {
        waited_for.cancel();
    }
}

/// The identity of a chain that began with a result: there is no source to wait for.
pub(crate) struct Resultant(Chain);

impl Resultant {
    pub(crate) fn source() -> Rc<dyn Source> {
        Rc::new(Self(Chain {
            waits: RefCell::new(Waits::Nothing),
        }))
    }
}

impl Source for Resultant {
    fn chain(&self) -> &Chain {
        &self.0
    }

    fn cancel(self: Rc<Self>) {}
}
