//! Solutions to those exercises of the book that ask for code.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::Duration;

use protocols::deferred::{Deferred, DeferredSemaphore, Failure, Firer, gather};
use protocols::policies::Timeout;
use protocols::reactor::backend::{Backend, Event, Interest, Key};
use protocols::reactor::task::sleep;
use protocols::reactor::testing::TestClock;
use protocols::reactor::{Clock, DelayedCall};
use protocols::{Protocol, Transport};

use crate::small;

// ANCHOR: quiet
/// Calls `f` when nobody has made any noise for a while.
#[derive(Debug)]
pub struct Quiet {
    call: DelayedCall,
    patience: Duration,
}

impl Quiet {
    /// Begins to listen.
    pub fn new(clock: &TestClock, patience: Duration, f: impl FnOnce() + 'static) -> Self {
        let call = clock.call_later(patience, move |_| f());
        Self { call, patience }
    }

    /// Begins anew; without effect when it was quiet long enough already.
    pub fn noise(&self) {
        let _ = self.call.reset(self.patience);
    }
}
// ANCHOR_END: quiet

// ANCHOR: or-else
/// The value of a chain, or this one if the error was an `E`.
pub fn or_if<E: std::error::Error + 'static, T: 'static>(
    chain: Deferred<T>,
    otherwise: T,
) -> Deferred<T> {
    chain.add_errback(move |failure| {
        failure.trap::<E>()?;
        Ok(otherwise)
    })
}
// ANCHOR_END: or-else

// ANCHOR: retry
/// Tries until it succeeds; between two attempts it waits for the next of these delays. When there is no other
/// delay, the last failure is the result.
pub fn retry<T, C>(
    clock: &C,
    delays: impl IntoIterator<Item = Duration>,
    attempt: impl FnMut() -> Deferred<T> + 'static,
) -> Deferred<T>
where
    T: 'static,
    C: Clock + Clone + 'static,
{
    try_on(clock.clone(), delays.into_iter().collect(), attempt)
}

fn try_on<T: 'static>(
    clock: impl Clock + Clone + 'static,
    mut delays: VecDeque<Duration>,
    mut attempt: impl FnMut() -> Deferred<T> + 'static,
) -> Deferred<T> {
    attempt().add_errback(move |failure| match delays.pop_front() {
        None => Deferred::fail(failure),
        Some(delay) => sleep(&clock, delay).add_callback(move |()| try_on(clock, delays, attempt)),
    })
}
// ANCHOR_END: retry

// ANCHOR: retry-async
/// The same as a coroutine: what moved from turn to turn are its variables.
///
/// # Errors
///
/// The last attempt's failure.
pub async fn retry_async<T: 'static>(
    clock: &impl Clock,
    delays: impl IntoIterator<Item = Duration>,
    mut attempt: impl FnMut() -> Deferred<T>,
) -> Result<T, Failure> {
    for delay in delays {
        if let Ok(value) = attempt().await {
            return Ok(value);
        }
        sleep(clock, delay).await?;
    }
    attempt().await
}
// ANCHOR_END: retry-async

// ANCHOR: impatient
/// Loses its connection when the peer has said nothing for this long.
const PATIENCE: Duration = Duration::from_secs(10);

/// A protocol that does not wait for ever.
#[derive(Debug)]
pub struct Impatient<C> {
    clock: C,
    silence: Option<Timeout>,
}

impl<C: Clock + Clone + 'static> Impatient<C> {
    /// Reads the time from this clock.
    pub fn new(clock: &C) -> Self {
        Self {
            clock: clock.clone(),
            silence: None,
        }
    }
}

impl<C: Clock + Clone + 'static> Protocol for Impatient<C> {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        let silence = Timeout::closing(self.clock.clone(), transport);
        silence.set(Some(PATIENCE));
        self.silence = Some(silence);
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {
        if let Some(silence) = &self.silence {
            silence.reset();
        }
    }
}
// ANCHOR_END: impatient

// ANCHOR: download
/// A download that ends, when it is given up, with what has arrived.
pub fn download(arrived: &Rc<RefCell<Vec<u8>>>) -> (Firer<Vec<u8>>, Deferred<Vec<u8>>) {
    let arrived = Rc::clone(arrived);
    Deferred::with_canceller(move |firer: Firer<Vec<u8>>| {
        firer.callback(arrived.take());
    })
}
// ANCHOR_END: download

// ANCHOR: at-most
/// Does all of this work, so much of it at a time.
pub fn at_most<T: 'static, W: FnOnce() -> Deferred<T> + 'static>(
    limit: &DeferredSemaphore,
    work: impl IntoIterator<Item = W>,
) -> Deferred<Vec<T>> {
    gather(
        work.into_iter()
            .map(|work| limit.run(work))
            .collect::<Vec<_>>(),
    )
}
// ANCHOR_END: at-most

