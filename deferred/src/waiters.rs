//! Those who wait for their turn, in order.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use crate::{Deferred, Failure, Firer};

/// Chains that wait for something, the one that has waited longest first; one that is cancelled leaves.
pub(crate) struct Waiters<T: 'static> {
    waiting: RefCell<BTreeMap<u64, Firer<T>>>,
    /// What the outermost [`hand_out`](Self::hand_out) still has to do.
    served: RefCell<VecDeque<Served<T>>>,
    made: Cell<u64>,
    /// Whether something is being handed out now.
    handing_out: Cell<bool>,
}

/// Something that was promised while something else was being handed out.
enum Served<T: 'static> {
    /// The waiter of this number gets this thing.
    Given(u64, Firer<T>, T),
    /// This chain goes on after those before it.
    Resumed(Firer<()>),
}

impl<T: 'static> Waiters<T> {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            waiting: RefCell::default(),
            served: RefCell::default(),
            made: Cell::new(0),
            handing_out: Cell::new(false),
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.waiting.borrow().len()
    }

    /// A chain that waits from now on.
    #[track_caller]
    pub(crate) fn wait(self: &Rc<Self>) -> Deferred<T> {
        let number = self.made.get();
        self.made.set(number + 1);
        let waiters = Rc::downgrade(self);
        let (firer, deferred) = Deferred::with_canceller(move |firer| {
            let Some(waiters) = waiters.upgrade() else {
                return;
            };
            if let Some(thing) = waiters.take_served(number) {
                // It has what it waited for; it is too late to give that up.
                firer.callback(thing);
            } else {
                let own = waiters.waiting.borrow_mut().remove(&number);
                drop(own);
            }
        });
        self.waiting.borrow_mut().insert(number, firer);
        deferred
    }

    /// Takes out what was promised to the waiter of this number, whose own firer is of no use any more.
    fn take_served(&self, number: u64) -> Option<T> {
        let mut served = self.served.borrow_mut();
        let is_its = |served: &Served<T>| matches!(served, Served::Given(to, ..) if *to == number);
        let index = served.iter().position(is_its)?;
        let taken = served.remove(index);
        drop(served);
        match taken {
            Some(Served::Given(_, _own, thing)) => Some(thing),
            _ => None,
        }
    }

    /// Gives `thing` to the one who has waited longest; or back, if nobody waits.
    ///
    /// What a callback of theirs hands out in turn is promised at once, and given by the outermost call of
    /// this, in its loop: a million who wait, each of whom passes on what it got, need no more stack
    /// than one.
    pub(crate) fn hand_out(&self, thing: T) -> Option<T> {
        let first = self.waiting.borrow_mut().pop_first();
        let Some((number, firer)) = first else {
            return Some(thing);
        };
        self.served
            .borrow_mut()
            .push_back(Served::Given(number, firer, thing));
        if self.handing_out.replace(true) {
            return None;
        }
        loop {
            let next = self.served.borrow_mut().pop_front();
            match next {
                Some(Served::Given(_, firer, thing)) => firer.callback(thing),
                Some(Served::Resumed(firer)) => firer.callback(()),
                None => break,
            };
        }
        self.handing_out.set(false);
        None
    }

    /// A chain that ends with `result`, after all those to whom something was promised by now have had their turn.
    pub(crate) fn after_those_served<U: 'static>(&self, result: Result<U, Failure>) -> Deferred<U> {
        if !self.handing_out.get() {
            return Deferred::from_result(result);
        }
        let (firer, turn) = Deferred::with_canceller(|firer| {
            firer.callback(());
        });
        self.served.borrow_mut().push_back(Served::Resumed(firer));
        turn.add_callback(move |()| result)
    }
}
