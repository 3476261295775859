//! Starting and stopping: a run of the loop, from its first turn to its last.

use std::rc::Rc;
use std::time::Duration;

use deferred::{Failure, report};

use crate::callback::CallResult;
use crate::closed::ConnectionClosed;
use crate::events::{Firing, SystemEvent, Trigger};
use crate::reactor::{Phase, Reactor, ReactorError, Stopped};
use crate::signals::Signals;

impl Reactor {
    /// Runs the loop until [`stop`](Self::stop) is called or SIGINT or SIGTERM comes, and says which it was.
    ///
    /// A run begins with the event [`Startup`](SystemEvent::Startup) and ends with the event
    /// [`Shutdown`](SystemEvent::Shutdown). While it runs, the signals are this reactor's, unless another
    /// reactor of the process has them; after that they do what they do by default. When it ends, every descriptor
    /// is removed and its [`connection_lost`](crate::Descriptor::connection_lost) called; then all
    /// calls that were not due yet are dropped. The reactor can be run again.
    ///
    /// A SIGINT or SIGTERM that comes while the triggers before the shutdown are waited for ends the waiting.
    /// One that the process was started to ignore stays ignored, as SIGINT is in what a shell without job
    /// control starts with `&`; SIGTERM ends such a program.
    ///
    /// # Errors
    ///
    /// [`ReactorError::AlreadyRunning`] for the inner caller, if it runs already;
    /// [`ReactorError::Closed`] if its owner was dropped; [`ReactorError::Io`] if the system fails it: then
    /// connections are told that they are lost, and the triggers of the shutdown stay for the next run.
    ///
    /// *Twisted's `reactor.run`.*
    pub fn run(&self) -> Result<Stopped, ReactorError> {
        self.begin(true)?;
        self.turn_until_stopped()
    }

    /// Runs the loop as [`run`](Self::run) does, and leaves all signals alone.
    ///
    /// # Errors
    ///
    /// As for [`run`](Self::run).
    ///
    /// *Twisted's `reactor.run(installSignalHandlers=False)`.*
    pub fn run_without_signals(&self) -> Result<Stopped, ReactorError> {
        self.begin(false)?;
        self.turn_until_stopped()
    }

    fn turn_until_stopped(&self) -> Result<Stopped, ReactorError> {
        loop {
            if let Some(stopped) = self.turn_once(None)? {
                return Ok(stopped);
            }
        }
    }

    /// Makes one turn of the loop, which waits for events for at most `timeout`; for a program whose own loop
    /// is another one.
    ///
    /// The first call begins a run, which leaves the signals alone; when the run has ended, after a
    /// [`stop`](Self::stop), this says so. In between, [`timeout`](Self::timeout) tells how long the
    /// other loop may wait until the next turn, and where the backend has one, the descriptor of
    /// [`descriptor`](Self::descriptor) becomes readable as soon as there is something to do.
    ///
    /// # Errors
    ///
    /// [`ReactorError::AlreadyRunning`] from inside a callback of the loop; the turn that is under way goes on.
    /// [`ReactorError::Closed`] if the owner was dropped; [`ReactorError::Io`] if the system fails it.
    ///
    /// # Examples
    ///
    /// ```
    /// use reactor::Reactor;
    /// use std::time::Duration;
    ///
    /// let reactor = Reactor::new()?;
    /// reactor.call_later(Duration::from_millis(2), |reactor| reactor.stop());
    /// let mut turns = 0;
    /// while reactor.iterate(Duration::from_millis(1))?.is_none() {
    ///     turns += 1;
    /// }
    /// assert!(turns > 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// *Twisted's `reactor.iterate`, which may be called from callbacks and then corrupts the turn.*
    pub fn iterate(&self, timeout: Duration) -> Result<Option<Stopped>, ReactorError> {
        if self.core.turning.get() {
            return Err(ReactorError::AlreadyRunning);
        }
        match self.core.phase.get() {
            Phase::Idle => self.begin(false)?,
            Phase::Closed => return Err(ReactorError::Closed),
            _ => {}
        }
        self.turn_once(Some(timeout))
    }

