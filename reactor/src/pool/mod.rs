//! Threads for work that would block the loop.

mod state;

use std::fmt;
use std::io;
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle, ThreadId};

use deferred::{Failure, report};

use self::state::{Phase, Shared, State, Ticket};
use crate::callback::CallResult;

/// Threads that do work, as many as there is work for, within limits.
///
/// A pool has no threads until it is [started](Self::start), and none when it is [stopped](Self::stop);
/// in between it begins with its minimum, and takes one more whenever work comes and all are busy, up to
/// its maximum. What it has, it keeps. Work that is handed to a pool which is not started waits until it
/// is. Work begins in the order in which it was handed over.
///
/// A pool can be used from all threads. One that is dropped drops the work that has not begun, and waits
/// for the rest.
///
/// Every [`Reactor`](crate::Reactor) has one, which it starts and stops itself: its
/// [`thread_pool`](crate::Reactor::thread_pool). One of your own is for work that should not wait for
/// other work, or has to be done by a certain number of threads; its results come to a reactor by
/// [`defer_to_thread_pool`](crate::Reactor::defer_to_thread_pool).
///
/// # Examples
///
/// ```
/// use reactor::ThreadPool;
/// use std::sync::mpsc;
///
/// let pool = ThreadPool::with_limits(0, 2);
/// let (words, heard) = mpsc::channel();
/// for word in ["much", "ado"] {
///     let words = words.clone();
///     pool.call_in_thread(move || Ok::<_, mpsc::SendError<_>>(words.send(word)?))?;
/// }
///
/// pool.start()?;
/// pool.stop();
///
/// let mut heard: Vec<_> = heard.try_iter().collect();
/// heard.sort();
/// assert_eq!(heard, ["ado", "much"]);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// *Twisted's `ThreadPool`.*
pub struct ThreadPool {
    shared: Arc<Shared>,
}

/// What is reported when work fails and nobody waits for it.
const UNHANDLED: &str = "Unhandled error in a thread of a pool";

impl ThreadPool {
    /// Makes a pool of 5 to 20 threads, as Twisted's is.
    #[must_use]
    pub fn new() -> Self {
        Self::with_limits(5, 20)
    }

    /// Makes a pool that has at least `minimum` threads while it is started, and at most `maximum`.
    ///
    /// # Panics
    ///
    /// If `maximum` is zero or less than `minimum`.
    #[must_use]
    #[track_caller]
    pub fn with_limits(minimum: usize, maximum: usize) -> Self {
        assert_limits(minimum, maximum);
        Self {
            shared: Arc::new(Shared::new(minimum, maximum)),
        }
    }

    /// Starts the minimum of threads, or as many as there is work for, and begins with the work.
    ///
    /// Without effect on a pool that is started. If the system gives some threads, but not as many, the
    /// pool goes on with these; it asks for more whenever work comes.
    ///
    /// # Errors
    ///
    /// If the system gives no thread at all, or the pool is being stopped; it is not started then, and
    /// the work stays.
    pub fn start(&self) -> io::Result<()> {
        let mut state = self.shared.lock();
        match state.phase {
            Phase::Started => return Ok(()),
            Phase::Stopping { .. } => return Err(io::Error::other("the pool is being stopped")),
            Phase::Stopped => state.phase = Phase::Started,
        }
        let grown = self.grow(&mut state);
        if grown.is_err() {
            state.phase = Phase::Stopped;
        }
        grown
    }

    /// Waits until all work that was handed over before is done, and all threads have ended.
    ///
    /// Work that comes later waits for the next [`start`](Self::start). Without effect on a pool that
    /// is not started, or is being stopped already. Called by work of the pool itself, it does not wait
    /// for that: its thread ends when the work is done.
    ///
    /// There is no limit of time: work that never ends blocks the caller for ever.
    pub fn stop(&self) {
        let state = self.shared.lock();
        let before = state.next_ticket();
        if state.phase == Phase::Started {
            self.end(state, before);
        }
    }

