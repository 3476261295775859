//! A chain is held, and runs when the last guard is gone.

mod ending;
mod holding;
mod inside;
mod looking;
#[path = "../util/mod.rs"]
mod util;
mod waiting;

use deferred::{Deferred, Pause};
use util::Log;

/// A chain that has succeeded with 1, and the guard that holds it.
fn paused() -> (Pause, Deferred<u32>) {
    let (firer, deferred) = Deferred::new();
    let guard = deferred.pause();
    firer.callback(1);
    (guard, deferred)
}

/// Adds a link that notes the value that it gets, and passes on one more.
fn noting(deferred: Deferred<u32>, log: &Log) -> Deferred<u32> {
    let notes = log.clone();
    deferred.map(move |n| {
        notes.note(format!("got {n}"));
        n + 1
    })
}

/// A chain whose callback has returned `inner`.
fn waits_for(inner: Deferred<u32>) -> Deferred<u32> {
    let (firer, outer) = Deferred::<()>::new();
    let outer = outer.add_callback(move |()| inner);
    firer.callback(());
    outer
}
