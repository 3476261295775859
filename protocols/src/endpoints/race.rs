//! Attempts that begin one after the other, of which the first to succeed counts.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::mem;
use std::rc::Rc;
use std::time::Duration;

use deferred::{CancelHandle, Deferred, Failure, Firer};
use reactor::{Clock, DelayedCall, Work};

/// Begins an attempt.
pub(super) type Begin<T> = Box<dyn FnOnce() -> Deferred<T>>;

/// Begins the attempts in order, and fires with what the first that succeeds gives; the others are cancelled.
///
/// The next one begins `delay` after the one before, which goes on meanwhile, or as soon as one has failed. When
/// all have failed, the Deferred fails as the last of them did. To cancel it cancels those that are under way, and no
/// more begin.
///
/// *RFC 8305, section 5. Twisted waits for the delay also if nothing is under way any more.*
pub(super) fn race<T: 'static>(
    clock: Rc<dyn Clock>,
    delay: Duration,
    attempts: impl IntoIterator<Item = Begin<T>>,
) -> Deferred<T> {
    let race = Rc::new(Race {
        clock,
        delay,
        firer: RefCell::new(None),
        waiting: RefCell::new(attempts.into_iter().collect()),
        pending: RefCell::default(),
        begun: Cell::new(0),
        next: RefCell::new(None),
    });
    let to_end = Rc::downgrade(&race);
    let (firer, deferred) = Deferred::with_canceller(move |_| {
        if let Some(race) = to_end.upgrade() {
            drop(race.end());
        }
    });
    *race.firer.borrow_mut() = Some(firer);
    race.go_on(None);
    deferred
}

/// A race that goes on for as long as it has its firer. Its attempts and its delayed call keep it.
struct Race<T: 'static> {
    clock: Rc<dyn Clock>,
    delay: Duration,
    firer: RefCell<Option<Firer<T>>>,
    /// Those that have not begun.
    waiting: RefCell<VecDeque<Begin<T>>>,
    /// Those that are under way, with their numbers.
    pending: RefCell<Vec<(usize, CancelHandle)>>,
    begun: Cell<usize>,
    /// Begins the next one.
    next: RefCell<Option<DelayedCall>>,
}

