//! What several of the test files need: backends to run on, a run that has a limit, a factory that notes
//! what happens and does what a test gives it to do, peers that know nothing of the reactor.

#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    reason = "no test file needs all of it"
)]

pub(crate) mod backends;
pub(crate) mod child;
pub(crate) mod peers;
pub(crate) mod script;

use std::cell::{Cell, RefCell};
use std::mem;
use std::rc::Rc;
use std::sync::Once;
use std::time::Duration;

use protocols::deferred::{self, Failure, Panicked, Report};
use protocols::reactor::Reactor;
use protocols::{ConnectError, ConnectionClosed};

pub(crate) use backends::{Waits, another, on_every_backend, recorded};
pub(crate) use peers::{accepted, listener, number, peer_of, read_all};
pub(crate) use script::{
    Bytes, Kept, Log, Script, calling, connect, connect_within, listen, lose_write, received_from,
};

/// How long a test waits for what should come at once: long enough for the busiest machine.
pub(crate) const LIMIT: Duration = Duration::from_secs(10);

/// Runs the reactor until something stops it, and fails the test if nothing does within [`LIMIT`].
#[track_caller]
pub(crate) fn run(reactor: &Reactor) {
    run_within(LIMIT, reactor);
}

/// Like [`run`], with another limit.
#[track_caller]
pub(crate) fn run_within(limit: Duration, reactor: &Reactor) {
    let late = Rc::new(Cell::new(false));
    let watchdog = Rc::clone(&late);
    let watching = reactor.call_later(limit, move |reactor| {
        watchdog.set(true);
        reactor.stop()
    });

    reactor.run().expect("the reactor runs");
    // The next run of the same reactor has a limit of its own; this one may have passed.
    let _ = watching.cancel();

    assert!(!late.get(), "nothing stopped the reactor in time");
}

/// Has the reactor stop after a few more turns, so that what should not happen has the time to.
pub(crate) fn stop_soon(reactor: &Reactor) {
    after_turns(reactor, 5, |reactor| {
        // Somebody else may have stopped it meanwhile.
        drop(reactor.stop());
    });
}

/// Calls `f` after this many more turns, none of which waits for events.
pub(crate) fn after_turns(reactor: &Reactor, turns: usize, f: impl FnOnce(&Reactor) + 'static) {
    reactor.call_later(Duration::ZERO, move |reactor| match turns.checked_sub(1) {
        Some(left) => after_turns(reactor, left, f),
        None => f(reactor),
    });
}

/// Something that stops the reactor, a few turns later, when it is called for the `n`th time.
pub(crate) fn stop_at_call(n: usize, reactor: &Reactor) -> impl Fn() + Clone + 'static {
    let (reactor, calls) = (reactor.clone(), Rc::new(Cell::new(0)));
    move || {
        calls.set(calls.get() + 1);
        if calls.get() == n {
            stop_soon(&reactor);
        }
    }
}

/// The name of a reason, and the text of a panic.
pub(crate) fn name_of(reason: &Failure) -> String {
    if let Some(panic) = reason.check::<Panicked>() {
        return format!("panic: {}", panic.message());
    }
    let closed = reason
        .check::<ConnectionClosed>()
        .map(|closed| match closed {
            ConnectionClosed::ConnectionDone => "ConnectionDone",
            ConnectionClosed::ConnectionLost(_) => "ConnectionLost",
            ConnectionClosed::ConnectionAborted => "ConnectionAborted",
            ConnectionClosed::ReactorStopped => "ReactorStopped",
            _ => "another end of a connection",
        });
    let failed = reason.check::<ConnectError>().map(|error| match error {
        ConnectError::ConnectionRefused(..) => "ConnectionRefused",
        ConnectError::TimedOut { .. } => "TimedOut",
        ConnectError::NoAnswer(..) => "NoAnswer",
        ConnectError::NoRoute(..) => "NoRoute",
        ConnectError::UnknownHost(..) => "UnknownHost",
        ConnectError::BindFailed(..) => "BindFailed",
        ConnectError::NotLocked(_) => "NotLocked",
        ConnectError::Stopped(_) => "Stopped",
        ConnectError::ReactorStopped(_) => "ReactorStopped",
        ConnectError::Other(..) => "Other",
        _ => "another end of an attempt",
    });
    closed
        .or(failed)
        .map_or_else(|| reason.to_string(), str::to_owned)
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

    /// The reason of each, whatever it is said to have happened in.
    #[track_caller]
    pub(crate) fn assert_reasons(&self, expected: &[&str]) {
        let reports = REPORTS.with_borrow_mut(mem::take);
        let reasons: Vec<_> = reports
            .iter()
            .map(|(_, failure)| name_of(failure))
            .collect();
        assert_eq!(reasons, expected, "{reports:?}");
    }

    /// The headline and the reason of each.
    #[track_caller]
    pub(crate) fn assert(&self, expected: &[(&str, &str)]) {
        let reports: Vec<_> = REPORTS
            .with_borrow_mut(mem::take)
            .into_iter()
            .map(|(headline, failure)| (headline, name_of(&failure)))
            .collect();
        let reports: Vec<_> = reports
            .iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .collect();
        assert_eq!(reports, expected);
    }
}

/// Something to be owned by a closure or an object: tells whether it was dropped.
#[derive(Clone)]
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
