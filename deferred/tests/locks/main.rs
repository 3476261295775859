//! Locks and semaphores: who has a turn, and who waits for one.

mod acquiring;
mod cancelling;
#[path = "../counting/mod.rs"]
mod counting;
mod crowds;
mod running;
mod semaphore;
#[path = "../util/mod.rs"]
mod util;

use deferred::testing::success_result_of;
use deferred::{Deferred, DeferredLock, Permit};
use util::Log;

/// A lock, and the permit of the one who holds it.
fn held_lock() -> (DeferredLock, Permit) {
    let lock = DeferredLock::new();
    let permit = success_result_of(lock.acquire());
    (lock, permit)
}

/// Waits for the lock, notes when it is there, and gives it back at once.
fn waits(lock: &DeferredLock, log: &Log, name: &'static str) -> Deferred<()> {
    let notes = log.clone();
    lock.acquire().map(move |_permit| notes.note(name))
}
