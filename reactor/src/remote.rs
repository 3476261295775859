//! Reaching a reactor from other threads.

use std::fmt;
use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, ThreadId};

use deferred::Failure;
use rustix::fs::OFlags;

use crate::crossing::{Crossing, Kind, Refused, Sent};
use crate::descriptors::{Descriptor, ReadDescriptor};
use crate::spawn::TaskId;
use crate::{Reactor, ReactorError};

/// What is on its way to the loop.
pub(crate) enum Remote {
    /// A call, and where the program sent it.
    Call(Box<dyn FnOnce(&Reactor) + Send>, &'static Location<'static>),
    /// A task was woken.
    Wake(TaskId),
}

/// How many calls of other threads run in one turn at most.
///
/// A thousand calls that do little take less than a tenth of a millisecond, for which readers and writers
/// can wait; and what a turn costs besides, a microsecond or two, is little beside them.
const MOST_IN_A_TURN: usize = 1000;

/// A handle to a reactor that other threads may have: it carries calls over to the reactor's thread.
///
/// The reactor itself, and all that belongs to it, cannot leave its thread:
///
/// ```compile_fail,E0277
/// use reactor::Reactor;
///
/// let reactor = Reactor::new().unwrap();
/// std::thread::spawn(move || reactor.stop());
/// ```
///
/// The handle can:
///
/// ```
/// use reactor::Reactor;
///
/// let reactor = Reactor::new()?;
/// let remote = reactor.remote_handle();
/// std::thread::spawn(move || remote.stop());
/// reactor.run()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// *Twisted's `IReactorFromThreads`.*
#[derive(Clone)]
pub struct RemoteHandle {
    shared: Arc<Shared>,
}

/// What a reactor shares with other threads.
struct Shared {
    calls: Crossing<Remote>,
    /// Whether the reactor runs, until its run has returned.
    running: AtomicBool,
    /// The thread that the reactor was made on, which it cannot leave.
    thread: ThreadId,
    /// A pipe, which costs less than a pair of sockets. Both ends stay open for all who may write: for a pipe that nobody
    /// reads, the system would send a signal.
    wake_up: PipeWriter,
    woken: PipeReader,
}

impl RemoteHandle {
    /// Runs `f` on the reactor's thread: in its next turn, or once it runs.
    ///
    /// Calls from one thread run in the order in which they were sent. A reactor that waits is woken up,
    /// once for all the calls that it has not run yet. A turn runs a thousand calls at most; the next one
    /// follows without waiting. Calls that are left when a run ends wait for the next one.
    ///
    /// # Errors
    ///
    /// [`ReactorError::Closed`] if the reactor is gone; `f` is dropped.
    ///
    /// *Twisted's `callFromThread`.*
    #[track_caller]
    pub fn call_from_thread(
        &self,
        f: impl FnOnce(&Reactor) + Send + 'static,
    ) -> Result<(), ReactorError> {
        self.send(Kind::Call, f)
    }

    /// Ends the run, as [`Reactor::stop`] does on the reactor's thread, in its turn among the calls sent.
    ///
    /// Before the reactor has run, it ends its first run as soon as that begins. Without effect if
    /// something else ends the run before.
    ///
    /// # Errors
    ///
    /// [`ReactorError::NotRunning`] if its run has ended and no other has begun;
    /// [`ReactorError::Closed`] if it is gone.
    pub fn stop(&self) -> Result<(), ReactorError> {
        // The one error there: it has been stopped already.
        self.ask(|reactor| drop(reactor.stop()))
    }

    /// Whether this is the thread of the reactor, and it runs now: true in all of its callbacks.
    ///
    /// *Twisted's `isInIOThread`.*
    #[must_use]
    pub fn is_in_reactor_thread(&self) -> bool {
        self.is_own_thread() && self.shared.running.load(Ordering::Relaxed)
    }

    /// Whether this is the thread of the reactor, be it running or not.
    pub(crate) fn is_own_thread(&self) -> bool {
        self.shared.thread == thread::current().id()
    }

