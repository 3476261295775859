//! The serial numbers of failures. One test alone: they are counted for the whole process.

use deferred::Failure;

#[derive(Debug, thiserror::Error)]
#[error("the poem is lost")]
struct Lost;

// F-007
#[test]
fn each_new_failure_with_a_backtrace_or_without_has_the_next_serial() {
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