    /// Has `f` done by a thread of the pool.
    ///
    /// If it returns an error or panics, that is reported, and the thread takes up the next work.
    ///
    /// # Errors
    ///
    /// If the pool is started, has no thread, and the system gives none; `f` is dropped.
    ///
    /// *Twisted's `callInThread`.*
    pub fn call_in_thread<R: CallResult>(
        &self,
        f: impl FnOnce() -> R + Send + 'static,
    ) -> io::Result<()> {
        self.submit(move || run(f)).map(drop)
    }

    /// Has `f` done by a thread of the pool, and `on_result` called there with what it returned.
    ///
    /// A panic of `f` is a failure. What fails in `on_result` is reported. Both are dropped, and
    /// `on_result` is not called, if the pool is dropped before `f` has begun.
    ///
    /// # Errors
    ///
    /// As for [`call_in_thread`](Self::call_in_thread); both are dropped.
    ///
    /// *Twisted's `callInThreadWithCallback`, where success and result are two arguments.*
    pub fn call_in_thread_with_callback<T, R: CallResult>(
        &self,
        f: impl FnOnce() -> Result<T, Failure> + Send + 'static,
        on_result: impl FnOnce(Result<T, Failure>) -> R + Send + 'static,
    ) -> io::Result<()> {
        self.call_in_thread(move || on_result(Failure::catch(f).and_then(|result| result)))
    }

    /// Has all these done by one thread of the pool, one after the other.
    ///
    /// One that fails is reported, and does not keep the next one from its turn.
    ///
    /// # Errors
    ///
    /// As for [`call_in_thread`](Self::call_in_thread); all are dropped.
    ///
    /// *Twisted's `callMultipleInThread`, where the first error is the end of it.*
    pub fn call_multiple<R, F>(&self, functions: impl IntoIterator<Item = F>) -> io::Result<()>
    where
        R: CallResult,
        F: FnOnce() -> R + Send + 'static,
    {
        let functions: Vec<_> = functions.into_iter().collect();
        self.submit(move || functions.into_iter().for_each(run))
            .map(drop)
    }

    /// Has at least `minimum` threads from now on, and at most `maximum`.
    ///
    /// A started pool takes at once the threads that it may now have and needs; those that are too many
    /// end as soon as they are done with their work. Where the system gives none, it goes on with what
    /// it has.
    ///
    /// # Panics
    ///
    /// If `maximum` is zero or less than `minimum`.
    ///
    /// *Twisted's `adjustPoolsize`.*
    #[track_caller]
    pub fn resize(&self, minimum: usize, maximum: usize) {
        assert_limits(minimum, maximum);
        let mut state = self.shared.lock();
        (state.minimum, state.maximum) = (minimum, maximum);
        if let Err(error) = self.grow(&mut state) {
            // Only its minimum is missing: where there is work, there is a thread.
            log::warn!(target: "reactor", "a pool has no thread yet: {error}");
        }
        drop(state);
        self.shared.changed.notify_all();
    }

    /// The fewest threads that it has while it is started, and the most.
    #[must_use]
    pub fn limits(&self) -> (usize, usize) {
        let state = self.shared.lock();
        (state.minimum, state.maximum)
    }

    /// How many threads it has now.
    #[must_use]
    pub fn threads(&self) -> usize {
        self.shared.lock().threads.len()
    }

