//! What several of the test files need: backends to run on, a run that has a limit, descriptors that
//! note what they are told, what was reported, and a second process.

#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "no test file needs all of it"
)]

pub(crate) mod backends;
pub(crate) mod child;
pub(crate) mod ends;
pub(crate) mod futures;
pub(crate) mod waiting;

use std::cell::{Cell, RefCell};
use std::mem;
use std::rc::Rc;
use std::sync::Once;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use deferred::{Failure, Report};
use reactor::{Job, Reactor, Stopped};

pub(crate) use backends::{BackendName, SimulatedTime, Waits};
pub(crate) use child::{
    Running, child_of_this_test, ends_a_child, in_a_child, in_a_child_of_its_own,
};
pub(crate) use ends::{End, connection};
pub(crate) use waiting::{Fault, Gate, eventually};

/// How long a test waits for what should come at once: long enough for the busiest machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// Makes each of these checks a test on each backend, in a module with the backend's name.
///
/// A check takes a [`Reactor`], or a [`BackendName`] if it needs several of them or counts the waits.
macro_rules! on_every_backend {
    ($($check:ident),+ $(,)?) => {
        $crate::common::on_every_backend! { @each [polling epoll poll select] [$($check)+] }
    };
    (@each [$($backend:ident)+] $checks:tt) => {
        $(mod $backend {
            $crate::common::on_every_backend! { @on $backend $checks }
        })+
    };
    (@on $backend:ident [$($check:ident)+]) => {
        $(#[test]
        fn $check() {
            $crate::common::backends::check_on(stringify!($backend), super::$check);
        })+
    };
}
pub(crate) use on_every_backend;

/// An error for callbacks to fail with.
#[derive(Debug, thiserror::Error)]
#[error("the poem is lost")]
pub(crate) struct Lost;

/// Runs the reactor until something stops it, and fails the test if nothing does within [`LIMIT`].
#[track_caller]
pub(crate) fn run(reactor: &Reactor) -> Stopped {
    let late = Rc::new(Cell::new(false));
    let watchdog = Rc::clone(&late);
    reactor.call_later(LIMIT, move |reactor| {
        watchdog.set(true);
        reactor.stop()
    });

    let stopped = reactor.run().expect("the reactor runs");

    assert!(!late.get(), "nothing stopped the reactor in time");
    stopped
}

/// As [`run`], for a run in which no call may be due: another thread watches it.
#[track_caller]
pub(crate) fn run_without_calls(reactor: &Reactor) -> Stopped {
    let remote = reactor.remote_handle();
    let (ended, end) = mpsc::channel::<()>();
    let watchdog = thread::spawn(move || {
        let late = end.recv_timeout(LIMIT) == Err(RecvTimeoutError::Timeout);
        if late {
            drop(remote.call_from_thread(|reactor| drop(reactor.stop())));
        }
        late
    });

    let stopped = reactor.run().expect("the reactor runs");

    drop(ended);
    let late = watchdog.join().expect("the watchdog does not panic");
    assert!(!late, "nothing stopped the reactor in time");
    stopped
}

/// Has the reactor stop after this many more turns, none of which waits for events.
pub(crate) fn stop_after_turns(reactor: &Reactor, turns: usize) {
    reactor.call_later(Duration::ZERO, move |reactor| match turns.checked_sub(1) {
        Some(left) => stop_after_turns(reactor, left),
        None => reactor.stop().expect("the reactor runs"),
    });
}

/// What happened, in order; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub(crate) fn note(&self, what: impl Into<String>) {
        self.0.borrow_mut().push(what.into());
    }

    pub(crate) fn count(&self, what: &str) -> usize {
        self.0.borrow().iter().filter(|note| *note == what).count()
    }

    #[track_caller]
    pub(crate) fn assert(&self, expected: &[&str]) {
        assert_eq!(*self.0.borrow(), expected);
    }
}

/// A job made of a closure.
pub(crate) struct Task<F>(F);

impl<F: Fn(&Reactor) + 'static> Task<F> {
    pub(crate) fn new(f: F) -> Rc<Self> {
        Rc::new(Self(f))
    }
}

impl<F: Fn(&Reactor)> Job for Task<F> {
    fn run(self: Rc<Self>, reactor: &Reactor) {
        (self.0)(reactor);
    }
}

/// Something to be owned by a closure or an object: tells whether it was dropped.
pub(crate) struct Owned(Rc<()>);

/// The other end of an [`Owned`].
pub(crate) struct Ownership(Rc<()>);

impl Ownership {
    pub(crate) fn new() -> (Owned, Self) {
        let shared = Rc::new(());
        (Owned(Rc::clone(&shared)), Self(shared))
    }

    pub(crate) fn is_over(&self) -> bool {
        Rc::strong_count(&self.0) == 1
    }
}

thread_local! {
    static REPORTS: RefCell<Vec<(String, Failure)>> = const { RefCell::new(Vec::new()) };
}

/// What was reported in the thread of this test.
pub(crate) struct Reports;

impl Reports {
    /// Begins to collect.
    pub(crate) fn collected() -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            deferred::set_report_hook(|report: &Report<'_>| {
                let entry = (report.headline.to_owned(), report.failure.clone());
                REPORTS.with_borrow_mut(|reports| reports.push(entry));
            });
        });
        Self
    }

    pub(crate) fn taken(&self) -> Vec<(String, Failure)> {
        REPORTS.with_borrow_mut(mem::take)
    }

    /// The headline and the failure of the one report that there is.
    #[track_caller]
    pub(crate) fn only_one(&self) -> (String, Failure) {
        let mut reports = self.taken();
        assert_eq!(reports.len(), 1, "{reports:?}");
        reports.remove(0)
    }
}