impl<T: 'static> Race<T> {
    /// Begins attempts until one has to be waited for; the last to fail before did so with this.
    fn go_on(self: &Rc<Self>, mut last: Option<Failure>) {
        self.stop_timer();
        loop {
            let next = self.waiting.borrow_mut().pop_front();
            let Some(begin) = next else { break };
            match begin().into_result() {
                Ok(Ok(value)) => return self.won(value),
                Ok(Err(failure)) => last = Some(failure),
                Err(attempt) => return self.wait_for(attempt),
            }
        }
        if let Some(failure) = last
            && self.pending.borrow().is_empty()
            && let Some(firer) = self.end()
        {
            firer.errback(failure);
        }
    }

    fn wait_for(self: &Rc<Self>, attempt: Deferred<T>) {
        let number = self.begun.get();
        self.begun.set(number + 1);
        let handle = attempt.cancel_handle();
        self.pending.borrow_mut().push((number, handle));
        let race = Rc::clone(self);
        attempt
            .add_both(move |result| race.ended(number, result))
            .log_failure("Unhandled error in an attempt");
        if !self.waiting.borrow().is_empty() {
            self.start_timer();
        }
    }

    /// One that was waited for has ended. If the race is over, it was cancelled for that.
    fn ended(self: Rc<Self>, number: usize, result: Result<T, Failure>) {
        if self.firer.borrow().is_none() {
            return;
        }
        self.pending.borrow_mut().retain(|(n, _)| *n != number);
        match result {
            Ok(value) => self.won(value),
            Err(failure) => self.go_on(Some(failure)),
        }
    }

    fn won(&self, value: T) {
        if let Some(firer) = self.end() {
            firer.callback(value);
        }
    }

    /// Ends the race, unless it is over, and gives what is to be fired then.
    fn end(&self) -> Option<Firer<T>> {
        let firer = self.firer.take()?;
        self.stop_timer();
        drop(self.waiting.take());
        let pending = mem::take(&mut *self.pending.borrow_mut());
        for (_, attempt) in pending {
            attempt.cancel();
        }
        Some(firer)
    }

    fn start_timer(self: &Rc<Self>) {
        let race = Rc::clone(self);
        let work = Work::new(move || {
            race.next.take();
            race.go_on(None);
        });
        let next = self.clock.schedule(self.delay, work);
        *self.next.borrow_mut() = Some(next);
    }

    fn stop_timer(&self) {
        let next = self.next.take();
        if let Some(next) = next {
            // A clock that has stopped has dropped it already.
            let _ = next.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
    use reactor::testing::TestClock;

    use super::*;

    const DELAY: Duration = Duration::from_millis(300);

    /// Why an attempt fails, by its number.
    #[derive(Debug, PartialEq, thiserror::Error)]
    #[error("attempt {0} has failed")]
    struct Failed(usize);

    /// Attempts that a test ends, with what was begun and cancelled.
    #[derive(Clone, Default)]
    struct Attempts {
        firers: Rc<RefCell<Vec<Option<Firer<usize>>>>>,
        cancelled: Rc<RefCell<Vec<usize>>>,
    }

    impl Attempts {
        fn attempt(&self, number: usize) -> Begin<usize> {
            let this = self.clone();
            Box::new(move || {
                let cancelled = Rc::clone(&this.cancelled);
                let (firer, deferred) =
                    Deferred::with_canceller(move |_| cancelled.borrow_mut().push(number));
                assert_eq!(this.begun(), number, "they begin in order");
                this.firers.borrow_mut().push(Some(firer));
                deferred
            })
        }

        fn race(&self, clock: &TestClock, count: usize) -> Deferred<usize> {
            let attempts: Vec<_> = (0..count).map(|number| self.attempt(number)).collect();
            race(Rc::new(clock.clone()), DELAY, attempts)
        }

        fn begun(&self) -> usize {
            self.firers.borrow().len()
        }

        fn firer(&self, number: usize) -> Firer<usize> {
            let firer = self.firers.borrow_mut()[number].take();
            firer.expect("it is ended once")
        }

        fn succeed(&self, number: usize) -> bool {
            self.firer(number).callback(number)
        }

        fn fail(&self, number: usize) {
            self.firer(number).errback(Failed(number));
        }
    }

    // E-020
    #[test]
    fn one_attempt_begins_after_each_delay_while_the_earlier_ones_go_on() {
        let (clock, attempts) = (TestClock::new(), Attempts::default());
        let race = attempts.race(&clock, 3);

        assert_eq!(attempts.begun(), 1);
        clock.advance(DELAY - Duration::from_millis(1));
        assert_eq!(attempts.begun(), 1);
        clock.advance(Duration::from_millis(1));
        assert_eq!(attempts.begun(), 2);
        clock.advance(DELAY);
        assert_eq!(attempts.begun(), 3);
        assert!(attempts.cancelled.borrow().is_empty());
        assert!(clock.delayed_calls().is_empty());
        assert_no_result(race).ignore();
    }

    // E-021
    #[test]
    fn the_first_to_succeed_wins_whatever_its_place_and_the_others_are_cancelled() {
        for winner in 0..3 {
            let (clock, attempts) = (TestClock::new(), Attempts::default());
            let race = attempts.race(&clock, 4);
            clock.advance(DELAY);
            clock.advance(DELAY);

            attempts.succeed(winner);

            assert_eq!(success_result_of(race), winner);
            let others: Vec<_> = (0..3).filter(|number| *number != winner).collect();
            assert_eq!(*attempts.cancelled.borrow(), others);
            assert!(clock.delayed_calls().is_empty());
            assert_eq!(attempts.begun(), 3);
        }
    }

    // E-021
    #[test]
    fn a_late_success_is_refused() {
        let (clock, attempts) = (TestClock::new(), Attempts::default());
        let race = attempts.race(&clock, 2);
        clock.advance(DELAY);
        attempts.succeed(1);

        assert!(!attempts.succeed(0));

        assert_eq!(success_result_of(race), 1);
    }

    // E-022
    #[test]
    fn it_fails_as_the_last_to_fail_did_and_not_before() {
        let (clock, attempts) = (TestClock::new(), Attempts::default());
        let race = attempts.race(&clock, 2);
        clock.advance(DELAY);

        attempts.fail(1);
        let race = assert_no_result(race);
        attempts.fail(0);

        let failure = failure_result_of::<Failed, _>(race);
        assert_eq!(failure.check(), Some(&Failed(0)));
    }

    // E-020
    #[test]
    fn a_failure_has_the_next_attempt_begin_at_once_and_the_delay_begin_anew() {
        let (clock, attempts) = (TestClock::new(), Attempts::default());
        let race = attempts.race(&clock, 3);
        clock.advance(DELAY / 2);

        attempts.fail(0);

        assert_eq!(attempts.begun(), 2);
        clock.advance(DELAY / 2);
        assert_eq!(attempts.begun(), 2);
        clock.advance(DELAY / 2);
        assert_eq!(attempts.begun(), 3);
        race.ignore();
    }

    #[test]
    fn cancelling_ends_all_that_is_under_way_and_begins_no_more() {
        let (clock, attempts) = (TestClock::new(), Attempts::default());
        let race = attempts.race(&clock, 3);
        clock.advance(DELAY);

        race.cancel();

        failure_result_of::<deferred::CancelledError, _>(race);
        assert_eq!(*attempts.cancelled.borrow(), [0, 1]);
        clock.advance(DELAY);
        assert_eq!(attempts.begun(), 2);
    }

    #[test]
    fn many_attempts_that_fail_at_once_take_no_stack() {
        let attempts = (0..100_000).map(|number| -> Begin<usize> {
            Box::new(move || Deferred::fail(Failure::without_backtrace(Failed(number))))
        });

        let race = race(Rc::new(TestClock::new()), DELAY, attempts);

        let failure = failure_result_of::<Failed, _>(race);
        assert_eq!(failure.check(), Some(&Failed(99_999)));
    }

    #[test]
    fn nothing_is_left_of_a_race_that_is_over() {
        let (clock, attempts) = (TestClock::new(), Attempts::default());
        let race = attempts.race(&clock, 3);
        clock.advance(DELAY);
        assert!(Rc::strong_count(&attempts.firers) > 1);

        attempts.succeed(1);

        success_result_of(race);
        assert_eq!(Rc::strong_count(&attempts.firers), 1);
    }
}
