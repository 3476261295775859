//! The loop, and the turn that it repeats.

use std::fmt::Display;
use std::io;
use std::time::Duration;

use deferred::{Failure, report};

use crate::backend::{Event, Key};
use crate::callback::CallResult;
use crate::closed::ConnectionClosed;
use crate::reactor::{Phase, Reactor, ReactorError, Stopped};
use crate::signals::Signals;

impl Reactor {
    /// Runs the loop until [`stop`](Self::stop) is called or SIGINT or SIGTERM comes, and says which it was.
    ///
    /// While it runs, the signals are this reactor's, unless another reactor of the process has them;
    /// after that they do what they do by default. When it ends, every descriptor is removed and its
    /// [`connection_lost`](crate::Descriptor::connection_lost) called; then all calls that were not due
    /// yet are dropped. The reactor can be run again.
    ///
    /// # Errors
    ///
    /// [`ReactorError::AlreadyRunning`] for the inner caller, if it runs already;
    /// [`ReactorError::Closed`] if its owner was dropped; [`ReactorError::Io`] if the system fails it.
    ///
    /// *Twisted's `reactor.run`.*
    pub fn run(&self) -> Result<Stopped, ReactorError> {
        match self.core.phase.get() {
            Phase::Idle => self.core.phase.set(Phase::Running),
            Phase::Running | Phase::Stopping => return Err(ReactorError::AlreadyRunning),
            Phase::Closed => return Err(ReactorError::Closed),
        }
        let _running = self.core.remote.begin_run();
        self.core.stopped.set(None);
        let ended = self.turn_until_stopped();
        self.shut_down();
        self.core.phase.set(Phase::Idle);
        if self.core.orphaned.get() {
            self.close();
        }
        Ok(ended?)
    }

    fn turn_until_stopped(&self) -> io::Result<Stopped> {
        let signals = Signals::take(&self.core.remote)?;
        self.core.pool.open()?;
        for startup in self.core.startup.take() {
            self.callback("Unhandled error in a call made when running", || {
                startup(self).map_or(Ok(()), Err)
            });
        }
        let mut events = Vec::new();
        loop {
            if let Some(stopped) = self.turn(signals.as_ref(), &mut events)? {
                return Ok(stopped);
            }
        }
    }

    /// One turn of the loop. All callbacks of the loop are made here, one after the other:
    ///
    /// 1. signals that have come, and calls that other threads have sent;
    /// 2. jobs that were left for this turn;
    /// 3. delayed calls that are due, except those made by one of these;
    /// 4. if the loop was told to stop, that is all; else it waits until a descriptor is ready or the
    ///    next delayed call is due;
    /// 5. for each descriptor that is ready: its `do_read`, then its `do_write`.
    ///
    /// After each callback, what it left to be done after it.
    fn turn(
        &self,
        signals: Option<&Signals>,
        events: &mut Vec<Event>,
    ) -> io::Result<Option<Stopped>> {
        // 1.
        if let Some(signal) = signals.and_then(Signals::caught) {
            log::info!(target: "reactor", "received signal {signal}, shutting down");
            self.core.stopped.set(Some(Stopped::Signal(signal)));
        }
        for call in self.core.remote.take() {
            self.callback("Unhandled error in a call from a thread", || call(self));
        }

        // 2.
        self.run_jobs_of_this_turn();

        // 3.
        let (now, mark) = (self.now(), self.core.calls.mark());
        while let Some(call) = self.core.calls.take_due(now, mark) {
            let what = format_args!("Unhandled error in a delayed call made at {}", call.made());
            self.callback(what, || call.run(self).map_or(Ok(()), Err));
        }

        // 4.
        if let Some(stopped) = self.core.stopped.get() {
            return Ok(Some(stopped));
        }
        let timeout = if self.core.jobs.for_next_turn() > 0 || self.core.remote.has_pending() {
            Some(Duration::ZERO)
        } else {
            self.core
                .calls
                .next_due()
                .map(|due| due.saturating_sub(self.now()))
        };
        events.clear();
        self.core.backend.borrow_mut().wait(events, timeout)?;

        // 5.
        for &event in &*events {
            self.dispatch(event);
        }
        Ok(None)
    }

