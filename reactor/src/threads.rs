//! Work that a reactor has done on other threads, and how its results come back.

use std::any::Any;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::io;
use std::rc::Rc;

use deferred::{Deferred, Failure, Firer};

use crate::callback::CallResult;
use crate::pool::{ThreadPool, Withdrawal};
use crate::reactor::Reactor;

/// As many threads at most: work that blocks waits for something, and rarely needs more at a time.
///
/// *The size of the pool of Twisted's reactor.*
const MOST_THREADS: usize = 10;

impl Reactor {
    /// The reactor's own pool, made when it is first asked for; it has at most ten threads.
    ///
    /// It is started when the reactor runs, and has no thread before there is work. When the run ends,
    /// it drops the work that has not begun, and [`run`](Self::run) returns when the rest is done: **work
    /// that takes long delays the end of the program**, also when Ctrl-C has asked for it. To
    /// look up a name for which no server answers, say, takes many seconds. Work that may take so long
    /// should look now and then whether it is still wanted.
    ///
    /// *Twisted's `getThreadPool`.*
    #[must_use]
    pub fn thread_pool(&self) -> &ThreadPool {
        self.core.pool.get()
    }

    /// Has the reactor's own pool take at most this many threads from now on, be it more or fewer.
    ///
    /// # Panics
    ///
    /// If it is zero.
    ///
    /// *Twisted's `suggestThreadPoolSize`.*
    #[track_caller]
    pub fn suggest_thread_pool_size(&self, maximum: usize) {
        let pool = self.thread_pool();
        let (minimum, _) = pool.limits();
        pool.resize(minimum.min(maximum), maximum);
    }

    /// Has `f` done by a thread of the reactor's own pool, and does not ask what comes of it.
    ///
    /// If it returns an error or panics, that is reported. Work handed over before the reactor runs
    /// begins when it runs.
    ///
    /// # Errors
    ///
    /// If the reactor is stopping or gone, or the system gives not even one thread; `f` is dropped.
    ///
    /// *Twisted's `callInThread`.*
    pub fn call_in_thread<R: CallResult>(
        &self,
        f: impl FnOnce() -> R + Send + 'static,
    ) -> io::Result<()> {
        self.pool_for_adding()?.call_in_thread(f)
    }

    /// Has all these done by one thread of the reactor's own pool, one after the other.
    ///
    /// See [`ThreadPool::call_multiple`].
    ///
    /// # Errors
    ///
    /// As for [`call_in_thread`](Self::call_in_thread); all are dropped.
    ///
    /// *Twisted's `callMultipleInThread`.*
    pub fn call_multiple_in_thread<R, F>(
        &self,
        functions: impl IntoIterator<Item = F>,
    ) -> io::Result<()>
    where
        R: CallResult,
        F: FnOnce() -> R + Send + 'static,
    {
        self.pool_for_adding()?.call_multiple(functions)
    }

    /// Runs `f` on a thread of the reactor's own pool; the Deferred fires on this thread with what it
    /// returned, or with its panic.
    ///
    /// Only the work and its result go from thread to thread; the Deferred, and what is added to it, stay
    /// on this one. Work handed over before the reactor runs begins when it runs. When the reactor stops,
    /// work that has not begun is dropped, and the Deferreds of all work end with
    /// [`Abandoned`](deferred::Abandoned); see [`thread_pool`](Self::thread_pool) for work that has begun.
    ///
    /// A Deferred that is cancelled ends with [`CancelledError`](deferred::CancelledError). Work that has
    /// not begun never runs then, and is dropped at once; of work that has, the result is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use reactor::Reactor;
    /// use std::fs;
    ///
    /// let reactor = Reactor::new()?;
    /// let stopping = reactor.clone();
    /// reactor
    ///     .defer_to_thread(|| Ok(fs::read_to_string("Cargo.toml")?))
    ///     .add_callback(|text| Ok(println!("{} lines", text.lines().count())))
    ///     .add_both(move |_| Ok(stopping.stop()?))
    ///     .ignore();
    /// reactor.run()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A Deferred cannot go along:
    ///
    /// ```compile_fail,E0277
    /// use deferred::Deferred;
    /// use reactor::Reactor;
    ///
    /// let reactor = Reactor::new().unwrap();
    /// let (_firer, deferred) = Deferred::<u32>::new();
    /// reactor.defer_to_thread(move || Ok(drop(deferred))).ignore();
    /// ```
    ///
    /// *Twisted's `deferToThread`, where cancelling keeps no work from running.*
    pub fn defer_to_thread<T: Send + 'static>(
        &self,
        f: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Deferred<T> {
        self.defer_to_thread_pool(self.thread_pool(), f)
    }