    /// How much work waits for a thread now.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.shared.lock().queue.len()
    }

    /// How many of the threads work now.
    #[must_use]
    pub fn working(&self) -> usize {
        self.shared.lock().working
    }

    /// Has `work` done by one of the threads; the ticket is for taking it back.
    pub(crate) fn submit(&self, work: impl FnOnce() + Send + 'static) -> io::Result<Ticket> {
        let mut state = self.shared.lock();
        let ticket = state.push(Box::new(work));
        if let Err(error) = self.grow(&mut state) {
            let work = state.queue.remove(&ticket);
            drop(state);
            drop(work);
            return Err(error);
        }
        drop(state);
        self.shared.changed.notify_one();
        Ok(ticket)
    }

    /// What takes the work with this ticket back.
    pub(crate) fn withdrawal(&self, ticket: Ticket) -> Withdrawal {
        Withdrawal {
            shared: Arc::downgrade(&self.shared),
            ticket,
        }
    }

    /// Drops the work that has not begun, and waits until the rest is done and all threads have ended.
    pub(crate) fn close(&self) {
        let mut state = self.shared.lock();
        let dropped = std::mem::take(&mut state.queue);
        let started = state.phase == Phase::Started;
        if started {
            // From now on no thread begins with any.
            state.phase = Phase::Stopping { before: 0 };
        }
        drop(state);
        // The work that is under way may wait for what is dropped here, and must have ended after that.
        dropped.into_values().for_each(discard);
        if started {
            self.end(self.shared.lock(), 0);
        }
    }

    /// Waits until the work with lower tickets is done, and all threads have ended.
    fn end(&self, mut state: state::Guard<'_>, before: Ticket) {
        state.phase = Phase::Stopping { before };
        let threads: Vec<(ThreadId, JoinHandle<()>)> = state.threads.drain().collect();
        let left = std::mem::take(&mut state.left);
        drop(state);
        self.shared.changed.notify_all();
        let here = thread::current().id();
        let others = threads.into_iter().filter(|(id, _)| *id != here);
        for thread in others.map(|(_, thread)| thread).chain(left) {
            // A worker catches all panics of its work.
            drop(thread.join());
        }
        self.shared.lock().phase = Phase::Stopped;
    }

    /// Starts the threads that are missing, if the pool is started.
    ///
    /// # Errors
    ///
    /// If it needs threads and has none. With some it goes on.
    fn grow(&self, state: &mut State) -> io::Result<()> {
        if state.phase != Phase::Started {
            return Ok(());
        }
        while state.threads.len() < state.threads_wanted() {
            let shared = Arc::clone(&self.shared);
            let spawned = thread::Builder::new()
                .name("reactor-pool".into())
                .spawn(move || shared.work());
            match spawned {
                Ok(thread) => drop(state.threads.insert(thread.thread().id(), thread)),
                Err(error) if state.threads.is_empty() => return Err(error),
                Err(error) => {
                    let threads = state.threads.len();
                    log::warn!(target: "reactor", "a pool stays at {threads} threads: {error}");
                    break;
                }
            }
        }
        Ok(())
    }
}

impl Default for ThreadPool {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for ThreadPool {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for ThreadPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.lock();
        f.debug_struct("ThreadPool")
            .field("minimum", &state.minimum)
            .field("maximum", &state.maximum)
            .field("threads", &state.threads.len())
            .field("queued", &state.queue.len())
            .field("working", &state.working)
            .finish_non_exhaustive()
    }
}

/// Takes work back when it is dropped, so that it never runs, if it has not begun.
pub(crate) struct Withdrawal {
    shared: Weak<Shared>,
    ticket: Ticket,
}

impl Drop for Withdrawal {
    fn drop(&mut self) {
        let Some(shared) = self.shared.upgrade() else {
            return;
        };
        let work = shared.lock().queue.remove(&self.ticket);
        work.into_iter().for_each(discard);
    }
}

/// Drops what the program gave, which may panic.
fn discard(work: state::Work) {
    if let Err(panic) = Failure::catch(|| drop(work)) {
        report("Unhandled error in work that was dropped", &panic);
    }
}

/// Does work that nobody waits for.
fn run<R: CallResult>(f: impl FnOnce() -> R) {
    let failure = match Failure::catch(f) {
        Ok(result) => result.into_failure(),
        Err(panic) => Some(panic),
    };
    if let Some(failure) = failure {
        report(UNHANDLED, &failure);
    }
}

#[track_caller]
fn assert_limits(minimum: usize, maximum: usize) {
    assert!(maximum > 0, "a pool needs at least one thread");
    assert!(
        minimum <= maximum,
        "a pool cannot have at least {minimum} and at most {maximum} threads"
    );
}
