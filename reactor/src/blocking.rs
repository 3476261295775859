//! Calls from other threads that wait for their result.

use std::rc::Rc;
use std::sync::mpsc::{self, SyncSender};

use deferred::{Failure, Outcome, maybe_deferred};

use crate::reactor::{Reactor, ReactorError};
use crate::remote::RemoteHandle;

impl RemoteHandle {
    /// Runs `f` on the reactor's thread, and waits for what it returns: a value, or that of its Deferred.
    ///
    /// It takes its turn among the calls that this thread has sent before. A call that is made before
    /// the reactor runs for the first time waits for the run.
    ///
    /// # Errors
    ///
    /// The failure of `f`, which may be its panic, or that of its Deferred. Besides, as the error within
    /// the failure:
    ///
    /// - [`ReactorError::OwnThread`] on the thread that the reactor belongs to, whether it runs or not:
    ///   the call would wait for itself;
    /// - [`ReactorError::Closed`] if the reactor is gone;
    /// - [`ReactorError::NotRunning`] if its run has ended and no other has begun; also if the run
    ///   ends, or the reactor is dropped, while the call waits. `f` was not called then, or what
    ///   becomes of its Deferred is of no interest to anyone.
    ///
    /// # Examples
    ///
    /// ```
    /// use reactor::Reactor;
    /// use std::thread;
    ///
    /// let reactor = Reactor::new()?;
    /// let remote = reactor.remote_handle();
    /// let other = thread::spawn(move || {
    ///     let now = remote.blocking_call_from_thread(|reactor| Ok(reactor.now()));
    ///     remote.stop()?;
    ///     now
    /// });
    /// reactor.run()?;
    ///
    /// println!("it was {:?}", other.join().unwrap()?);
    /// # Ok::<(), deferred::Failure>(())
    /// ```
    ///
    /// *Twisted's `blockingCallFromThread`, which waits for ever in the three cases above.*
    pub fn blocking_call_from_thread<R>(
        &self,
        f: impl FnOnce(&Reactor) -> R + Send + 'static,
    ) -> Result<R::Value, Failure>
    where
        R: Outcome,
        R::Value: Send + 'static,
    {
        if self.is_own_thread() {
            return Err(ReactorError::OwnThread.into());
        }
        let (answer, answered) = mpsc::sync_channel(1);
        self.ask(move |reactor| run_and_answer(reactor, f, answer))?;
        // Whatever drops the other end says with it that nobody will answer.
        let answered = answered.recv();
        answered.unwrap_or_else(|_| Err(ReactorError::NotRunning.into()))
    }
}

/// Runs `f`, and sends its result when it is there, but not after this run.
fn run_and_answer<R>(
    reactor: &Reactor,
    f: impl FnOnce(&Reactor) -> R,
    answer: SyncSender<Result<R::Value, Failure>>,
) where
    R: Outcome,
    R::Value: 'static,
{
    let core = Rc::downgrade(&reactor.core);
    let place = reactor.core.parked.place();
    reactor.core.parked.park(place, answer);
    maybe_deferred(|| f(reactor))
        .add_both(move |result| {
            let parked = core.upgrade().and_then(|core| core.parked.take(place));
            // Without it, the caller was told already that the run has ended.
            if let Some::<SyncSender<_>>(answer) = parked {
                answer.send(result).ok();
            }
            Ok(())
        })
        .ignore();
}
