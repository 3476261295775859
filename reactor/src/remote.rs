//! Reaching a reactor from other threads.

use std::fmt;
use std::io::{self, Read, Write};
use std::mem;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use deferred::Failure;

use crate::descriptors::{Descriptor, ReadDescriptor};
use crate::{Reactor, ReactorError};

type RemoteCall = Box<dyn FnOnce(&Reactor) + Send>;

/// A handle to a reactor that other threads may have: it carries calls over to the reactor's thread.
///
/// *Twisted's `IReactorFromThreads`.*
#[derive(Clone)]
pub struct RemoteHandle {
    shared: Arc<Shared>,
}

/// What a reactor shares with other threads.
struct Shared {
    calls: Mutex<Queue>,
    /// Set while there may be calls, so that a turn without any takes no lock.
    pending: AtomicBool,
    wake_up: UnixStream,
}

#[derive(Default)]
struct Queue {
    calls: Vec<RemoteCall>,
    /// What the reactor's own threads have for it; it means nothing after the run.
    results: Vec<RemoteCall>,
    closed: bool,
}

impl RemoteHandle {
    /// Runs `f` on the reactor's thread: in its next turn, or once it runs.
    ///
    /// Calls from one thread run in the order in which they were sent. A reactor that waits is woken up,
    /// once for all the calls that it has not run yet.
    ///
    /// # Errors
    ///
    /// [`ReactorError::Closed`] if the reactor is gone; `f` is dropped.
    pub fn call_from_thread(
        &self,
        f: impl FnOnce(&Reactor) + Send + 'static,
    ) -> Result<(), ReactorError> {
        self.send(Box::new(f), |queue| &mut queue.calls)
    }

    /// As [`call_from_thread`](Self::call_from_thread), for a result of work that was done for this run.
    pub(crate) fn bring_result(
        &self,
        f: impl FnOnce(&Reactor) + Send + 'static,
    ) -> Result<(), ReactorError> {
        self.send(Box::new(f), |queue| &mut queue.results)
    }

    fn send(
        &self,
        call: RemoteCall,
        list: impl FnOnce(&mut Queue) -> &mut Vec<RemoteCall>,
    ) -> Result<(), ReactorError> {
        let mut queue = self
            .shared
            .calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if queue.closed {
            return Err(ReactorError::Closed);
        }
        let first = queue.calls.is_empty() && queue.results.is_empty();
        list(&mut queue).push(call);
        drop(queue);
        if first {
            self.shared.pending.store(true, Ordering::Release);
            // The one error that can happen is a full buffer, which wakes the reactor up as well.
            drop((&self.shared.wake_up).write(&[0]));
        }
        Ok(())
    }

    /// Makes the shared state, and the descriptor on whose readiness the reactor wakes up.
    pub(crate) fn new() -> io::Result<(Self, Rc<WakeUp>)> {
        let (wake_up, woken) = UnixStream::pair()?;
        wake_up.set_nonblocking(true)?;
        woken.set_nonblocking(true)?;
        let shared = Shared {
            calls: Mutex::default(),
            pending: AtomicBool::new(false),
            wake_up,
        };
        Ok((
            Self {
                shared: Arc::new(shared),
            },
            Rc::new(WakeUp { woken }),
        ))
    }

    /// Another end that wakes the reactor up, for a signal handler.
    pub(crate) fn waker(&self) -> io::Result<UnixStream> {
        self.shared.wake_up.try_clone()
    }

    /// The calls that were sent since this was last called.
    pub(crate) fn take(&self) -> Vec<RemoteCall> {
        if !self.shared.pending.swap(false, Ordering::Acquire) {
            return Vec::new();
        }
        let mut queue = self
            .shared
            .calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut calls = mem::take(&mut queue.results);
        calls.append(&mut queue.calls);
        calls
    }

    /// Drops the results that have come too late for the run.
    pub(crate) fn drop_results(&self) {
        let mut queue = self
            .shared
            .calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let results = mem::take(&mut queue.results);
        drop(queue);
        drop(results);
    }

    /// Refuses all calls from now on, and drops those that wait.
    pub(crate) fn close(&self) {
        let mut queue = self
            .shared
            .calls
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        queue.closed = true;
        let (calls, results) = (mem::take(&mut queue.calls), mem::take(&mut queue.results));
        drop(queue);
        drop((calls, results));
    }
}

impl fmt::Debug for RemoteHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteHandle").finish_non_exhaustive()
    }
}

/// The descriptor that becomes readable when another thread, or a signal, wants the reactor's attention.
///
/// What was sent is read and forgotten: it only ends the wait, and the next turn looks what there is.
pub(crate) struct WakeUp {
    woken: UnixStream,
}

impl AsFd for WakeUp {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.woken.as_fd()
    }
}

impl Descriptor for WakeUp {
    fn connection_lost(self: Rc<Self>, _reactor: &Reactor, _reason: Failure) {}
}

impl ReadDescriptor for WakeUp {
    fn do_read(self: Rc<Self>, _reactor: &Reactor) -> Result<(), Failure> {
        // If more is there, the descriptor stays readable, and is read again in the next turn.
        match (&self.woken).read(&mut [0; 64]) {
            Err(error)
                if !matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                Err(error.into())
            }
            _ => Ok(()),
        }
    }
}