    /// Begins a run.
    fn begin(&self, takes_signals: bool) -> Result<(), ReactorError> {
        match self.core.phase.get() {
            Phase::Idle => {}
            Phase::Closed => return Err(ReactorError::Closed),
            _ => return Err(ReactorError::AlreadyRunning),
        }
        self.core.phase.set(Phase::Starting);
        self.core.stopped.set(None);
        self.core.ended.replace(None);
        self.core.takes_signals.set(takes_signals);
        *self.core.run.borrow_mut() = Some(self.core.remote.begin_run());
        self.core.turning.set(true);
        let startup = Firing::new(SystemEvent::Startup, Self::has_started, |_| ());
        *self.core.startup.borrow_mut() = Some(Rc::clone(&startup));
        self.fire(startup);
        self.core.turning.set(false);
        Ok(())
    }

    /// The reactor's own part in its startup.
    fn has_started(&self) {
        self.core.phase.set(Phase::Running);
        let opened = self.core.pool.open().and_then(|()| {
            let signals = match self.core.takes_signals.get() {
                true => Signals::take(&self.core)?,
                false => None,
            };
            *self.core.signals.borrow_mut() = signals;
            Ok(())
        });
        if let Err(error) = opened {
            self.core.ended.replace(Some(Err(error)));
        }
    }

    /// Makes a turn, and ends the run if that was the last one.
    fn turn_once(&self, timeout: Option<Duration>) -> Result<Option<Stopped>, ReactorError> {
        self.core.turning.set(true);
        let turned = self.turn(timeout);
        let ended = if turned.is_err() || self.core.has_ended() {
            let ended = self.core.ended.take();
            self.finish();
            ended.or_else(|| turned.err().map(Err))
        } else {
            None
        };
        self.core.turning.set(false);
        Ok(ended.transpose()?)
    }

    /// Ends the run: nothing is left of it.
    fn finish(&self) {
        // From now on the signals do what they do by default, be it that something takes long to end.
        let signals = self.core.signals.take();
        drop(signals);
        self.shut_down();
        self.core.phase.set(Phase::Idle);
        let run = self.core.run.take();
        drop(run);
        if self.core.orphaned.get() {
            self.close();
        }
    }

    /// Runs `f` once the loop runs: in order, before anything else; at once if it runs already.
    ///
    /// If it does not run yet, this is a trigger [`after`](Self::after) its startup, which can be taken away.
    ///
    /// *Twisted's `callWhenRunning`.*
    #[track_caller]
    pub fn call_when_running<R: CallResult>(
        &self,
        f: impl FnOnce(&Self) -> R + 'static,
    ) -> Option<Trigger> {
        match self.core.phase.get() {
            Phase::Idle | Phase::Starting => return Some(self.after(SystemEvent::Startup, f)),
            Phase::Running | Phase::Ending | Phase::Stopping => {
                if let Some(failure) = f(self).into_failure() {
                    report("Unhandled error in a call made when running", &failure);
                }
            }
            Phase::Closed => {}
        }
        None
    }

    /// Ends the run, in order: later in this turn, or in the next, the event
    /// [`Shutdown`](SystemEvent::Shutdown) begins, and when its triggers have run, [`run`](Self::run) returns.
    ///
    /// # Errors
    ///
    /// [`ReactorError::NotRunning`] if it does not run, or was told to stop already.
    ///
    /// *Twisted's `reactor.stop`.*
    pub fn stop(&self) -> Result<(), ReactorError> {
        self.stop_for(Stopped::Asked)
    }

