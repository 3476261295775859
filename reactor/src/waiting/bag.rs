//! What is due in the same few seconds.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::mem;
use std::ops::Bound;
use std::ptr;
use std::rc::Rc;
use std::time::Duration;

use super::{Due, DueInBag, LATE, Place, REMOVED, Waits, due_in_bag};

/// The things that are due in the time of a bag.
pub(super) enum Bag<T: ?Sized> {
    /// One thing, until it is taken out.
    Only(Option<Rc<T>>),
    /// In a box, as there may be a bag for each thing.
    Several(Box<Several<T>>),
}

/// Things in slots, each of which knows its own.
///
/// They are in no order until somebody asks for the first. Then they are sorted, once, and taken from the end.
pub(super) struct Several<T: ?Sized> {
    /// In order, what comes first is last. What is taken out leaves a gap, but there is none at the end.
    slots: Vec<Option<Rc<T>>>,
    gaps: usize,
    in_order: bool,
    /// What came when the slots were in order already. It has none.
    late: BTreeMap<DueInBag, Rc<T>>,
}

/// How many gaps there may be for each slot that is none, before they are closed.
///
/// All that are left are fetched then, to be told their slots: the more there may be, the fewer are left.
const MOST_GAPS: usize = 7;

impl<T: ?Sized + Waits> Bag<T> {
    /// A bag with one thing, in its slot 0.
    pub(super) fn new(only: Rc<T>) -> Self {
        only.place().slot.set(0);
        Self::Only(Some(only))
    }

    /// Puts a thing in, and says in which slot.
    #[inline]
    pub(super) fn insert(&mut self, thing: Rc<T>) -> u32 {
        self.several().insert(thing)
    }

    /// Takes out what has this place, if it is here; it was last seen in this slot.
    #[inline]
    pub(super) fn remove(&mut self, place: &Place, seen: u32) -> Option<Rc<T>> {
        match self {
            Self::Only(only) => only.take_if(|only| ptr::eq(only.place(), place)),
            Self::Several(several) => several.remove(place, seen),
        }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Only(only) => only.is_none(),
            Self::Several(several) => several.slots.is_empty() && several.late.is_empty(),
        }
    }

    /// When the first is due.
    pub(super) fn first(&mut self) -> Option<Due> {
        match self {
            Self::Only(only) => only.as_ref().map(|only| only.place().due()),
            Self::Several(several) => several.first(),
        }
    }

    /// When the first is due of those that are due later than at `time`.
    pub(super) fn first_after(&mut self, time: Duration) -> Option<Due> {
        self.several().first_after(time)
    }

    /// Takes out the first, if `wanted` wants what is due then.
    pub(super) fn take_first(&mut self, wanted: impl FnOnce(Due) -> bool) -> Option<Rc<T>> {
        match self {
            Self::Only(only) => only.take_if(|only| wanted(only.place().due())),
            Self::Several(several) => several.take_first(wanted),
        }
    }

    /// All of them, in order.
    pub(super) fn all(&self) -> Vec<Rc<T>> {
        let mut all: Vec<_> = match self {
            Self::Only(only) => only.iter().cloned().collect(),
            Self::Several(several) => several.all().cloned().collect(),
        };
        all.sort_unstable_by_key(|thing| thing.place().due());
        all
    }

    /// Makes room for several.
    fn several(&mut self) -> &mut Several<T> {
        if let Self::Only(only) = self {
            let mut several = Box::new(Several::default());
            if let Some(only) = only.take() {
                several.insert(only);
            }
            *self = Self::Several(several);
        }
        match self {
            Self::Several(several) => several,
            Self::Only(_) => unreachable!("it is for several now"),
        }
    }
}

impl<T: ?Sized + Waits> Several<T> {
    #[inline]
    fn insert(&mut self, thing: Rc<T>) -> u32 {
        let place = thing.place();
        if self.in_order {
            place.slot.set(LATE);
            self.late.insert(place.due_in_bag(), thing);
            LATE
        } else {
            let slot = set_slot(place, self.slots.len());
            self.slots.push(Some(thing));
            slot
        }
    }

