//! What waits for its time, in the order in which it is due.
//!
//! Most of what waits is cancelled or put off long before its time, so an order among all of it would be kept
//! in vain. Here, what is due in the same second is in a bag, and the bags are in a search tree. Only the bag
//! that comes first has its contents in order, from when somebody asks for the first of them: a search tree
//! too. All others are linked lists through the things themselves: what is put in or taken out there touches
//! its neighbours only, and takes no memory but its own.
//!
//! So it costs O(1), and the way to its bag, to wait and to be taken out before the bag has its turn; O(log n)
//! once more when it has. A bag in order stays so, also if an earlier one comes before it.
//!
//! *A wheel of timers with an exact order, and a tree in place of the wheel, so that no time is too far away;
//! after the hashed wheels of Varghese and Lauck, 1987.*

use std::cell::Cell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::iter;
use std::mem;
use std::ops::Bound;
use std::rc::Rc;
use std::time::Duration;

/// When something is due, and its number; what is due at the same time comes in the order of the numbers.
pub(crate) type Due = (Duration, u64);

/// What can wait. It may stand in one queue at a time.
pub(crate) trait Waits {
    fn links(&self) -> &Links<Self>;

    fn due(&self) -> &Cell<Due>;
}

/// The neighbours of a thing in a list.
pub(crate) struct Links<T: ?Sized> {
    /// The first in a list has none.
    previous: Cell<Option<Rc<T>>>,
    next: Cell<Option<Rc<T>>>,
}

impl<T: ?Sized> Links<T> {
    fn next(&self) -> Option<Rc<T>> {
        let next = self.next.take();
        self.next.set(next.clone());
        next
    }

    fn has_next(&self) -> bool {
        let next = self.next.take();
        let has_next = next.is_some();
        self.next.set(next);
        has_next
    }
}

impl<T: ?Sized> Default for Links<T> {
    fn default() -> Self {
        Self {
            previous: Cell::default(),
            next: Cell::default(),
        }
    }
}

/// Things that wait, each with a number of its own.
pub(crate) struct Waiting<T: ?Sized + Waits> {
    /// By the second; none is empty.
    bags: BTreeMap<u64, Bag<T>>,
}

/// When something is due within its second: the nanosecond, and the number.
type InSecond = (u32, u64);

/// What is due in the same second.
enum Bag<T: ?Sized> {
    /// The first of a list, which is in no order.
    Loose(Rc<T>),
    Ordered(BTreeMap<InSecond, Rc<T>>),
}

impl<T: ?Sized + Waits> Waiting<T> {
    /// Has `thing` wait until then; no other may have its number.
    pub(crate) fn insert(&mut self, due: Due, thing: Rc<T>) {
        thing.due().set(due);
        match self.bags.entry(second(due)) {
            Entry::Vacant(vacant) => {
                vacant.insert(Bag::Loose(thing));
            }
            Entry::Occupied(bag) => match bag.into_mut() {
                Bag::Loose(first) => {
                    let second = mem::replace(first, Rc::clone(&thing));
                    second.links().previous.set(Some(Rc::clone(&thing)));
                    thing.links().next.set(Some(second));
                }
                Bag::Ordered(things) => {
                    things.insert(in_second(due), thing);
                }
            },
        }
    }

    /// Takes out `thing`, if it is there.
    pub(crate) fn remove(&mut self, thing: &T) -> Option<Rc<T>> {
        let links = thing.links();
        if let Some(previous) = links.previous.take() {
            let next = links.next.take();
            if let Some(next) = &next {
                next.links().previous.set(Some(Rc::clone(&previous)));
            }
            return previous.links().next.replace(next);
        }
        let Entry::Occupied(mut bag) = self.bags.entry(second(thing.due().get())) else {
            return None;
        };
        match bag.get_mut() {
            Bag::Loose(first) => {
                debug_assert!(first.due().get() == thing.due().get(), "it is in no list");
                match links.next.take() {
                    Some(next) => {
                        next.links().previous.take();
                        Some(mem::replace(first, next))
                    }
                    None => bag.remove().into_only(),
                }
            }
            Bag::Ordered(things) => {
                let removed = things.remove(&in_second(thing.due().get()));
                if things.is_empty() {
                    bag.remove();
                }
                removed
            }
        }
    }