    pub(crate) fn stop_for(&self, reason: Stopped) -> Result<(), ReactorError> {
        let runs = matches!(self.core.phase.get(), Phase::Starting | Phase::Running);
        if !runs || self.core.stopped.get().is_some() {
            return Err(ReactorError::NotRunning);
        }
        self.core.stopped.set(Some(reason));
        Ok(())
    }

    /// Ends the run at the end of this turn, without the event [`Shutdown`](SystemEvent::Shutdown).
    ///
    /// Connections are told that they are lost all the same. The triggers of the event stay for the next run.
    ///
    /// # Errors
    ///
    /// [`ReactorError::NotRunning`] if it does not run.
    ///
    /// *Twisted's `reactor.crash`.*
    pub fn crash(&self) -> Result<(), ReactorError> {
        match self.core.phase.get() {
            Phase::Starting | Phase::Running | Phase::Ending => {}
            Phase::Idle | Phase::Stopping | Phase::Closed => return Err(ReactorError::NotRunning),
        }
        self.core.stopped.set(Some(Stopped::Crashed));
        self.core.ended.replace(Some(Ok(Stopped::Crashed)));
        Ok(())
    }

    /// Whether the next turn has something to end.
    pub(crate) fn is_to_end(&self) -> bool {
        let runs = matches!(self.core.phase.get(), Phase::Starting | Phase::Running);
        self.core.has_ended() || runs && self.core.stopped.get().is_some()
    }

    /// Begins the event `Shutdown`, if the loop was told to stop, and that has not begun yet.
    pub(crate) fn begin_to_stop(&self) {
        if !self.is_to_end() || self.core.has_ended() {
            return;
        }
        self.core.phase.set(Phase::Ending);
        // What its startup still waits for is too late; the triggers stay for the next run.
        let startup = self.core.startup.take();
        startup.inspect(|startup| startup.withdraw());
        let shutdown = Firing::new(
            SystemEvent::Shutdown,
            Self::disconnect_all,
            Self::has_stopped,
        );
        *self.core.shutdown.borrow_mut() = Some(Rc::clone(&shutdown));
        self.fire(shutdown);
    }

    /// Waits no longer for what is to be done before the shutdown, and returns whether that has begun.
    pub(crate) fn stop_waiting(&self) -> bool {
        let shutdown = self.core.shutdown.borrow().clone();
        let begun = shutdown.is_some();
        if let Some(shutdown) = shutdown {
            self.after_callback(shutdown);
        }
        begun
    }

    /// The reactor's own part when its shutdown is done.
    fn has_stopped(&self) {
        if let Some(stopped) = self.core.stopped.get() {
            self.core.ended.replace(Some(Ok(stopped)));
        }
    }

    /// Tells every descriptor that its connection is lost.
    fn disconnect_all(&self) {
        self.core.phase.set(Phase::Stopping);
        loop {
            self.run_jobs_of_this_turn();
            let keys = self.core.descriptors.borrow().keys();
            if keys.is_empty() {
                break;
            }
            for key in keys {
                let reason = Failure::without_backtrace(ConnectionClosed::ReactorStopped);
                self.disconnect(key, &reason);
            }
        }
    }

    /// Tells every descriptor that its connection is lost, and drops all that was left for later.
    pub(crate) fn shut_down(&self) {
        self.disconnect_all();
        dropping(|| self.core.clear());
    }

    /// Drops everything, and takes nothing from now on.
    pub(crate) fn close(&self) {
        // Its callbacks may not turn the loop.
        let turning = self.core.turning.replace(true);
        self.shut_down();
        self.core.phase.set(Phase::Closed);
        let run = self.core.run.take();
        drop(run);
        dropping(|| self.core.close());
        self.core.turning.set(turning);
    }
}

/// What is dropped is the program's own, and may panic; the rest is dropped all the same.
fn dropping(f: impl Fn()) {
    while let Err(panic) = Failure::catch(&f) {
        report("Unhandled error in a value that was dropped", &panic);
    }
}
