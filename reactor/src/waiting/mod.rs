//! What waits for its time, in the order in which it is due.
//!
//! Most of what waits is cancelled or put off long before its time, so an order among all of it would be kept
//! in vain. Here, what is due in the same four seconds is in a bag, and the bags are in a search tree. Only the bag
//! that comes first has its contents in order, from when somebody asks for the first of them. In all others, things
//! are in slots, in no order.
//!
//! A million things are far apart in memory, and what is fetched from there is what they cost. So whoever has
//! a thing wait is told its bag and its slot, and says them when it is to be taken out. The thing and its slot are
//! then fetched at the same time, and nothing is looked for. A linked list would have both neighbours fetched too,
//! and not before the thing has said which they are. Slots change when a bag is brought in order, or gives memory
//! back; so each thing knows its own, for when it is not where it was.
//!
//! It costs O(1), and the way to its bag, to wait, and O(1) to be taken out before the bag has its turn; O(log n)
//! once more when it has. A bag in order stays so, also if an earlier one comes before it. What is taken out is
//! given back at once, but for its slot, of two pointers: of these, a bag keeps a few empty ones at most for each
//! that is not.
//!
//! *A wheel of timers with an exact order, and a tree in place of the wheel, so that no time is too far away;
//! after the hashed wheels of Varghese and Lauck, 1987.*

mod bag;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::rc::Rc;
use std::time::Duration;

use slab::Slab;

use bag::Bag;

/// When something is due, and its number; what is due at the same time comes in the order of the numbers.
pub(crate) type Due = (Duration, u64);

/// When something is due within the time of its bag, in nanoseconds, and its number.
type DueInBag = (u32, u64);

/// How many seconds a bag is for.
///
/// The more they are, the fewer bags there are to be found, and the more that will be cancelled is brought in order
/// all the same. Four are the most whose nanoseconds fit into 32 bits.
const SECONDS: u64 = 4;

/// What can wait. It may stand in one queue at a time.
pub(crate) trait Waits {
    /// Its own, which is part of it: what has the same place is the same thing.
    fn place(&self) -> &Place;
}

/// Where a thing stands in the queue.
///
/// What would be a [`Due`] is in parts here, and its bag is found by its time, so that it is small.
pub(crate) struct Place {
    second: Cell<u64>,
    number: Cell<u64>,
    nanosecond: Cell<u32>,
    /// Its slot in the bag for its time; or [`LATE`], [`TAKEN`] or [`REMOVED`], which are none.
    slot: Cell<u32>,
}

/// The slot of what came late to a bag in order, and waits outside the slots.
const LATE: u32 = u32::MAX;

/// The slot of what has been [taken](Standing::Taken).
const TAKEN: u32 = u32::MAX - 1;

/// The slot of what has been [removed](Standing::Removed).
const REMOVED: u32 = u32::MAX - 2;

/// Where a thing was at some time: in a bag, in a slot there. If it is there no longer, another may be.
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    bag: u32,
    slot: u32,
}

impl Spot {
    /// Where nothing ever is.
    pub(crate) const UNKNOWN: Self = Self {
        bag: u32::MAX,
        slot: u32::MAX,
    };
}

/// What has become of a thing.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Waits,
    /// It was the first, and was taken out as such.
    Taken,
    /// It was taken out before its turn, or never waited.
    Removed,
}

impl Place {
    /// When the thing is due, or was.
    pub(crate) fn due(&self) -> Due {
        let time = Duration::new(self.second.get(), self.nanosecond.get());
        (time, self.number.get())
    }

    /// Which of all the bags that there may be is for this time.
    const fn span(&self) -> u64 {
        self.second.get() / SECONDS
    }

    /// When the thing is due within the time of its bag.
    const fn due_in_bag(&self) -> DueInBag {
        due_in_bag(self.second.get(), self.nanosecond.get(), self.number.get())
    }

    /// What has become of the thing.
    pub(crate) fn standing(&self) -> Standing {
        match self.slot.get() {
            TAKEN => Standing::Taken,
            REMOVED => Standing::Removed,
            _ => Standing::Waits,
        }
    }

    /// Keeps when the thing is due.
    fn set_due(&self, (time, number): Due) {
        self.second.set(time.as_secs());
        self.nanosecond.set(time.subsec_nanos());
        self.number.set(number);
    }
}

impl Default for Place {
    fn default() -> Self {
        Self {
            second: Cell::default(),
            number: Cell::default(),
            nanosecond: Cell::default(),
            slot: Cell::new(REMOVED),
        }
    }
}

/// Things that wait, each with a number of its own.
pub(crate) struct Waiting<T: ?Sized> {
    /// By number; none is empty.
    bags: Slab<Bag<T>>,
    /// The numbers of the bags, by their times.
    spans: BTreeMap<u64, u32>,
}