    /// When the first is due.
    pub(crate) fn first(&mut self) -> Option<Due> {
        let mut first = self.bags.first_entry()?;
        first.get_mut().first()
    }

    /// When the first is due of those that are due later than at `time`.
    pub(crate) fn first_after(&mut self, time: Duration) -> Option<Due> {
        let bags = self.bags.range_mut(time.as_secs()..);
        let mut first = bags.map(|(&second, bag)| match second == time.as_secs() {
            true => bag.first_after(time.subsec_nanos()),
            false => bag.first(),
        });
        first.find_map(|first| first)
    }

    /// Takes out the first, if `wanted` wants what is due then.
    pub(crate) fn take_first(&mut self, wanted: impl FnOnce(Due) -> bool) -> Option<Rc<T>> {
        let mut bag = self.bags.first_entry()?;
        bag.get_mut().first().filter(|first| wanted(*first))?;
        match bag.get_mut() {
            Bag::Loose(_) => bag.remove().into_only(),
            Bag::Ordered(things) => {
                let first = things.pop_first();
                if things.is_empty() {
                    bag.remove();
                }
                first.map(|(_, thing)| thing)
            }
        }
    }

    /// All that wait, in order.
    pub(crate) fn all(&self) -> Vec<Rc<T>> {
        let mut all = Vec::new();
        for bag in self.bags.values() {
            let begin = all.len();
            match bag {
                Bag::Loose(first) => all.extend(list(Rc::clone(first))),
                Bag::Ordered(things) => all.extend(things.values().cloned()),
            }
            all[begin..].sort_unstable_by_key(|thing| thing.due().get());
        }
        all
    }
}

impl<T: ?Sized + Waits> Bag<T> {
    /// When the first is due.
    fn first(&mut self) -> Option<Due> {
        match self {
            Self::Loose(only) if !only.links().has_next() => Some(only.due().get()),
            _ => self.order().values().next().map(|thing| thing.due().get()),
        }
    }

    /// When the first is due of those that are due later than at this nanosecond.
    fn first_after(&mut self, nanos: u32) -> Option<Due> {
        let later = (Bound::Excluded((nanos, u64::MAX)), Bound::Unbounded);
        let first = self.order().range(later).next();
        first.map(|(_, thing)| thing.due().get())
    }

    /// Brings it in order.
    fn order(&mut self) -> &mut BTreeMap<InSecond, Rc<T>> {
        if let Self::Loose(first) = self {
            let mut next = Some(Rc::clone(first));
            let things = iter::from_fn(|| {
                let thing = next.take()?;
                thing.links().previous.take();
                next = thing.links().next.take();
                Some((in_second(thing.due().get()), thing))
            });
            *self = Self::Ordered(things.collect());
        }
        match self {
            Self::Ordered(things) => things,
            Self::Loose(_) => unreachable!("it was brought in order"),
        }
    }

    /// The only one in a list.
    fn into_only(self) -> Option<Rc<T>> {
        match self {
            Self::Loose(only) => Some(only),
            Self::Ordered(_) => None,
        }
    }
}

impl<T: ?Sized + Waits> Default for Waiting<T> {
    fn default() -> Self {
        Self {
            bags: BTreeMap::new(),
        }
    }
}

impl<T: ?Sized + Waits> Drop for Waiting<T> {
    /// Neighbours own each other; somebody must part them.
    fn drop(&mut self) {
        while self.take_first(|_| true).is_some() {}
    }
}

fn second(due: Due) -> u64 {
    due.0.as_secs()
}

fn in_second(due: Due) -> InSecond {
    (due.0.subsec_nanos(), due.1)
}

