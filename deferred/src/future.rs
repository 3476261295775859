//! Where callbacks and `async` meet.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::node::{self, Sink, Step};
use crate::report::{self, report};
use crate::{CancelHandle, Deferred, Failure};

/// The future of a chain's result: what `.await` on a [`Deferred`] waits for.
///
/// **Dropping it before it is ready cancels the chain.** Whoever awaited it is gone, as when the task that
/// awaits is itself cancelled, and the work behind the chain would be for nobody. Dropping a plain
/// `Deferred` does not cancel: there, what was added to it is somebody, and still wants to run.
///
/// Cancelling the chain by a handle lets the future end as the chain does, usually with
/// [`CancelledError`](crate::CancelledError), so that an `async fn` can catch it at its `.await`.
///
/// *Twisted's `Deferred.asFuture` and `Deferred.__await__`.*
#[must_use = "a future does nothing before it is awaited; dropping it cancels the chain"]
pub struct DeferredFuture<T: 'static> {
    state: State<T>,
}

enum State<T: 'static> {
    New(Deferred<T>),
    Waiting(Rc<Waiter<T>>, CancelHandle),
    Ready,
}

impl<T: 'static> IntoFuture for Deferred<T> {
    type Output = Result<T, Failure>;
    type IntoFuture = DeferredFuture<T>;

    fn into_future(self) -> DeferredFuture<T> {
        DeferredFuture {
            state: State::New(self),
        }
    }
}

impl<T: 'static> Unpin for DeferredFuture<T> {}

impl<T: 'static> Future for DeferredFuture<T> {
    type Output = Result<T, Failure>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let (waiter, handle) = match std::mem::replace(&mut self.state, State::Ready) {
            State::New(deferred) => {
                let (waiter, handle) = (Rc::<Waiter<T>>::default(), deferred.cancel_handle());
                if let Some(result) = deferred.end_in(waiter.clone()) {
                    return Poll::Ready(result);
                }
                (waiter, handle)
            }
            State::Waiting(waiter, handle) => (waiter, handle),
            State::Ready => panic!("polled after it was ready"),
        };
        if let Some(result) = waiter.result.take() {
            return Poll::Ready(result);
        }
        waiter.waker.set(Some(context.waker().clone()));
        self.state = State::Waiting(waiter, handle);
        Poll::Pending
    }
}

impl<T: 'static> Drop for DeferredFuture<T> {
    fn drop(&mut self) {
        match std::mem::replace(&mut self.state, State::Ready) {
            // Like any Deferred that is dropped, it reports its failure.
            State::New(deferred) if deferred.has_result() => drop(deferred),
            State::New(deferred) => {
                let handle = deferred.cancel_handle();
                // What it ends with is for nobody, and not worth a report.
                let _ = deferred.end_in(Rc::<Waiter<T>>::default());
                handle.cancel();
            }
            State::Waiting(waiter, handle) => match waiter.result.take() {
                None => handle.cancel(),
                Some(Err(failure)) => report::unhandled(&failure, None),
                Some(Ok(_)) => {}
            },
            State::Ready => {}
        }
    }
}

impl<T: 'static> fmt::Debug for DeferredFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeferredFuture").finish_non_exhaustive()
    }
}

/// The node in which an awaited chain ends.
struct Waiter<T> {
    /// The result, while the chain may still be paused.
    input: Cell<Option<Result<T, Failure>>>,
    result: Cell<Option<Result<T, Failure>>>,
    waker: Cell<Option<Waker>>,
}

impl<T> Default for Waiter<T> {
    fn default() -> Self {
        Self {
            input: Cell::new(None),
            result: Cell::new(None),
            waker: Cell::new(None),
        }
    }
}

impl<T: 'static> Sink<T> for Waiter<T> {
    fn accept(self: Rc<Self>, input: Result<T, Failure>) -> Rc<dyn Step> {
        self.input.set(Some(input));
        self
    }
}

impl<T: 'static> Step for Waiter<T> {
    fn step(self: Rc<Self>, _run: &mut node::Run) -> Option<Rc<dyn Step>> {
        self.result.set(self.input.take());
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        None
    }
}

/// Something that runs futures on this thread, such as a reactor.
pub trait Spawn {
    /// Runs `future` to its end, on this thread.
    ///
    /// It should be polled for the first time before this returns, and afterwards whenever it was woken,
    /// never from inside itself.
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()>>>);
}

impl<T: 'static> Deferred<T> {
    /// Has `future` run by `spawner`; the Deferred fires with what it ends with.
    ///
    /// Cancelling the Deferred drops the future, at once, or when its own poll that cancels it has returned.
    /// The future is dropped as soon as it has ended. A panic in it is a failure.
    ///
    /// *Twisted's `Deferred.fromCoroutine` and `ensureDeferred`.*
    #[track_caller]
    pub fn from_future<S: Spawn + ?Sized>(
        spawner: &S,
        future: impl Future<Output = Result<T, Failure>> + 'static,
    ) -> Self {
        let body: Rc<Body<T>> = Rc::new(Body {
            future: RefCell::new(Some(Box::pin(future))),
            waker: Cell::new(None),
            cancelled: Cell::new(false),
        });
        let cancelled = Rc::clone(&body);
        let (firer, deferred) = Self::with_canceller(move |_firer| cancelled.cancel());
        spawner.spawn(Box::pin(async move {
            if let Some(result) = Run(body).await {
                firer.fire(result);
            }
        }));
        deferred
    }
}

type BoxedFuture<T> = Pin<Box<dyn Future<Output = Result<T, Failure>>>>;

/// A future that runs for a Deferred.
struct Body<T> {
    /// Taken out while it is polled; gone when it has ended or was cancelled.
    future: RefCell<Option<BoxedFuture<T>>>,
    waker: Cell<Option<Waker>>,
    cancelled: Cell<bool>,
}

impl<T> Body<T> {
    /// Drops the future, and has the task end.
    fn cancel(&self) {
        self.cancelled.set(true);
        let future = self.future.take();
        drop(future);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// The task of a [`Body`]: its output, or nothing if it was cancelled.
struct Run<T>(Rc<Body<T>>);

impl<T> Future for Run<T> {
    type Output = Option<Result<T, Failure>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let body = &self.0;
        let future = body.future.take();
        let Some(mut future) = future else {
            return Poll::Ready(None);
        };
        let polled = Failure::catch(|| future.as_mut().poll(context))
            .unwrap_or_else(|panic| Poll::Ready(Err(panic)));
        let output = match polled {
            Poll::Ready(result) => Some(result),
            Poll::Pending if body.cancelled.get() => None,
            Poll::Pending => {
                body.waker.set(Some(context.waker().clone()));
                *body.future.borrow_mut() = Some(future);
                return Poll::Pending;
            }
        };
        if let Err(panic) = Failure::catch(|| drop(future)) {
            report("Unhandled error in a future that was dropped", &panic);
        }
        Poll::Ready(output)
    }
}
