//! The lock between processes: who has it, and how one waits for it.

mod common;

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{self, Stdio};
use std::rc::Rc;
use std::time::Duration;

use common::{Log, child_of_this_test, in_a_child, on_every_backend, run};
use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{Abandoned, CancelledError, Deferred};
use reactor::Reactor;
use reactor::task::{FilesystemLock, LockError, TimeoutError};
use reactor::testing::TestClock;

const SECOND: Duration = Duration::from_secs(1);

on_every_backend!(a_reactor_waits_until_the_lock_is_free);

// D-146
fn a_reactor_waits_until_the_lock_is_free(reactor: Reactor) {
    let path = path(&format!("reactor_{}", reactor.backend_name()));
    let held = FilesystemLock::new(&reactor, &path);
    assert!(held.lock().unwrap());
    let lock = Rc::new(FilesystemLock::new(&reactor, &path));
    let log = Log::default();
    let (noting, locked, stopping) = (log.clone(), Rc::clone(&lock), reactor.clone());
    lock.defer_until_locked()
        .add_callback(move |()| {
            noting.note(format!("locked: {}", locked.is_locked()));
            Ok(stopping.stop()?)
        })
        .log_failure("the lock becomes free");
    reactor.call_later(Duration::from_millis(1), move |_| held.unlock());

    run(&reactor);

    log.assert(&["locked: true"]);
    lock.unlock().unwrap();
    assert!(!path.exists());
}

// D-145
#[test]
fn waiting_for_a_lock_that_is_free_succeeds_at_once() {
    let clock = TestClock::new();
    let lock = FilesystemLock::new(&clock, path("free"));

    success_result_of(lock.defer_until_locked());

    assert!(lock.is_locked());
    assert!(clock.delayed_calls().is_empty());
}

// D-146
#[test]
fn a_lock_that_is_held_is_tried_again_each_second() {
    let clock = TestClock::new();
    let (held, lock) = two_locks(&clock, "held");
    held.lock().unwrap();
    let locked = lock.defer_until_locked_within(5 * SECOND);

    clock.advance(SECOND);
    let locked = assert_no_result(locked);
    held.unlock().unwrap();
    clock.advance(SECOND - Duration::from_nanos(1));
    let locked = assert_no_result(locked);
    clock.advance(Duration::from_nanos(1));

    success_result_of(locked);
    assert!(lock.is_locked());
    assert!(clock.delayed_calls().is_empty());
}

// D-147
#[test]
fn a_lock_that_is_still_held_when_the_time_is_over_fails_with_a_timeout_error() {
    let clock = TestClock::new();
    let (held, lock) = two_locks(&clock, "timeout");
    held.lock().unwrap();
    let locked = lock.defer_until_locked_within(5 * SECOND);

    clock.pump([SECOND; 5]);

    let failure = failure_result_of::<TimeoutError, _>(locked);
    let after = 5 * SECOND;
    assert_eq!(failure.check(), Some(&TimeoutError { after }));
    assert!(clock.delayed_calls().is_empty());
}

// D-147
#[test]
fn a_lock_that_has_become_free_by_the_end_of_the_time_is_taken() {
    let clock = TestClock::new();
    let (held, lock) = two_locks(&clock, "last");
    held.lock().unwrap();
    let half = SECOND / 2;
    let locked = lock.defer_until_locked_within(half);

    held.unlock().unwrap();
    clock.advance(half);

    success_result_of(locked);
    assert!(lock.is_locked());
}

// D-149
#[test]
fn a_second_wait_with_the_same_lock_fails_and_leaves_the_first_alone() {
    let clock = TestClock::new();
    let (held, lock) = two_locks(&clock, "second");
    held.lock().unwrap();
    let first = lock.defer_until_locked();

    let second = lock.defer_until_locked();

    let failure = failure_result_of::<LockError, _>(second);
    assert!(matches!(
        failure.check(),
        Some(LockError::AlreadyWaiting(_))
    ));
    held.unlock().unwrap();
    clock.advance(SECOND);
    success_result_of(first);
}

// D-150
#[test]
fn after_a_success_and_unlocking_it_can_be_used_again() {
    let clock = TestClock::new();
    let (held, lock) = two_locks(&clock, "again");

    for _ in 0..2 {
        held.lock().unwrap();
        let locked = lock.defer_until_locked_within(5 * SECOND);
        held.unlock().unwrap();
        clock.advance(SECOND);
        success_result_of(locked);
        lock.unlock().unwrap();
    }

    assert!(clock.delayed_calls().is_empty());
}