/// The things in a list, from this one on.
fn list<T: ?Sized + Waits>(first: Rc<T>) -> impl Iterator<Item = Rc<T>> {
    iter::successors(Some(first), |thing| thing.links().next())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Thing {
        links: Links<Self>,
        due: Cell<Due>,
    }

    impl Waits for Thing {
        fn links(&self) -> &Links<Self> {
            &self.links
        }

        fn due(&self) -> &Cell<Due> {
            &self.due
        }
    }

    /// Numbers that are the same in each run. *Marsaglia's xorshift.*
    struct Random(u64);

    impl Random {
        fn below(&mut self, end: u64) -> u64 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            self.0 % end
        }
    }

    const HALF: Duration = Duration::from_millis(500);

    fn queue(dues: impl IntoIterator<Item = Due>) -> (Waiting<Thing>, Vec<Rc<Thing>>) {
        let mut waiting = Waiting::default();
        let insert = |due| {
            let thing = Rc::<Thing>::default();
            waiting.insert(due, Rc::clone(&thing));
            thing
        };
        let things = dues.into_iter().map(insert).collect();
        (waiting, things)
    }

    fn drain(waiting: &mut Waiting<Thing>) -> Vec<Due> {
        let all = iter::from_fn(|| waiting.take_first(|_| true));
        all.map(|thing| thing.due().get()).collect()
    }

    #[test]
    fn what_is_due_comes_by_time_and_then_by_number() {
        let (mut waiting, _things) =
            queue([(3 * HALF, 0), (HALF, 1), (2 * HALF, 3), (2 * HALF, 2)]);

        let all = drain(&mut waiting);

        assert_eq!(
            all,
            [(HALF, 1), (2 * HALF, 2), (2 * HALF, 3), (3 * HALF, 0)]
        );
    }

    #[test]
    fn what_is_not_wanted_stays() {
        let (mut waiting, _things) = queue([(HALF, 0)]);

        assert!(waiting.take_first(|due| due.1 != 0).is_none());

        assert_eq!(drain(&mut waiting), [(HALF, 0)]);
    }

    #[test]
    fn all_time_is_a_time_like_others() {
        let (mut waiting, _things) = queue([(Duration::MAX, 0), (Duration::ZERO, 1)]);

        let all = drain(&mut waiting);

        assert_eq!(all, [(Duration::ZERO, 1), (Duration::MAX, 0)]);
    }

    #[test]
    fn a_queue_that_is_dropped_drops_what_waits() {
        let (mut waiting, things) = queue((0..10).map(|n| (HALF * (n as u32 / 2), n)));
        waiting.first_after(2 * HALF);

        drop(waiting);

        assert!(things.iter().all(|thing| Rc::strong_count(thing) == 1));
    }

    #[test]
    fn it_does_what_a_search_tree_of_all_does() {
        for seed in 1..=200 {
            let mut random = Random(seed);
            let mut model = BTreeMap::new();
            let mut waiting = Waiting::<Thing>::default();
            let mut number = 0;
            for _ in 0..500 {
                let at = HALF * random.below(12) as u32 / (1 + random.below(3) as u32);
                match random.below(8) {
                    0..=2 => {
                        let thing = Rc::<Thing>::default();
                        waiting.insert((at, number), Rc::clone(&thing));
                        model.insert((at, number), thing);
                        number += 1;
                    }
                    kind @ 3..=4 => {
                        let nth = random.below(1 + model.len() as u64) as usize;
                        let Some((due, thing)) = model.iter().nth(nth) else {
                            continue;
                        };
                        let (due, thing) = (*due, Rc::clone(thing));
                        model.remove(&due);
                        let removed = waiting.remove(&thing).expect("it waits");
                        assert!(Rc::ptr_eq(&removed, &thing));
                        if kind == 4 {
                            waiting.insert((at, due.1), removed);
                            model.insert((at, due.1), thing);
                        }
                    }
                    5 => assert_eq!(waiting.first(), model.keys().next().copied()),
                    6 => {
                        let later = (Bound::Excluded((at, u64::MAX)), Bound::Unbounded);
                        let expected = model.range(later).next().map(|(due, _)| *due);
                        assert_eq!(waiting.first_after(at), expected);
                    }
                    _ => {
                        let first = waiting.take_first(|due| due.0 <= at);
                        let first = first.map(|thing| thing.due().get());
                        let expected = model.keys().next().copied().filter(|due| due.0 <= at);
                        assert_eq!(first, expected);
                        expected.map(|due| model.remove(&due));
                    }
                }
                let all: Vec<_> = waiting
                    .all()
                    .iter()
                    .map(|thing| thing.due().get())
                    .collect();
                assert!(all.iter().eq(model.keys()));
            }
            assert!(drain(&mut waiting).iter().eq(model.keys()));
            assert!(model.values().all(|thing| Rc::strong_count(thing) == 1));
        }
    }
}