impl<T: ?Sized + Waits> Waiting<T> {
    /// Has `thing` wait until then, and says where; no other may have its number.
    pub(crate) fn insert(&mut self, due: Due, thing: Rc<T>) -> Spot {
        let place = thing.place();
        place.set_due(due);
        match self.spans.entry(place.span()) {
            Entry::Vacant(vacant) => {
                let bag = u32::try_from(self.bags.vacant_key());
                let bag = bag.expect("memory ends before the bags do");
                vacant.insert(bag);
                self.bags.insert(Bag::new(thing));
                Spot { bag, slot: 0 }
            }
            Entry::Occupied(bag) => {
                let bag = *bag.get();
                let slot = self.bags[bag as usize].insert(thing);
                Spot { bag, slot }
            }
        }
    }

    /// Takes out what has this place, if it waits; it was last seen in this spot.
    #[inline]
    pub(crate) fn remove(&mut self, place: &Place, seen: Spot) -> Option<Rc<T>> {
        self.remove_from(seen.bag, place, seen.slot).or_else(|| {
            let bag = *self.spans.get(&place.span())?;
            self.remove_from(bag, place, place.slot.get())
        })
    }

    /// Takes out what has this place, if it is in this bag; it was last seen in this slot.
    #[inline]
    fn remove_from(&mut self, number: u32, place: &Place, seen: u32) -> Option<Rc<T>> {
        let bag = self.bags.get_mut(number as usize)?;
        let removed = bag.remove(place, seen)?;
        place.slot.set(REMOVED);
        if bag.is_empty() {
            self.spans.remove(&place.span());
            self.drop_bag(number);
        }
        Some(removed)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// When the first is due.
    pub(crate) fn first(&mut self) -> Option<Due> {
        let (_, first) = self.spans.first_key_value()?;
        self.bags[*first as usize].first()
    }

    /// When the first is due of those that are due later than at `time`.
    pub(crate) fn first_after(&mut self, time: Duration) -> Option<Due> {
        let now = time.as_secs() / SECONDS;
        let bags = self.spans.range(now..);
        let mut first = bags.map(|(&span, &bag)| match span == now {
            true => self.bags[bag as usize].first_after(time),
            false => self.bags[bag as usize].first(),
        });
        first.find_map(|first| first)
    }

    /// Takes out the first as the one whose turn it is, if `wanted` wants what is due then.
    pub(crate) fn take_first(&mut self, wanted: impl FnOnce(Due) -> bool) -> Option<Rc<T>> {
        self.pop_first(TAKEN, wanted)
    }

    /// Takes out the first before its turn.
    pub(crate) fn remove_first(&mut self) -> Option<Rc<T>> {
        self.pop_first(REMOVED, |_| true)
    }

    /// Takes out the first, which then has this for a slot.
    fn pop_first(&mut self, slot: u32, wanted: impl FnOnce(Due) -> bool) -> Option<Rc<T>> {
        let number = *self.spans.first_key_value()?.1;
        let bag = &mut self.bags[number as usize];
        let first = bag.take_first(wanted)?;
        first.place().slot.set(slot);
        if bag.is_empty() {
            self.spans.pop_first();
            self.drop_bag(number);
        }
        Some(first)
    }

    /// Drops an empty bag. Its number stays for another one, at three pointers, until all are empty.
    fn drop_bag(&mut self, number: u32) {
        self.bags.remove(number as usize);
        // For a queue that now has one thing and now none, some are kept.
        if self.bags.is_empty() && self.bags.capacity() > 4 {
            self.bags = Slab::with_capacity(4);
        }
    }

    /// All that wait, in order.
    pub(crate) fn all(&self) -> Vec<Rc<T>> {
        let bags = self.spans.values().map(|bag| &self.bags[*bag as usize]);
        bags.flat_map(Bag::all).collect()
    }
}

impl<T: ?Sized> Default for Waiting<T> {
    fn default() -> Self {
        Self {
            bags: Slab::new(),
            spans: BTreeMap::new(),
        }
    }
}

/// When something is due within the time of its bag, which is as long as four seconds.
const fn due_in_bag(second: u64, nanosecond: u32, number: u64) -> DueInBag {
    let nanosecond = (second % SECONDS) as u32 * 1_000_000_000 + nanosecond;
    (nanosecond, number)
}

#[cfg(test)]
mod tests {
    use std::iter;
    use std::ops::Bound;

    use super::*;

    #[derive(Default)]
    struct Thing {
        place: Place,
        /// Where it was at first.
        seen: Cell<Option<Spot>>,
    }

    impl Thing {
        fn seen(&self) -> Spot {
            self.seen.get().unwrap_or(Spot::UNKNOWN)
        }
    }

    impl Waits for Thing {
        fn place(&self) -> &Place {
            &self.place
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
            let spot = waiting.insert(due, Rc::clone(&thing));
            thing.seen.set(Some(spot));
            thing
        };
        let things = dues.into_iter().map(insert).collect();
        (waiting, things)
    }