    #[inline]
    fn remove(&mut self, place: &Place, seen: u32) -> Option<Rc<T>> {
        let removed = self.remove_from(seen, place);
        removed.or_else(|| match place.slot.get() {
            LATE => self.late.remove(&place.due_in_bag()),
            slot => self.remove_from(slot, place),
        })
    }

    /// Takes out what is in this slot, if it has this place.
    ///
    /// To know that, it asks where the place is, and nothing of what is there.
    #[inline]
    fn remove_from(&mut self, slot: u32, place: &Place) -> Option<Rc<T>> {
        let slot = self.slots.get_mut(slot as usize)?;
        let removed = slot.take_if(|thing| ptr::eq(thing.place(), place))?;
        self.gaps += 1;
        self.drop_last_gaps();
        if self.gaps > MOST_GAPS * (self.slots.len() - self.gaps) {
            self.give_gaps_back();
        }
        Some(removed)
    }

    fn first(&mut self) -> Option<Due> {
        self.order();
        let first = self.slots.last().and_then(Option::as_ref);
        sooner(first, self.late.values().next())
    }

    fn first_after(&mut self, time: Duration) -> Option<Due> {
        self.order();
        let then = due_in_bag(time.as_secs(), time.subsec_nanos(), u64::MAX);
        let mut later = self.slots.iter().rev().flatten();
        let first = later.find(|thing| thing.place().due_in_bag() > then);
        let mut late = self.late.range((Bound::Excluded(then), Bound::Unbounded));
        sooner(first, late.next().map(|(_, thing)| thing))
    }

    fn take_first(&mut self, wanted: impl FnOnce(Due) -> bool) -> Option<Rc<T>> {
        let first = self.first().filter(|first| wanted(*first))?;
        if let Some(late) = self.late.first_entry()
            && late.get().place().due() == first
        {
            return Some(late.remove());
        }
        let first = self.slots.pop()?;
        self.drop_last_gaps();
        first
    }

    fn all(&self) -> impl Iterator<Item = &Rc<T>> {
        self.slots.iter().flatten().chain(self.late.values())
    }

    /// Brings the slots in order.
    fn order(&mut self) {
        if mem::replace(&mut self.in_order, true) {
            return;
        }
        self.close_gaps();
        let due = |thing: &Rc<T>| Reverse(thing.place().due_in_bag());
        self.slots
            .sort_unstable_by_key(|slot| slot.as_ref().map(due));
        self.number();
    }

    /// Leaves no gap at the end.
    fn drop_last_gaps(&mut self) {
        while let Some(None) = self.slots.last() {
            self.slots.pop();
            self.gaps -= 1;
        }
    }

    /// Leaves no gap; the things do not know of their new slots yet.
    fn close_gaps(&mut self) {
        if self.gaps > 0 {
            self.slots.retain(Option::is_some);
            self.gaps = 0;
        }
    }

    /// Gives the memory of the gaps back.
    #[cold]
    fn give_gaps_back(&mut self) {
        self.close_gaps();
        self.slots.shrink_to_fit();
        self.number();
    }

    /// Tells the things their slots, when there are no gaps.
    fn number(&self) {
        for (slot, thing) in self.slots.iter().flatten().enumerate() {
            set_slot(thing.place(), slot);
        }
    }
}

impl<T: ?Sized> Default for Several<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            gaps: 0,
            in_order: false,
            late: BTreeMap::new(),
        }
    }
}

/// When that of the two is due which comes first.
fn sooner<T: ?Sized + Waits>(one: Option<&Rc<T>>, other: Option<&Rc<T>>) -> Option<Due> {
    let due = |thing: &Rc<T>| thing.place().due();
    match (one.map(due), other.map(due)) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Tells a thing its slot, and says which it is. What fills all that 32 bits can name takes hundreds of gigabytes.
fn set_slot(place: &Place, slot: usize) -> u32 {
    let slot = u32::try_from(slot).ok().filter(|slot| *slot < REMOVED);
    let slot = slot.expect("memory ends before the slots do");
    place.slot.set(slot);
    slot
}
