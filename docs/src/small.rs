//! A small Deferred, made of nothing: shown by the book's chapter of that name.
//!
//! It is here to be understood, not to be used: it recurses, and says nothing of failures that are dropped.

use std::cell::RefCell;
use std::error::Error;
use std::rc::Rc;

// ANCHOR: state
/// What comes down a chain.
pub type Outcome<T> = Result<T, Box<dyn Error>>;

/// What the two ends share.
enum State<T> {
    /// Neither a result nor anybody who wants it.
    Empty,
    /// Somebody wants the result.
    Wanted(Box<dyn FnOnce(Outcome<T>)>),
    /// The result is there.
    Fired(Outcome<T>),
}

/// The end that gives the result.
#[expect(missing_debug_implementations, reason = "there are closures in it")]
pub struct Firer<T>(Rc<RefCell<State<T>>>);

/// The end that wants it.
#[expect(missing_debug_implementations, reason = "there are closures in it")]
pub struct Deferred<T>(Rc<RefCell<State<T>>>);

/// Makes the two ends.
#[must_use]
pub fn pair<T>() -> (Firer<T>, Deferred<T>) {
    let state = Rc::new(RefCell::new(State::Empty));
    (Firer(Rc::clone(&state)), Deferred(state))
}
// ANCHOR_END: state

// ANCHOR: meet
impl<T> Firer<T> {
    /// Gives the result: to the one who wants it, or else to whoever will.
    pub fn fire(self, result: Outcome<T>) {
        let found = self.0.replace(State::Empty);
        match found {
            State::Wanted(wants) => wants(result),
            _ => *self.0.borrow_mut() = State::Fired(result),
        }
    }
}

impl<T> Deferred<T> {
    /// Calls `wants` with the result: now, if it is there, or else when it comes.
    pub fn when_fired(self, wants: impl FnOnce(Outcome<T>) + 'static) {
        let found = self.0.replace(State::Empty);
        match found {
            State::Fired(result) => wants(result),
            _ => *self.0.borrow_mut() = State::Wanted(Box::new(wants)),
        }
    }
}
// ANCHOR_END: meet

// ANCHOR: both
impl<T: 'static> Deferred<T> {
    /// Adds a link: what `f` makes of the result is the next result.
    pub fn add_both<U: 'static>(
        self,
        f: impl FnOnce(Outcome<T>) -> Outcome<U> + 'static,
    ) -> Deferred<U> {
        let (firer, next) = pair();
        self.when_fired(move |result| firer.fire(f(result)));
        next
    }
}
// ANCHOR_END: both

// ANCHOR: lines
impl<T: 'static> Deferred<T> {
    /// Adds a link to the callback line; a failure passes it by.
    pub fn add_callback<U: 'static>(
        self,
        f: impl FnOnce(T) -> Outcome<U> + 'static,
    ) -> Deferred<U> {
        self.add_both(|result| result.and_then(f))
    }

    /// Adds a link to the errback line; a value passes it by.
    pub fn add_errback(self, f: impl FnOnce(Box<dyn Error>) -> Outcome<T> + 'static) -> Self {
        self.add_both(|result| result.or_else(f))
    }
}
// ANCHOR_END: lines

// ANCHOR: chain
impl<T: 'static> Deferred<T> {
    /// Adds a callback that needs time itself: the chain waits for the Deferred that it returns.
    pub fn and_wait<U: 'static>(self, f: impl FnOnce(T) -> Deferred<U> + 'static) -> Deferred<U> {
        let (firer, next) = pair();
        self.when_fired(move |result| match result {
            Ok(value) => f(value).when_fired(move |result| firer.fire(result)),
            Err(error) => firer.fire(Err(error)),
        });
        next
    }
}
// ANCHOR_END: chain

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::ptr;

    use super::*;

    /// What a chain has come to; it must have come.
    fn result_of<T: 'static>(chain: Deferred<T>) -> Outcome<T> {
        let place = Rc::new(Cell::new(None));
        let there = Rc::clone(&place);
        chain.when_fired(move |result| there.set(Some(result)));
        place.take().expect("the chain has a result")
    }

    // ANCHOR: test
    #[test]
    fn it_makes_no_difference_who_comes_first() {
        let (firer, early) = pair();
        let early = early.add_callback(|n: u32| Ok(n + 1));
        firer.fire(Ok(1));

        let (firer, late) = pair();
        firer.fire(Ok(1));
        let late = late.add_callback(|n: u32| Ok(n + 1));

        assert_eq!(result_of(early).unwrap(), 2);
        assert_eq!(result_of(late).unwrap(), 2);
    }
    // ANCHOR_END: test

    #[test]
    fn an_errback_puts_the_chain_back_on_the_callback_line() {
        let (firer, number) = pair::<&str>();
        let chain = number
            .add_callback(|text| Ok(text.parse::<u32>()?))
            .add_errback(|_| Ok(0))
            .add_callback(|n| Ok(n + 1));

        firer.fire(Ok("three"));

        assert_eq!(result_of(chain).unwrap(), 1);
    }

    #[test]
    fn a_chain_waits_for_the_deferred_that_a_callback_returned() {
        let (inner_firer, inner) = pair::<u32>();
        let (outer_firer, outer) = pair::<u32>();
        let chain = outer.and_wait(move |_| inner).add_callback(|n| Ok(n * 2));

        outer_firer.fire(Ok(0));
        inner_firer.fire(Ok(21));

        assert_eq!(result_of(chain).unwrap(), 42);
    }

    // ANCHOR: depth
    /// Where on the stack the function that calls this one is, roughly.
    fn place_on_the_stack() -> usize {
        let here = 0_u8;
        ptr::from_ref(&here).addr()
    }

    #[test]
    fn each_link_runs_deeper_on_the_stack_than_the_one_before_it() {
        let (first, last) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let (firer, mut chain) = pair::<u32>();
        for number in 0..1000 {
            let place = Rc::clone(if number == 0 { &first } else { &last });
            chain = chain.add_callback(move |n| {
                place.set(place_on_the_stack());
                Ok(n + 1)
            });
        }

        firer.fire(Ok(0));

        let grown = first.get().abs_diff(last.get());
        assert!(grown > 1000 * 64, "{grown} bytes for 1000 links");
    }
    // ANCHOR_END: depth

    #[test]
    fn the_links_of_the_real_one_all_run_at_the_same_depth() {
        let (first, last) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let (firer, mut chain) = protocols::deferred::Deferred::<u32>::new();
        for number in 0..1000 {
            let place = Rc::clone(if number == 0 { &first } else { &last });
            chain = chain.map(move |n| {
                place.set(place_on_the_stack());
                n + 1
            });
        }
        chain.ignore();

        firer.callback(0);

        assert_eq!(first.get(), last.get());
    }
}
