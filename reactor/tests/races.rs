//! All the ways that threads can take through the queue of their calls, and of the tasks that they wake: no wake-up
//! is lost on any of them.
//!
//! `loom` runs each of these once for every order of what the threads do that makes a difference, as long as they
//! take the processor from each other three times at most. A loop that waits while a call is there, and nobody
//! is left to wake it, is a deadlock, which fails the test. `.ci/races` runs them; without its `--cfg races`
//! there are none.

#![cfg(races)]

#[path = "../src/crossing.rs"]
mod crossing;

/// What `crossing.rs` is made of here.
mod sync {
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU8, Ordering};
    pub(crate) use loom::sync::{Mutex, MutexGuard};
}

use std::collections::VecDeque;

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::sync::{Arc, Condvar, Mutex};
use loom::thread::{self, JoinHandle};

use crossing::{Crossing, Kind, Refused, Rung};

/// Runs `test` in all orders. What three changes of threads do not find has not been seen yet; without a limit it
/// would take minutes.
fn in_all_orders(test: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(test);
}

/// What the loop's thread and the others share.
struct Shared {
    calls: Crossing<u32>,
    bell: Bell,
}

/// The wake-up channel: the loop waits until it is readable, reads it empty, and looks at its queue in its next turn.
struct Bell {
    readable: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    fn ring(&self) {
        *self.readable.lock().unwrap() = true;
        self.changed.notify_one();
    }

    fn wait(&self) {
        let mut readable = self.readable.lock().unwrap();
        while !*readable {
            readable = self.changed.wait(readable).unwrap();
        }
        *readable = false;
    }

    fn look(&self) {
        *self.readable.lock().unwrap() = false;
    }
}

impl Shared {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            calls: Crossing::new(),
            bell: Bell {
                readable: Mutex::new(false),
                changed: Condvar::new(),
            },
        })
    }

    fn send(&self, kind: Kind, call: u32) -> Result<(), Refused> {
        self.calls.send(kind, call, || self.bell.ring())
    }

    fn take(&self, most: usize) -> Vec<u32> {
        let mut taken = VecDeque::new();
        self.calls.take(most, &mut taken);
        taken.into_iter().map(|(_, call)| call).collect()
    }

    /// Turns the loop, with so many calls a turn at most, until it has taken `all`.
    fn turn_until_taken(&self, all: usize, most: usize) -> Vec<u32> {
        let mut taken = Vec::new();
        loop {
            let calls = self.take(most);
            assert!(calls.len() <= most);
            taken.extend(calls);
            if taken.len() == all {
                return taken;
            }
            if self.calls.fall_asleep() {
                self.bell.wait();
            } else {
                assert!(self.calls.has_pending());
                self.bell.look();
            }
        }
    }
}

/// Runs this on another thread.
fn on_a_thread<R: 'static>(
    shared: &Arc<Shared>,
    f: impl FnOnce(&Shared) -> R + 'static,
) -> JoinHandle<R> {
    let shared = Arc::clone(shared);
    thread::spawn(move || f(&shared))
}

#[test]
fn calls_of_a_thread_are_taken_in_the_order_sent() {
    in_all_orders(|| {
        let shared = Shared::new();
        let other = on_a_thread(&shared, |shared| {
            for n in 0..3 {
                shared.send(Kind::Call, n).unwrap();
            }
        });

        let taken = shared.turn_until_taken(3, 1000);

        other.join().unwrap();
        assert_eq!(taken, [0, 1, 2]);
    });
}

#[test]
fn calls_that_a_turn_leaves_are_taken_in_the_next_ones() {
    in_all_orders(|| {
        let shared = Shared::new();
        let other = on_a_thread(&shared, |shared| {
            for n in 0..3 {
                shared.send(Kind::Call, n).unwrap();
            }
        });

        let taken = shared.turn_until_taken(3, 1);

        other.join().unwrap();
        assert_eq!(taken, [0, 1, 2]);
    });
}

#[test]
fn calls_of_two_threads_are_all_taken() {
    in_all_orders(|| {
        let shared = Shared::new();
        let others = [0, 10].map(|first| {
            on_a_thread(&shared, move |shared| {
                shared.send(Kind::Call, first).unwrap();
                shared.send(Kind::Result, first + 1).unwrap();
            })
        });

        let taken = shared.turn_until_taken(4, 2);

        for other in others {
            other.join().unwrap();
        }
        for first in [0, 10] {
            let its = taken.iter().filter(|n| **n / 10 * 10 == first);
            assert!(its.eq([&first, &(first + 1)]), "{taken:?}");
        }
    });
}

#[test]
fn a_call_that_is_sent_while_a_run_ends_is_taken_in_the_next_one() {
    in_all_orders(|| {
        let shared = Shared::new();
        let other = on_a_thread(&shared, |shared| shared.send(Kind::Call, 1).unwrap());

        shared.calls.end();
        shared.calls.open();
        let taken = shared.turn_until_taken(1, 1000);

        other.join().unwrap();
        assert_eq!(taken, [1]);
    });
}

#[test]
fn a_task_that_threads_wake_sees_in_its_last_poll_what_all_have_done() {
    in_all_orders(|| {
        let shared = Shared::new();
        let task = Arc::new((Rung::new(), AtomicU32::new(0)));
        let others = [1, 2].map(|bit| {
            let task = Arc::clone(&task);
            on_a_thread(&shared, move |shared| {
                let (rung, done) = &*task;
                done.fetch_or(bit, Ordering::Relaxed);
                if rung.set() {
                    shared.send(Kind::Call, 0).unwrap();
                }
            })
        });

        // A poll may see what was done before its wake-up has come; the loop sleeps until it has seen all.
        let (rung, done) = &*task;
        let mut seen = 0;
        while seen != 3 {
            let woken = shared.turn_until_taken(1, 1);
            assert_eq!(woken, [0]);
            assert!(rung.is_set());
            rung.take();
            seen = done.load(Ordering::Relaxed);
        }

        for other in others {
            other.join().unwrap();
        }
    });
}

#[test]
fn nothing_that_is_asked_of_a_run_is_left_when_it_has_ended() {
    in_all_orders(|| {
        let shared = Shared::new();
        let other = on_a_thread(&shared, |shared| shared.send(Kind::Request, 1));

        shared.calls.end();

        let sent = other.join().unwrap();
        assert!(matches!(sent, Ok(()) | Err(Refused::Ended)));
        assert_eq!(shared.take(1000), []);
    });
}

#[test]
fn nothing_is_left_in_a_queue_that_was_closed() {
    in_all_orders(|| {
        let shared = Shared::new();
        let other = on_a_thread(&shared, |shared| shared.send(Kind::Call, 1));

        shared.calls.close();

        let sent = other.join().unwrap();
        assert!(matches!(sent, Ok(()) | Err(Refused::Closed)));
        assert_eq!(shared.take(1000), []);
    });
}