    fn drain(waiting: &mut Waiting<Thing>) -> Vec<Due> {
        let all = iter::from_fn(|| waiting.take_first(|_| true));
        all.map(|thing| thing.place().due()).collect()
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
    fn what_is_left_of_many_comes_in_order() {
        let mut random = Random(1);
        let dues = (0..1000).map(|n| (HALF + Duration::from_nanos(random.below(1_000_000)), n));
        let mut dues: Vec<_> = dues.collect();
        let (mut waiting, mut things) = queue(dues.iter().copied());

        while things.len() > 100 {
            let thing = things.swap_remove(random.below(things.len() as u64) as usize);
            let removed = waiting.remove(thing.place(), thing.seen());
            assert!(removed.is_some_and(|removed| Rc::ptr_eq(&removed, &thing)));
            dues.retain(|due| *due != thing.place().due());
        }

        dues.sort_unstable();
        assert_eq!(drain(&mut waiting), dues);
    }

    #[test]
    fn what_is_put_off_once_all_are_in_order_comes_at_its_new_time() {
        let (mut waiting, things) = queue((0..10).map(|n| (HALF, n)));
        assert_eq!(waiting.first(), Some((HALF, 0)));

        for (n, thing) in (0..10).zip(&things) {
            let removed = waiting.remove(thing.place(), thing.seen());
            let removed = removed.expect("it waits");
            // Half of them to where they were.
            waiting.insert((HALF * (1 + n as u32 % 2), n), removed);
        }

        let all = drain(&mut waiting);
        let numbers: Vec<_> = all.into_iter().map(|(_, number)| number).collect();
        assert_eq!(numbers, [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]);
    }

    #[test]
    fn what_is_taken_out_knows_why() {
        let (mut waiting, things) = queue([(HALF, 0), (HALF, 1), (HALF, 2), (HALF, 3)]);

        waiting.take_first(|_| true);
        waiting.remove_first();
        waiting.remove(things[2].place(), things[2].seen());

        let standings = things.iter().map(|thing| thing.place().standing());
        let removed = Standing::Removed;
        assert!(standings.eq([Standing::Taken, removed, removed, Standing::Waits]));
    }

    #[test]
    fn what_is_no_longer_where_it_was_seen_is_found() {
        let (mut waiting, things) = queue((0..100).map(|n| (HALF, n)));
        let (first, last) = (&things[0], &things[99]);
        // The others' slots are given back, and what is left has the first ones.
        for thing in &things[1..99] {
            waiting.remove(thing.place(), thing.seen());
        }

        // Where it was is another one now.
        let removed = waiting.remove(last.place(), first.seen());

        assert!(removed.is_some_and(|removed| Rc::ptr_eq(&removed, last)));
        assert_eq!(drain(&mut waiting), [(HALF, 0)]);
    }

    #[test]
    fn what_is_in_another_bag_than_it_was_seen_in_is_found() {
        let (mut waiting, things) = queue([(HALF, 0), (100 * HALF, 1)]);
        let [sooner, later] = &things[..] else {
            panic!("there are two");
        };

        let removed = waiting.remove(sooner.place(), later.seen());

        assert!(removed.is_some_and(|removed| Rc::ptr_eq(&removed, sooner)));
        assert_eq!(drain(&mut waiting), [(100 * HALF, 1)]);
    }

    #[test]
    fn what_does_not_wait_is_not_taken_out_for_another_that_waits_where_it_did() {
        let (mut waiting, things) = queue([(HALF, 0)]);
        let gone = &things[0];
        waiting.remove(gone.place(), gone.seen());
        let other = Rc::<Thing>::default();
        let spot = waiting.insert((HALF, 1), Rc::clone(&other));
        assert_eq!((spot.bag, spot.slot), (gone.seen().bag, gone.seen().slot));

        let removed = waiting.remove(gone.place(), gone.seen());

        assert!(removed.is_none());
        assert_eq!(drain(&mut waiting), [(HALF, 1)]);
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
                        let spot = waiting.insert((at, number), Rc::clone(&thing));
                        thing.seen.set(Some(spot));
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
                        let removed = waiting.remove(thing.place(), thing.seen());
                        let removed = removed.expect("it waits");
                        assert!(Rc::ptr_eq(&removed, &thing));
                        if kind == 4 {
                            // Where it was at first is all that it knows.
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
                        let first = first.map(|thing| thing.place().due());
                        let expected = model.keys().next().copied().filter(|due| due.0 <= at);
                        assert_eq!(first, expected);
                        expected.map(|due| model.remove(&due));
                    }
                }
                let all: Vec<_> = waiting
                    .all()
                    .iter()
                    .map(|thing| thing.place().due())
                    .collect();
                assert!(all.iter().eq(model.keys()));
            }
            assert!(drain(&mut waiting).iter().eq(model.keys()));
            assert!(model.values().all(|thing| Rc::strong_count(thing) == 1));
        }
    }
}
