//! Waiting for other threads, and what is reported on them.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, Once, PoisonError};
use std::thread;
use std::time::Instant;

use deferred::{Failure, Report};

use super::LIMIT;

/// Waits until this is so, and fails the test if it is not within [`LIMIT`].
#[track_caller]
pub(crate) fn eventually(is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < LIMIT, "it has not come to this");
        thread::yield_now();
    }
}

/// Keeps threads waiting until it is opened.
#[derive(Default)]
pub(crate) struct Gate {
    is_open: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    pub(crate) fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.changed.notify_all();
    }

    #[track_caller]
    pub(crate) fn pass(&self) {
        let is_open = self.is_open.lock().unwrap();
        let waited = self
            .changed
            .wait_timeout_while(is_open, LIMIT, |is_open| !*is_open);
        assert!(!waited.unwrap().1.timed_out(), "nobody opened the gate");
    }
}

/// An error like no other, whose reports can be found, whichever thread they were made on.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(crate) struct Fault(usize);

static REPORTS: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());

impl Fault {
    pub(crate) fn new() -> Self {
        static FAULTS: AtomicUsize = AtomicUsize::new(0);
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            deferred::set_report_hook(|report: &Report<'_>| {
                let entry = (report.headline.to_owned(), text(report.failure));
                let mut reports = REPORTS.lock().unwrap_or_else(PoisonError::into_inner);
                reports.push(entry);
            });
        });
        Self(FAULTS.fetch_add(1, Ordering::Relaxed))
    }

    /// The headlines of its reports.
    pub(crate) fn reports(self) -> Vec<String> {
        let reports = REPORTS.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = self.to_string();
        let its = reports.iter().filter(|(_, text)| text.contains(&wanted));
        its.map(|(headline, _)| headline.clone()).collect()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fault <{}>", self.0)
    }
}

fn text(failure: &Failure) -> String {
    failure.error().to_string()
}
