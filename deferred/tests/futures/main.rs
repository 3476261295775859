//! Where callbacks and `async` meet, without a reactor.

mod awaiting;
mod bounds;
mod cancelling;
mod coroutines;
#[path = "../counting/mod.rs"]
mod counting;
mod executor;
mod scopes;
#[path = "../util/mod.rs"]
mod util;

use std::cell::Cell;
use std::future::Future;

use deferred::{Deferred, Failure, Report, Spawn};
use executor::Executor;

thread_local! {
    static UNHANDLED: Cell<usize> = const { Cell::new(0) };
}

/// Counts what is reported in this thread from now on.
fn reports() -> impl Fn() -> usize {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        deferred::set_report_hook(|_: &Report<'_>| UNHANDLED.set(UNHANDLED.get() + 1));
    });
    UNHANDLED.set(0);
    || UNHANDLED.get()
}

/// Has `body` run by `executor`, and says what it ends with, which may be any type.
fn start<T: 'static>(
    executor: &Executor,
    body: impl Future<Output = Result<T, Failure>> + 'static,
) -> Deferred<T> {
    Deferred::from_future(executor as &dyn Spawn, body)
}
