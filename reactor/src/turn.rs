//! The turn of the loop, and the callbacks that it makes.
//!
//! What runs in each turn, and for each event, is put into one function by `inline`, which has saved more time than
//! instructions: we take it that a return costs most right after a system call, when the processor has forgotten where to.
//! What most turns need not do is kept out of it by the opposite, so that what they do lies close together in memory.

use std::fmt::Display;
use std::io;
use std::rc::{Rc, Weak};
use std::time::Duration;

use deferred::{Failure, report};

use crate::backend::{Event, Key};
use crate::callback::CallResult;
use crate::descriptors::{Descriptor, Watchers};
use crate::jobs::Left;
use crate::reactor::Reactor;
use crate::remote::Remote;
use crate::stats::{add, prefix_of};

impl Reactor {
    /// One turn of the loop. All callbacks of the loop are made here, one after the other:
    ///
    /// 1. signals that have come, and calls that other threads have sent;
    /// 2. jobs that were left for this turn;
    /// 3. delayed calls that are due, except those made by one of these;
    /// 4. if the loop was told to stop, what is to be done then; if that is done, that is all;
    /// 5. it waits until a descriptor is ready, the next delayed call is due, or `limit` has passed;
    /// 6. for each descriptor that is ready: its `do_read`, then its `do_write`.
    ///
    /// After each callback, what it left to be done after it.
    // ANCHOR: turn
    pub(crate) fn turn(&self, limit: Option<Duration>) -> io::Result<()> {
        let watch = &self.core.watch;
        add(&watch.turns, 1);

        // 1.
        self.take_signals();
        if self.core.remote.wake_up() {
            self.run_calls_from_threads();
        }

        // 2.
        if self.core.jobs.wait() {
            self.run_jobs_of_this_turn();
        }

        // 3.
        if self.core.calls.next_due().is_some() {
            self.run_due_calls();
        }

        // 4.
        self.begin_to_stop();
        if self.core.has_ended() {
            return Ok(());
        }

        // 5.
        let own = match self.core.remote.fall_asleep() {
            true => self.timeout(),
            false => Some(Duration::ZERO),
        };
        let timeout = match (own, limit) {
            (Some(timeout), Some(limit)) => Some(timeout.min(limit)),
            (timeout, limit) => timeout.or(limit),
        };
        let mut events = self.core.ready.take();
        let waited = self.waiting(|| self.core.backend.borrow_mut().wait(&mut events, timeout));

        // 6.
        add(&watch.events, events.len());
        for &event in &events {
            self.dispatch(event);
        }
        events.clear();
        self.core.ready.set(events);
        waited
    }
    // ANCHOR_END: turn

    /// Runs the calls that other threads have sent, and wakes the tasks that they have woken.
    #[inline(never)]
    fn run_calls_from_threads(&self) {
        let mut sent = self.core.sent.take();
        self.core.remote.take(&mut sent);
        while let Some((_, remote)) = sent.pop_front() {
            match remote {
                Remote::Call(call, sent) => {
                    add(&self.core.watch.calls_from_threads, 1);
                    let what = format_args!("a call from a thread, sent at {sent}");
                    self.callback(what, || call(self));
                }
                // The job that polls it runs in step 2, with all that were woken by then.
                Remote::Wake(task) => self.core.wake(task),
            }
        }
        self.core.sent.set(sent);
    }

    /// Runs the delayed calls that are due; those that these make wait for the next turn.
    #[inline(never)]
    fn run_due_calls(&self) {
        let (now, mark) = (self.now(), self.core.calls.mark());
        while let Some(call) = self.core.calls.take_due(now, mark) {
            self.core.watch.late_by(now.saturating_sub(call.due()));
            let what = format_args!("a delayed call made at {}", call.made());
            self.callback(what, || call.run(self).map_or(Ok(()), Err));
        }
    }

    /// How long the next turn may wait for events: until the next delayed call is due, or for ever.
    #[must_use]
    #[inline]
    pub fn timeout(&self) -> Option<Duration> {
        if self.core.jobs.wait() || self.core.remote.has_pending() || self.is_to_end() {
            return Some(Duration::ZERO);
        }
        let due = self.core.calls.next_due()?;
        Some(due.saturating_sub(self.now()))
    }

    /// Tells the reader and the writer of a descriptor that it is ready, if they are still there.
    fn dispatch(&self, event: Event) {
        if event.readable {
            self.tell_reader(event);
            if event.more {
                self.tell_of_more(event);
            }
        }
        if event.writable {
            let writer = self.core.descriptors.borrow().writer(event.key);
            if let Some(writer) = writer {
                let called: Weak<dyn Descriptor> = Rc::downgrade(&writer) as _;
                let what = || name_of("do_write", &called);
                let written = self.watched(what, || Failure::catch(|| writer.do_write(self)));
                if !matches!(written, Ok(Ok(()))) {
                    self.failed("Unhandled error in do_write", event, &called, written);
                }
                self.run_jobs_after_callback();
            }
        }
    }

