//! The serial numbers of failures. One test at a time: they are counted for the whole process.

use std::sync::{Mutex, MutexGuard, PoisonError};

use deferred::Failure;

/// Keeps the other tests from making failures meanwhile.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Debug, thiserror::Error)]
#[error("the poem is lost")]
struct Lost;

// F-007
#[test]
fn each_new_failure_with_a_backtrace_or_without_has_the_next_serial() {
    let _alone = alone();
    let first = Failure::new(Lost);
    let cheap = Failure::without_backtrace(Lost);
    let clone = cheap.clone();
    let last = Failure::new(Lost);

    assert_eq!(cheap.serial(), first.serial() + 1);
    assert_eq!(clone.serial(), cheap.serial());
    assert_eq!(last.serial(), cheap.serial() + 1);
    assert!(cheap.check::<Lost>().is_some());
    assert_eq!(cheap.to_string(), first.to_string());
}

// F-007
#[test]
fn a_failure_of_whatever_it_is_made_has_the_next_serial() {
    let _alone = alone();
    let backtrace = std::backtrace::Backtrace::force_capture();

    let serials = [
        Failure::msg("rain"),
        Failure::from_boxed(Box::new(Lost)),
        Failure::with_backtrace(Lost, &backtrace),
        Failure::from_panic(Box::new("out of ink")),
        Failure::from(Lost),
    ]
    .map(|failure| failure.serial());

    let first = serials[0];
    assert_eq!(serials, [0, 1, 2, 3, 4].map(|n| first + n));
}

// F-003
#[test]
fn a_failure_made_of_a_failure_uses_up_no_serial() {
    let _alone = alone();
    let failure = Failure::new(Lost);
    let serial = failure.serial();

    let again = Failure::from_boxed(failure.into_error());
    let next = Failure::new(Lost);

    assert_eq!(again.serial(), serial);
    assert_eq!(next.serial(), serial + 1);
}