// D-151
#[test]
fn cancelling_a_wait_takes_its_timers_off_the_clock() {
    let clock = TestClock::new();
    let (held, lock) = two_locks(&clock, "cancel");
    held.lock().unwrap();
    let waits: [fn(&FilesystemLock) -> Deferred<()>; 2] =
        [FilesystemLock::defer_until_locked, |lock| {
            lock.defer_until_locked_within(5 * SECOND)
        }];

    for wait in waits {
        let locked = wait(&lock);
        locked.cancel();

        failure_result_of::<CancelledError, _>(locked);
        assert!(clock.delayed_calls().is_empty());
    }
}

// D-152
#[test]
fn after_a_timeout_a_new_wait_times_out_too() {
    let clock = TestClock::new();
    let (held, lock) = two_locks(&clock, "timeouts");
    held.lock().unwrap();

    for _ in 0..2 {
        let locked = lock.defer_until_locked_within(3 * SECOND);
        clock.pump([SECOND; 3]);
        failure_result_of::<TimeoutError, _>(locked);
    }

    assert!(clock.delayed_calls().is_empty());
}

#[test]
fn a_lock_is_held_by_one_object_at_a_time() {
    let clock = TestClock::new();
    let (first, second) = two_locks(&clock, "one");

    assert!(first.lock().unwrap());

    assert!(!first.lock().unwrap());
    assert!(!second.lock().unwrap());
    first.unlock().unwrap();
    assert!(second.lock().unwrap());
}

#[test]
fn unlocking_what_is_not_held_is_an_error_and_leaves_the_holder_alone() {
    let clock = TestClock::new();
    let (held, other) = two_locks(&clock, "not_held");
    held.lock().unwrap();

    let error = other.unlock().unwrap_err();

    assert!(matches!(error, LockError::NotLocked(_)));
    assert!(held.path().exists());
    assert!(!other.lock().unwrap());
}

#[test]
fn a_lock_that_is_dropped_is_free_and_its_file_is_gone() {
    let clock = TestClock::new();
    let (held, other) = two_locks(&clock, "dropped");
    held.lock().unwrap();
    let path = held.path().to_owned();

    drop(held);

    assert!(!path.exists());
    assert!(other.lock().unwrap());
}

#[test]
fn a_wait_whose_lock_is_dropped_is_abandoned() {
    let clock = TestClock::new();
    let (held, lock) = two_locks(&clock, "abandoned");
    held.lock().unwrap();
    let locked = lock.defer_until_locked();

    drop(lock);

    failure_result_of::<Abandoned, _>(locked);
    assert!(clock.delayed_calls().is_empty());
}

#[test]
fn a_wait_whose_clock_is_gone_is_abandoned() {
    let clock = TestClock::new();
    let (held, lock) = two_locks(&clock, "gone");
    held.lock().unwrap();
    let locked = lock.defer_until_locked();

    drop(clock);

    failure_result_of::<Abandoned, _>(locked);
    failure_result_of::<Abandoned, _>(lock.defer_until_locked());
}

#[test]
fn a_lock_in_a_folder_that_is_not_there_fails_with_the_systems_error() {
    let clock = TestClock::new();
    let lock = FilesystemLock::new(&clock, path("no_folder").join("lock"));

    let failure = failure_result_of::<LockError, _>(lock.defer_until_locked());

    assert!(failure.find::<std::io::Error>().is_some(), "{failure:#}");
}

#[test]
fn a_link_that_stands_where_the_lock_should_is_not_followed() {
    let clock = TestClock::new();
    let (lock, precious) = (path("link"), path("precious"));
    symlink(&precious, &lock).unwrap();

    let refused = FilesystemLock::new(&clock, &lock).lock();

    assert!(matches!(refused, Err(LockError::Io(..))));
    assert!(!precious.exists());
    fs::remove_file(lock).unwrap();
}

#[test]
fn the_lock_of_a_process_that_has_died_is_free() {
    let clock = TestClock::new();
    let path = path("died");
    let lock = FilesystemLock::new(&clock, &path);
    if in_a_child() {
        assert!(lock.lock().unwrap());
        println!("locked");
        // Until the parent has seen it; then it goes without unlocking.
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        process::exit(0);
    }
    let mut child = child_of_this_test()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let said = BufReader::new(child.stdout.take().unwrap());
    assert!(said.lines().any(|line| line.unwrap().contains("locked")));
    assert!(!lock.lock().unwrap());

    drop(child.stdin.take());
    child.wait().unwrap();

    assert!(path.exists());
    assert!(lock.lock().unwrap());
    lock.unlock().unwrap();
    assert!(!path.exists());
}

/// Two locks with one name.
fn two_locks(clock: &TestClock, name: &str) -> (FilesystemLock, FilesystemLock) {
    let path = path(name);
    (
        FilesystemLock::new(clock, &path),
        FilesystemLock::new(clock, &path),
    )
}

/// A name that no other test uses; a file that an earlier run has left there is removed.
fn path(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("filelock_{name}"));
    if !in_a_child() {
        drop(fs::remove_file(&path));
    }
    path
}