    /// As [`call_from_thread`](Self::call_from_thread), for a result of work that was done for this run.
    #[track_caller]
    pub(crate) fn bring_result(
        &self,
        f: impl FnOnce(&Reactor) + Send + 'static,
    ) -> Result<(), ReactorError> {
        self.send(Kind::Result, f)
    }

    /// As [`call_from_thread`](Self::call_from_thread), for what is asked of this run and no other.
    #[track_caller]
    pub(crate) fn ask(
        &self,
        f: impl FnOnce(&Reactor) + Send + 'static,
    ) -> Result<(), ReactorError> {
        self.send(Kind::Request, f)
    }

    #[track_caller]
    fn send(
        &self,
        kind: Kind,
        call: impl FnOnce(&Reactor) + Send + 'static,
    ) -> Result<(), ReactorError> {
        let call = Remote::Call(Box::new(call), Location::caller());
        self.bring(kind, call).map_err(|refused| match refused {
            Refused::Ended => ReactorError::NotRunning,
            Refused::Closed => ReactorError::Closed,
        })
    }

    /// Wakes a task, in the reactor's next turn or once it runs; without effect if the reactor is gone.
    pub(crate) fn wake(&self, task: TaskId) {
        let _ = self.bring(Kind::Call, Remote::Wake(task));
    }

    /// Brings something over to the loop.
    fn bring(&self, kind: Kind, remote: Remote) -> Result<(), Refused> {
        // The one error that can happen is a full buffer, which wakes the reactor up as well.
        let wake = || drop((&self.shared.wake_up).write(&[0]));
        self.shared.calls.send(kind, remote, wake)
    }

    /// Makes the shared state, and the descriptor on whose readiness the reactor wakes up.
    pub(crate) fn new() -> io::Result<(Self, Rc<WakeUp>)> {
        let (woken, wake_up) = io::pipe()?;
        for end in [woken.as_fd(), wake_up.as_fd()] {
            let flags = rustix::fs::fcntl_getfl(end)?;
            rustix::fs::fcntl_setfl(end, flags | OFlags::NONBLOCK)?;
        }
        let shared = Arc::new(Shared {
            calls: Crossing::new(),
            running: AtomicBool::new(false),
            thread: thread::current().id(),
            wake_up,
            woken,
        });
        let descriptor = WakeUp {
            shared: Arc::clone(&shared),
        };
        Ok((Self { shared }, Rc::new(descriptor)))
    }

    /// Another end that wakes the reactor up, for a signal handler.
    pub(crate) fn waker(&self) -> io::Result<PipeWriter> {
        self.shared.wake_up.try_clone()
    }

    /// Marks the reactor as running, until what this returns is dropped.
    pub(crate) fn begin_run(&self) -> Run {
        self.shared.running.store(true, Ordering::Relaxed);
        self.shared.calls.open();
        Run(self.clone())
    }

    /// The reactor is awake from now on, so that no call wakes it up; returns whether there are calls.
    pub(crate) fn wake_up(&self) -> bool {
        self.shared.calls.wake_up()
    }

    /// Moves the calls of this turn to `taken`, in the order in which they were sent.
    pub(crate) fn take(&self, taken: &mut Sent<Remote>) {
        self.shared.calls.take(MOST_IN_A_TURN, taken);
    }

    /// Has the next call wake the reactor up, which is about to wait; returns whether it may, as none was sent.
    pub(crate) fn fall_asleep(&self) -> bool {
        self.shared.calls.fall_asleep()
    }

    /// Whether there are calls for the next turn already, so that it is not to be waited for.
    pub(crate) fn has_pending(&self) -> bool {
        self.shared.calls.has_pending()
    }

    /// Drops the results and requests that have come too late for the run, and refuses requests.
    pub(crate) fn end_run(&self) {
        self.shared.calls.end();
    }

    /// Refuses all calls from now on, and drops those that wait.
    pub(crate) fn close(&self) {
        self.shared.calls.close();
    }
}