    /// Tells the reader and the writer of a descriptor that it is ready, if they are still there.
    fn dispatch(&self, event: Event) {
        if event.readable {
            let reader = self.core.descriptors.borrow().reader(event.key);
            if let Some(reader) = reader {
                let read = Failure::catch(|| reader.do_read(self));
                self.ended("Unhandled error in do_read", event, read);
            }
        }
        if event.writable {
            let writer = self.core.descriptors.borrow().writer(event.key);
            if let Some(writer) = writer {
                let written = Failure::catch(|| writer.do_write(self));
                self.ended("Unhandled error in do_write", event, written);
            }
        }
    }

    /// Does what comes after a call of `do_read` or `do_write`.
    fn ended(&self, what: &str, event: Event, outcome: Result<Result<(), Failure>, Failure>) {
        let outcome = outcome.unwrap_or_else(|panic| {
            report(what, &panic);
            Err(panic)
        });
        if let Err(reason) = outcome {
            self.disconnect(event.key, reason);
        }
        self.run_jobs_after_callback();
    }

    /// Removes the reader and the writer of a descriptor, and tells them why.
    fn disconnect(&self, key: Key, reason: Failure) {
        let watchers = {
            let mut backend = self.core.backend.borrow_mut();
            self.core
                .descriptors
                .borrow_mut()
                .remove(&mut **backend, key)
        };
        let what = "Unhandled error in connection_lost";
        let watchers = watchers.without_twin();
        if let Some(reader) = watchers.reader {
            let reason = reason.clone();
            self.callback(what, || reader.connection_lost(self, reason));
        }
        if let Some(writer) = watchers.writer {
            self.callback(what, || writer.connection_lost(self, reason));
        }
    }

    /// Makes one callback, reports it if it fails, and does what it left to be done after it.
    fn callback<R: CallResult>(&self, what: impl Display, callback: impl FnOnce() -> R) {
        let failure = match Failure::catch(callback) {
            Ok(result) => result.into_failure(),
            Err(panic) => Some(panic),
        };
        if let Some(failure) = failure {
            report(&what.to_string(), &failure);
        }
        self.run_jobs_after_callback();
    }

    fn run_jobs_after_callback(&self) {
        while let Some(job) = self.core.jobs.take_after_callback() {
            if let Err(panic) = Failure::catch(|| job.run(self)) {
                report("Unhandled error in a job", &panic);
            }
        }
    }

    /// Runs the jobs that wait for this turn; those that they add wait for the next one.
    fn run_jobs_of_this_turn(&self) {
        self.run_jobs_after_callback();
        for _ in 0..self.core.jobs.for_next_turn() {
            let Some(job) = self.core.jobs.take_for_this_turn() else {
                break;
            };
            self.callback("Unhandled error in a job", || job.run(self));
        }
    }

    /// Drops everything, and takes nothing from now on.
    pub(crate) fn close(&self) {
        self.shut_down();
        self.core.phase.set(Phase::Closed);
        self.core.close();
    }

    /// Tells every descriptor that its connection is lost, and drops all that was left for later.
    pub(crate) fn shut_down(&self) {
        self.core.phase.set(Phase::Stopping);
        loop {
            self.run_jobs_of_this_turn();
            let keys = self.core.descriptors.borrow().keys();
            if keys.is_empty() {
                break;
            }
            for key in keys {
                let reason = Failure::without_backtrace(ConnectionClosed::ReactorStopped);
                self.disconnect(key, reason);
            }
        }
        // What is dropped is the program's own, and may panic; the rest is dropped all the same.
        while let Err(panic) = Failure::catch(|| self.core.clear()) {
            report("Unhandled error in a value that was dropped", &panic);
        }
    }
}
