//! Where a returned chain ends and the chain that returned it goes on.

use std::rc::Rc;

use super::{Output, Slot, SlotCell};
use crate::chain::Source;
use crate::deferred::Deferred;

/// The end of a chain that was returned by a link while somebody had a handle to cancel it.
///
/// The two chains are one now, but the handle is for its first part only. This node holds the identity of
/// that part until its result has gone past, and so keeps the handle good for whatever the returned
/// chain comes to wait for, and for nothing that comes after it.
pub(crate) struct Seam<T> {
    slot: SlotCell<T>,
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
                slot: SlotCell::new(),
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

impl<T> Drop for Seam<T> {
    /// Its result has gone past. A firer that came too late may still keep the source, and so the handle, alive.
    fn drop(&mut self) {
        self.source.chain().pass_on();
    }
}

impl<T> Output<T> for Seam<T> {
    fn slot(&self) -> &SlotCell<T> {
        &self.slot
    }

    fn is_idle(&self) -> bool {
        Rc::weak_count(&self.source) == 0
    }
}

impl<T> Slot<T> {
    /// What stands behind the nodes here that are there for nobody any more.
    pub(super) fn past_idle_nodes(mut self) -> Self {
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