// ANCHOR: all-or-none
/// Waits for all; at the first failure, cancels the others.
pub fn all_or_none<T: 'static>(children: Vec<Deferred<T>>) -> Deferred<Vec<T>> {
    let handles: Vec<_> = children.iter().map(Deferred::cancel_handle).collect();
    gather(children).add_errback(move |failure| {
        handles.iter().for_each(|handle| handle.cancel());
        Err(failure)
    })
}
// ANCHOR_END: all-or-none

// ANCHOR: small-gather
/// Waits for two small Deferreds.
#[must_use]
pub fn both<A: 'static, B: 'static>(
    a: small::Deferred<A>,
    b: small::Deferred<B>,
) -> small::Deferred<(A, B)> {
    a.and_wait(move |a| b.add_callback(move |b| Ok((a, b))))
}
// ANCHOR_END: small-gather

// ANCHOR: counting
/// Counts how often a backend is waited on.
#[derive(Debug)]
pub struct Counting<B> {
    inner: B,
    waits: Rc<Cell<u64>>,
}

impl<B: Backend> Counting<B> {
    /// Counts into `waits`.
    pub const fn over(inner: B, waits: Rc<Cell<u64>>) -> Self {
        Self { inner, waits }
    }
}

impl<B: Backend> Backend for Counting<B> {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn register(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        self.inner.register(fd, key, interest)
    }

    fn modify(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        self.inner.modify(fd, key, interest)
    }

    fn deregister(&mut self, fd: BorrowedFd<'_>, key: Key) -> io::Result<()> {
        self.inner.deregister(fd, key)
    }

    fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
        self.waits.set(self.waits.get() + 1);
        self.inner.wait(events, timeout)
    }

    fn now(&self) -> Duration {
        self.inner.now()
    }
}
// ANCHOR_END: counting

// ANCHOR: callback-order
/// What three links say, added before and after the chain is fired.
#[must_use]
pub fn order() -> Vec<&'static str> {
    let said = Rc::new(RefCell::new(Vec::new()));
    let say = |words| {
        let said = Rc::clone(&said);
        move |()| said.borrow_mut().push(words)
    };
    let (firer, chain) = Deferred::new();

    let chain = chain.map(say("first"));
    say("before firing")(());
    firer.callback(());
    say("after firing")(());
    let chain = chain.map(say("second"));
    say("after adding")(());

    chain.ignore();
    said.take()
}
// ANCHOR_END: callback-order

#[cfg(test)]
mod tests {
    use protocols::deferred::{CancelledError, testing};
    use protocols::reactor::Reactor;
    use protocols::testing::StringConnection;

    use super::*;
    use crate::hurried::Hurried;

    const SECOND: Duration = Duration::from_secs(1);

    // ANCHOR: quiet-test
    #[test]
    fn noise_puts_off_what_waits_for_quiet() {
        let clock = TestClock::new();
        let called = Rc::new(Cell::new(false));
        let note = Rc::clone(&called);
        let quiet = Quiet::new(&clock, 3 * SECOND, move || note.set(true));

        clock.advance(2 * SECOND);
        quiet.noise();
        clock.advance(2 * SECOND);
        assert!(!called.get());

        clock.advance(SECOND);
        assert!(called.get());
    }
    // ANCHOR_END: quiet-test

    #[derive(Debug, thiserror::Error)]
    #[error("no rhyme")]
    struct NoRhyme;

    #[test]
    fn one_kind_of_error_is_replaced_and_others_go_on() {
        let replaced = or_if::<NoRhyme, _>(Deferred::fail(Failure::new(NoRhyme)), 7);
        assert_eq!(testing::success_result_of(replaced), 7);

        let other = or_if::<NoRhyme, _>(Deferred::<u32>::fail(CancelledError), 7);
        testing::failure_result_of::<CancelledError, _>(other);
    }

    // ANCHOR: retry-test
    #[test]
    fn what_fails_is_tried_again_after_each_delay() {
        let clock = TestClock::new();
        let attempts = Rc::new(Cell::new(0));
        let count = Rc::clone(&attempts);
        let found = retry(&clock, [SECOND, 5 * SECOND], move || {
            count.set(count.get() + 1);
            match count.get() {
                3 => Deferred::succeed("found"),
                _ => Deferred::fail(Failure::new(NoRhyme)),
            }
        });

        clock.advance(SECOND);
        assert_eq!(attempts.get(), 2);
        let found = testing::assert_no_result(found);

        clock.advance(5 * SECOND);
        assert_eq!(testing::success_result_of(found), "found");
    }
    // ANCHOR_END: retry-test

