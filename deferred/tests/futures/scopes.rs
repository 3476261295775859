//! Turns that are taken for a scope of a future.

use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{Deferred, DeferredLock, DeferredSemaphore};

use crate::executor::Executor;
use crate::start;
use crate::util::Torn;

// D-140
#[test]
fn a_lock_is_held_for_the_scope_of_its_permit() {
    let (executor, lock) = (Executor::default(), DeferredLock::new());
    let (firer, inside) = Deferred::<u32>::new();
    let taken = lock.clone();

    let deferred = start(&executor, async move {
        let page = {
            let _permit = taken.acquire().await?;
            inside.await?
        };
        Ok((page, taken.is_locked()))
    });
    let deferred = assert_no_result(deferred);
    assert!(lock.is_locked());
    firer.callback(7);
    executor.run();

    assert_eq!(success_result_of(deferred), (7, false));
}

// D-140
#[test]
fn nested_scopes_give_their_permits_back_one_after_the_other() {
    let (executor, semaphore) = (Executor::default(), DeferredSemaphore::new(2).unwrap());
    let taken = semaphore.clone();

    let deferred = start(&executor, async move {
        let _outer = taken.acquire().await?;
        let inside = {
            let _inner = taken.acquire().await?;
            taken.free()
        };
        Ok((inside, taken.free()))
    });

    assert_eq!(success_result_of(deferred), (0, 1));
    assert_eq!(semaphore.free(), 2);
}

// D-140
#[test]
fn an_error_that_ends_the_scope_gives_the_permit_back_and_passes_on() {
    let (executor, lock) = (Executor::default(), DeferredLock::new());
    let taken = lock.clone();

    let deferred = start(&executor, async move {
        let _permit = taken.acquire().await?;
        Err::<u32, _>(Torn(3).into())
    });

    let failure = failure_result_of::<Torn, _>(deferred);
    assert_eq!(failure.check(), Some(&Torn(3)));
    assert!(!lock.is_locked());
}