    /// Called for each message, and from the one other place for hardly any.
    #[inline(always)]
    fn tell_reader(&self, event: Event) {
        let reader = self.core.descriptors.borrow().reader(event.key);
        if let Some(reader) = reader {
            let called: Weak<dyn Descriptor> = Rc::downgrade(&reader) as _;
            let what = || name_of("do_read", &called);
            let read = self.watched(what, || Failure::catch(|| reader.do_read(self)));
            if !matches!(read, Ok(Ok(()))) {
                self.failed("Unhandled error in do_read", event, &called, read);
            }
            self.run_jobs_after_callback();
        }
    }

    /// Tells a reader that is told of edges once more, because there is more to read than data: most often the end is
    /// next. If it is still there after that, it is told of more than edges from now on.
    #[cold]
    fn tell_of_more(&self, event: Event) {
        if !self.core.descriptors.borrow().is_on_edges(event.key) {
            return;
        }
        self.tell_reader(event);
        let mut backend = self.core.backend.borrow_mut();
        let mut descriptors = self.core.descriptors.borrow_mut();
        descriptors.watch_level(&mut **backend, event.key);
    }

    /// Ends the connection of `called`, whose `do_read` or `do_write` has failed.
    #[cold]
    fn failed(
        &self,
        what: &str,
        event: Event,
        called: &Weak<dyn Descriptor>,
        outcome: Result<Result<(), Failure>, Failure>,
    ) {
        // It may have removed itself before it failed, and is told all the same, if it is still there.
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(reason)) => {
                if !self.disconnect_with(event.key, called.upgrade(), &reason) {
                    report(what, &reason);
                }
            }
            Err(panic) => {
                report(what, &panic);
                self.disconnect_with(event.key, called.upgrade(), &panic);
            }
        }
    }

    /// Removes the reader and the writer of a descriptor, and tells them why.
    pub(crate) fn disconnect(&self, key: Key, reason: &Failure) {
        self.disconnect_with(key, None, reason);
    }

    /// Removes the reader and the writer of a descriptor, tells them why, and `failed` too, and returns whether
    /// there was anybody to tell.
    fn disconnect_with(
        &self,
        key: Key,
        failed: Option<Rc<dyn Descriptor>>,
        reason: &Failure,
    ) -> bool {
        let watchers = {
            let mut backend = self.core.backend.borrow_mut();
            let mut descriptors = self.core.descriptors.borrow_mut();
            let watchers = descriptors.remove(&mut **backend, key);
            // It may have removed itself and come back, which has given it another key.
            let again = failed.as_ref().and_then(|it| descriptors.key_of(it));
            let again = again.map(|key| descriptors.remove(&mut **backend, key));
            [watchers, again.unwrap_or_default()]
        };
        let told = Watchers::all_of(watchers, failed);
        let any = !told.is_empty();
        for descriptor in told {
            self.tell_lost(descriptor, reason.clone());
        }
        any
    }

    /// Tells a descriptor that its connection is lost.
    fn tell_lost(&self, descriptor: Rc<dyn Descriptor>, reason: Failure) {
        // It may be gone after this, so its name is asked for before.
        let name = self.is_watching().then(|| prefix_of(&*descriptor));
        let what = || format!("connection_lost of {}", name.unwrap_or_default());
        let told = self.watched(what, || {
            Failure::catch(|| descriptor.connection_lost(self, reason))
        });
        if let Err(panic) = told {
            report("Unhandled error in connection_lost", &panic);
        }
        self.run_jobs_after_callback();
    }

    /// Makes one callback, reports it if it fails, and does what it left to be done after it.
    pub(crate) fn callback<R: CallResult>(&self, what: impl Display, callback: impl FnOnce() -> R) {
        self.inner_callback(what, callback);
        self.run_jobs_after_callback();
    }

    /// Makes a callback from inside another one, and reports it if it fails.
    pub(crate) fn inner_callback<R: CallResult>(
        &self,
        what: impl Display,
        callback: impl FnOnce() -> R,
    ) {
        let called = self.watched(|| what.to_string(), || Failure::catch(callback));
        let failure = match called {
            Ok(result) => result.into_failure(),
            Err(panic) => Some(panic),
        };
        if let Some(failure) = failure {
            report(&format!("Unhandled error in {what}"), &failure);
        }
    }

    fn run_jobs_after_callback(&self) {
        while let Some(left) = self.core.jobs.take_after_callback() {
            self.run_job(left);
        }
    }

    /// Runs one job, and reports it if it panics.
    #[inline(never)]
    fn run_job(&self, left: Left) {
        let what = || format!("a job, left at {}", left.at);
        let ran = self.watched(what, || Failure::catch(|| left.job.run(self)));
        if let Err(panic) = ran {
            report("Unhandled error in a job", &panic);
        }
    }

    /// Runs the jobs that wait for this turn; those that they add wait for the next one.
    #[inline(never)]
    pub(crate) fn run_jobs_of_this_turn(&self) {
        self.run_jobs_after_callback();
        for _ in 0..self.core.jobs.for_next_turn() {
            let Some(left) = self.core.jobs.take_for_this_turn() else {
                break;
            };
            self.run_job(left);
            self.run_jobs_after_callback();
        }
    }
}

/// What is said of a slow callback of a descriptor.
fn name_of(method: &str, descriptor: &Weak<dyn Descriptor>) -> String {
    match descriptor.upgrade() {
        Some(descriptor) => format!("{method} of {}", prefix_of(&*descriptor)),
        None => format!("{method} of a descriptor that is gone"),
    }
}
