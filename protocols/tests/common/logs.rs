//! What is written into the log, for tests to look at.
//!
//! A test file that needs it names this module itself, beside `common`.

#![allow(dead_code, reason = "no test file needs all of it")]

use std::cell::RefCell;
use std::mem;
use std::sync::Once;

use log::{LevelFilter, Metadata, Record};

thread_local! {
    static LINES: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// What was logged in the thread of this test.
pub(crate) struct Logged;

impl Logged {
    /// Begins to collect.
    pub(crate) fn collected() -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            log::set_logger(&Collector).expect("there is no other logger");
            log::set_max_level(LevelFilter::Info);
        });
        Self
    }

    /// The lines since it was asked for the last time, each with its level.
    pub(crate) fn take(&self) -> Vec<String> {
        LINES.with_borrow_mut(mem::take)
    }

    /// The lines of it that begin with `level`.
    pub(crate) fn take_level(&self, level: &str) -> Vec<String> {
        let mut lines = self.take();
        lines.retain(|line| line.starts_with(level));
        lines
    }
}

/// The logger of all threads, which keeps their lines apart.
struct Collector;

impl log::Log for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "protocols"
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = format!("{} {}", record.level(), record.args());
            LINES.with_borrow_mut(|lines| lines.push(line));
        }
    }

    fn flush(&self) {}
}