/// A run of the reactor, which is over when this is dropped.
pub(crate) struct Run(RemoteHandle);

impl Drop for Run {
    fn drop(&mut self) {
        self.0.shared.running.store(false, Ordering::Relaxed);
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
    shared: Arc<Shared>,
}

impl AsFd for WakeUp {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.shared.woken.as_fd()
    }
}

impl Descriptor for WakeUp {
    fn connection_lost(self: Rc<Self>, _reactor: &Reactor, _reason: Failure) {}
}

impl ReadDescriptor for WakeUp {
    fn do_read(self: Rc<Self>, _reactor: &Reactor) -> Result<(), Failure> {
        // If more is there, the descriptor stays readable, and is read again in the next turn.
        match (&self.shared.woken).read(&mut [0; 64]) {
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

#[cfg(test)]
mod tests {
    use rustix::io::FdFlags;

    use super::*;

    // R-073
    #[test]
    fn both_ends_of_the_wake_up_channel_never_block_and_are_closed_on_exec() {
        let (remote, wake_up) = RemoteHandle::new().expect("there are descriptors left");
        let for_signals = remote.waker().expect("there are descriptors left");

        let ends = [
            remote.shared.wake_up.as_fd(),
            wake_up.as_fd(),
            for_signals.as_fd(),
        ];

        for end in ends {
            let status = rustix::fs::fcntl_getfl(end).expect("it is open");
            assert!(status.contains(OFlags::NONBLOCK));
            let flags = rustix::io::fcntl_getfd(end).expect("it is open");
            assert!(flags.contains(FdFlags::CLOEXEC));
        }
    }

    // H-009
    #[test]
    fn a_batch_of_calls_writes_to_the_wake_up_channel_once() {
        let (remote, wake_up) = RemoteHandle::new().expect("there are descriptors left");

        send(&remote, 100_000);

        assert_eq!(times_woken(&wake_up), 1);
    }

    #[test]
    fn calls_sent_while_others_are_left_do_not_write_to_the_wake_up_channel() {
        let (remote, wake_up) = RemoteHandle::new().expect("there are descriptors left");
        send(&remote, 3 * MOST_IN_A_TURN);
        assert_eq!(take(&remote), MOST_IN_A_TURN);
        assert_eq!(times_woken(&wake_up), 1);

        send(&remote, 1);

        assert!(!remote.fall_asleep());
        assert!(remote.has_pending());
        assert_eq!(times_woken(&wake_up), 0);
    }

    #[test]
    fn a_call_sent_to_a_reactor_that_sleeps_again_writes_to_the_wake_up_channel() {
        let (remote, wake_up) = RemoteHandle::new().expect("there are descriptors left");
        send(&remote, 1);
        take(&remote);
        assert_eq!(times_woken(&wake_up), 1);
        assert!(remote.fall_asleep());

        send(&remote, 1);

        assert_eq!(times_woken(&wake_up), 1);
    }

    #[test]
    fn a_call_sent_to_a_reactor_in_its_turn_keeps_it_from_sleeping_and_writes_nothing() {
        let (remote, wake_up) = RemoteHandle::new().expect("there are descriptors left");
        take(&remote);

        send(&remote, 1);

        assert!(!remote.fall_asleep());
        assert_eq!(times_woken(&wake_up), 0);
        assert_eq!(take(&remote), 1);
    }

    /// Has it be awake, and returns how many calls it takes.
    fn take(remote: &RemoteHandle) -> usize {
        let mut taken = Sent::new();
        remote.take(&mut taken);
        taken.len()
    }

    fn send(remote: &RemoteHandle, calls: usize) {
        for _ in 0..calls {
            remote.call_from_thread(|_| ()).expect("it is not closed");
        }
    }

    /// How many bytes were written, one for each time, since this was last asked.
    fn times_woken(wake_up: &WakeUp) -> usize {
        let read = (&wake_up.shared.woken).read(&mut [0; 64]);
        read.unwrap_or(0)
    }
}
