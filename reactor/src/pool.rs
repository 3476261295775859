//! Threads for work that would block the loop.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use deferred::{Failure, report};

/// As many threads at most: work that blocks waits for something, and rarely needs more at a time.
///
/// *The size of the pool of Twisted's reactor.*
const MOST_THREADS: usize = 10;

type Work = Box<dyn FnOnce() + Send>;

/// A pool that starts threads as work comes, up to a bound, while it is open.
///
/// Work given to a closed pool is kept until it is opened.
#[derive(Default)]
pub(crate) struct Pool {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    open: bool,
    queue: VecDeque<Work>,
    /// Threads that wait for work.
    idle: usize,
    threads: Vec<JoinHandle<()>>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pool {
    /// Begins to do the work that waits, and what comes.
    pub(crate) fn open(&self) -> io::Result<()> {
        let mut state = self.shared.lock();
        state.open = true;
        for _ in 0..state.queue.len().min(MOST_THREADS) {
            self.start_thread(&mut state)?;
        }
        Ok(())
    }

    /// Has `work` done by one of the threads.
    ///
    /// # Errors
    ///
    /// If there is no thread and the system gives none; the work is dropped.
    pub(crate) fn submit(&self, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let mut state = self.shared.lock();
        let short_of_threads =
            state.queue.len() >= state.idle && state.threads.len() < MOST_THREADS;
        if state.open && short_of_threads {
            let started = self.start_thread(&mut state);
            if state.threads.is_empty() {
                started?;
            }
        }
        state.queue.push_back(Box::new(work));
        drop(state);
        self.shared.changed.notify_one();
        Ok(())
    }

    fn start_thread(&self, state: &mut State) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        let thread = thread::Builder::new()
            .name("reactor-pool".into())
            .spawn(move || work(&shared))?;
        state.threads.push(thread);
        Ok(())
    }

    /// Drops the work that has not begun, and waits until the rest is done and all threads have ended.
    pub(crate) fn close(&self) {
        let mut state = self.shared.lock();
        state.open = false;
        let dropped = std::mem::take(&mut state.queue);
        let threads = std::mem::take(&mut state.threads);
        drop(state);
        drop(dropped);
        self.shared.changed.notify_all();
        for thread in threads {
            // A worker catches all panics of its work.
            drop(thread.join());
        }
    }
}

/// What each thread does: takes work until the pool closes.
fn work(shared: &Shared) {
    let mut state = shared.lock();
    while state.open {
        if let Some(work) = state.queue.pop_front() {
            drop(state);
            if let Err(failure) = Failure::catch(work) {
                report(
                    "Unhandled error in a thread of the reactor's pool",
                    &failure,
                );
            }
            state = shared.lock();
        } else {
            state.idle += 1;
            state = shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}
