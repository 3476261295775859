//! What several of the test files need: two errors, a list of what happened, and a process of its own.

#![allow(dead_code, reason = "no test file needs all of it")]

use std::cell::RefCell;
use std::fmt::Debug;
use std::hint::black_box;
use std::process::Command;
use std::rc::Rc;

use deferred::{Deferred, Failure};

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("the poem is lost")]
pub(crate) struct Lost;

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("page {0} is torn")]
pub(crate) struct Torn(pub(crate) u32);

/// What happened, in order; clones share it.
#[derive(Clone, Default)]
pub(crate) struct Log(Rc<RefCell<Vec<String>>>);

impl Log {
    pub(crate) fn note(&self, what: impl Into<String>) {
        self.0.borrow_mut().push(what.into());
    }

    #[track_caller]
    pub(crate) fn assert(&self, expected: &[&str]) {
        assert_eq!(*self.0.borrow(), expected);
    }
}

/// A place where a callback finds a chain that it cannot own, such as its own.
pub(crate) struct Shelf<T>(Rc<RefCell<Option<T>>>);

impl<T> Shelf<T> {
    pub(crate) fn empty() -> Self {
        Self(Rc::default())
    }

    pub(crate) fn put(&self, thing: T) {
        assert!(self.0.borrow_mut().replace(thing).is_none());
    }

    #[track_caller]
    pub(crate) fn take(&self) -> T {
        self.0.borrow_mut().take().expect("it was put there")
    }
}

impl<T> Clone for Shelf<T> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

/// Raises a failure, in a frame of its own also where the program is optimised.
#[inline(never)]
pub(crate) fn fails_here() -> Failure {
    black_box(Failure::new(Lost))
}

/// The failure of a chain that has failed, whatever its error.
#[track_caller]
pub(crate) fn failure_of<T: Debug>(deferred: Deferred<T>) -> Failure {
    match deferred.into_result() {
        Ok(Err(failure)) => failure,
        other => panic!("expected a failure, but got {other:?}"),
    }
}

/// Asserts that two failures are one: the same error in the same place in memory, the same serial.
#[track_caller]
pub(crate) fn assert_same(a: &Failure, b: &Failure) {
    assert!(std::ptr::addr_eq(a.error(), b.error()));
    assert_eq!(a.serial(), b.serial());
}

/// Runs one test of the calling file again in a process of its own, where backtraces are asked for.
pub(crate) fn in_a_child(test: &str) {
    let output = Command::new(std::env::current_exe().expect("tests know their program"))
        .args(["--exact", test, "--nocapture"])
        .env("IN_A_CHILD", "1")
        .env("RUST_BACKTRACE", "1")
        .output()
        .expect("the program of this test can be run again");
    let errors = String::from_utf8_lossy(&output.stderr);
    let printed = String::from_utf8_lossy(&output.stdout);
    // A child that finds no test of this name ends well too.
    assert!(
        output.status.success() && printed.contains("running 1 test"),
        "{printed}{errors}"
    );
}

pub(crate) fn is_a_child() -> bool {
    std::env::var_os("IN_A_CHILD").is_some()
}