    #[test]
    fn the_last_failure_is_the_result_when_there_is_no_other_delay() {
        let clock = TestClock::new();
        let found = retry(&clock, [SECOND], || {
            Deferred::<u32>::fail(Failure::new(NoRhyme))
        });

        clock.advance(SECOND);

        testing::failure_result_of::<NoRhyme, _>(found);
    }

    #[test]
    fn a_coroutine_tries_again_after_each_delay() {
        let reactor = Reactor::with_backend(Box::new(Hurried::over_poll())).unwrap();
        let (clock, end) = (reactor.clone(), reactor.clone());
        let found = reactor.spawn(async move {
            let mut attempts = 0;
            let found = retry_async(&clock, [SECOND, 5 * SECOND], || {
                attempts += 1;
                match attempts {
                    3 => Deferred::succeed("found"),
                    _ => Deferred::fail(Failure::new(NoRhyme)),
                }
            });
            let found = found.await;
            end.stop()?;
            found
        });

        reactor.run().unwrap();

        assert_eq!(testing::success_result_of(found), "found");
        assert!(reactor.now() >= 6 * SECOND);
    }

    // ANCHOR: impatient-test
    #[test]
    fn silence_is_borne_to_the_last_nanosecond_and_no_longer() {
        let (clock, instant) = (TestClock::new(), Duration::from_nanos(1));
        let connection = StringConnection::new(Impatient::new(&clock));

        clock.advance(PATIENCE - instant);
        connection.receive(b"I am here");
        clock.advance(PATIENCE - instant);
        connection.settle();
        assert!(!connection.is_over());

        clock.advance(instant);
        connection.settle();
        assert!(connection.is_over());
    }
    // ANCHOR_END: impatient-test

    #[test]
    fn a_download_that_is_given_up_ends_with_its_first_half() {
        let arrived = Rc::new(RefCell::new(Vec::new()));
        let (firer, file) = download(&arrived);
        arrived.borrow_mut().extend_from_slice(b"The river waits");

        file.cancel();

        assert_eq!(testing::success_result_of(file), b"The river waits");
        assert!(!firer.callback(b"The river waits on no one".to_vec()));
    }

    #[test]
    fn no_more_work_is_under_way_than_the_limit_allows() {
        let clock = TestClock::new();
        let limit = DeferredSemaphore::new(2).unwrap();
        let work = (0..4).map(|number| {
            let clock = clock.clone();
            move || sleep(&clock, SECOND).map(move |()| number)
        });

        let all = at_most(&limit, work);
        assert_eq!((limit.free(), limit.waiting()), (0, 2));
        clock.advance(SECOND);
        let all = testing::assert_no_result(all);
        clock.advance(SECOND);

        assert_eq!(testing::success_result_of(all), [0, 1, 2, 3]);
    }

    #[test]
    fn the_first_failure_cancels_the_others() {
        let (firer, fails) = Deferred::<u32>::new();
        let told = Rc::new(Cell::new(false));
        let note = Rc::clone(&told);
        let (_other, waits) = Deferred::with_canceller(move |_: Firer<u32>| note.set(true));
        let all = all_or_none(vec![waits, fails]);

        firer.errback(NoRhyme);

        assert!(told.get());
        testing::failure_result_of::<protocols::deferred::FirstError, _>(all);
    }

    #[test]
    fn two_small_deferreds_are_waited_for() {
        let ((first, a), (second, b)) = (small::pair::<u32>(), small::pair::<u32>());
        let found = Rc::new(Cell::new(None));
        let place = Rc::clone(&found);
        both(a, b).when_fired(move |result| place.set(result.ok()));

        second.fire(Ok(2));
        assert_eq!(found.get(), None);
        first.fire(Ok(1));

        assert_eq!(found.get(), Some((1, 2)));
    }

    #[test]
    fn a_countdown_of_three_waits_once_a_number() {
        fn count(reactor: &Reactor, number: u32) {
            if number == 0 {
                reactor.stop().unwrap();
            } else {
                reactor.call_later(SECOND, move |reactor| count(reactor, number - 1));
            }
        }
        let waits = Rc::new(Cell::new(0));
        let backend = Counting::over(Hurried::over_poll(), Rc::clone(&waits));
        let reactor = Reactor::with_backend(Box::new(backend)).unwrap();
        reactor.call_when_running(|reactor| count(reactor, 3));

        reactor.run().unwrap();

        assert_eq!(waits.get(), 3);
    }

    #[test]
    fn links_run_inside_the_call_that_fires_or_adds_them() {
        let said = [
            "before firing",
            "first",
            "after firing",
            "second",
            "after adding",
        ];

        assert_eq!(order(), said);
    }
}