    /// Runs `f` on a thread of this pool; the Deferred fires on this thread with what it returned.
    ///
    /// It is as [`defer_to_thread`](Self::defer_to_thread), with a pool that the program starts and stops.
    /// The work begins when the pool has a thread for it, also before the reactor runs; the result waits
    /// for the run. When a run ends, the Deferreds end with [`Abandoned`](deferred::Abandoned), and work that has
    /// not begun is taken out of the pool, which itself goes on; nobody waits for work that has begun.
    ///
    /// *Twisted's `deferToThreadPool`.*
    pub fn defer_to_thread_pool<T: Send + 'static>(
        &self,
        pool: &ThreadPool,
        f: impl FnOnce() -> Result<T, Failure> + Send + 'static,
    ) -> Deferred<T> {
        if self.core.is_closed() {
            // Nobody would fire it: it ends as abandoned, now.
            let (_, deferred) = Deferred::new();
            return deferred;
        }
        let place = self.core.parked.place();
        let core = Rc::downgrade(&self.core);
        let (firer, deferred) = Deferred::with_canceller(move |_| {
            let parked = core.upgrade().and_then(|core| core.parked.take(place));
            // With it goes the work, if it has not begun.
            drop::<Option<Awaited<T>>>(parked);
        });

        let remote = self.remote_handle();
        let submitted = pool.submit(move || {
            let result = Failure::catch(f).and_then(|result| result);
            // A reactor that is gone has no use for the result.
            drop(remote.bring_result(move |reactor| {
                if let Some(awaited) = reactor.core.parked.take::<Awaited<T>>(place) {
                    awaited.firer.fire(result);
                }
            }));
        });
        match submitted {
            Ok(ticket) => {
                let awaited = Awaited {
                    _withdrawal: pool.withdrawal(ticket),
                    firer,
                };
                self.core.parked.park(place, awaited);
            }
            Err(error) => drop(firer.errback(error)),
        }
        deferred
    }

    fn pool_for_adding(&self) -> io::Result<&ThreadPool> {
        if self.core.is_closed() {
            return Err(io::Error::other(
                "the reactor has stopped, and takes no work",
            ));
        }
        Ok(self.thread_pool())
    }
}

/// The pool of a reactor, if it was asked for yet.
#[derive(Default)]
pub(crate) struct OwnPool {
    pool: OnceCell<ThreadPool>,
    open: Cell<bool>,
}

impl OwnPool {
    /// Begins to do the work that waits, and what comes.
    pub(crate) fn open(&self) -> io::Result<()> {
        self.open.set(true);
        self.pool.get().map_or(Ok(()), ThreadPool::start)
    }

    /// Drops the work that has not begun, and waits until the rest is done and all threads have ended.
    pub(crate) fn close(&self) {
        self.open.set(false);
        if let Some(pool) = self.pool.get() {
            pool.close();
        }
    }

    fn get(&self) -> &ThreadPool {
        self.pool.get_or_init(|| {
            let pool = ThreadPool::with_limits(0, MOST_THREADS);
            if self.open.get() {
                pool.start().expect("a pool without work needs no thread");
            }
            pool
        })
    }
}

/// What waits on the reactor's thread for an answer from another one, or for an answer to it.
///
/// It means nothing after the run.
#[derive(Default)]
pub(crate) struct Parked {
    waiting: RefCell<HashMap<Place, Box<dyn Any>>>,
    places: Cell<Place>,
}

/// Where something is parked; no place is taken twice.
pub(crate) type Place = u64;

impl Parked {
    pub(crate) fn place(&self) -> Place {
        let place = self.places.get();
        self.places.set(place + 1);
        place
    }

    pub(crate) fn park<T: 'static>(&self, place: Place, what: T) {
        self.waiting.borrow_mut().insert(place, Box::new(what));
    }

    pub(crate) fn take<T: 'static>(&self, place: Place) -> Option<T> {
        let parked = self.waiting.borrow_mut().remove(&place)?;
        parked.downcast().ok().map(|parked| *parked)
    }

    pub(crate) fn clear(&self) {
        let waiting = self.waiting.take();
        drop(waiting);
    }
}

/// A chain that waits for work; when it is dropped, the work is withdrawn before the chain ends.
struct Awaited<T: 'static> {
    _withdrawal: Withdrawal,
    firer: Firer<T>,
}
