//! A backend that loses no time: shown by the book's chapter on backends.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use protocols::reactor::backend::{Backend, Event, Interest, Key, Poll};

// ANCHOR: type
/// Waits on another backend, but lets time pass at once where there is only time to wait for.
#[derive(Debug)]
pub struct Hurried<B> {
    inner: B,
    now: Duration,
}
// ANCHOR_END: type

impl Hurried<Poll> {
    /// One that finds out by `poll` what is ready.
    #[must_use]
    pub fn over_poll() -> Self {
        Self::over(Poll::new())
    }
}

impl<B: Backend> Hurried<B> {
    /// One that finds out by `inner` what is ready; its time begins at zero.
    pub const fn over(inner: B) -> Self {
        Self {
            inner,
            now: Duration::ZERO,
        }
    }
}

// ANCHOR: backend
impl<B: Backend> Backend for Hurried<B> {
    fn name(&self) -> &'static str {
        "hurried"
    }

    fn register(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        self.inner.register(fd, key, interest)
    }

    fn modify(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        self.inner.modify(fd, key, interest)
    }

    fn deregister(&mut self, fd: BorrowedFd<'_>, key: Key) -> io::Result<()> {
        self.inner.deregister(fd, key)
    }

    fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
        // Without a delayed call there is no time to skip: something real must happen.
        let Some(timeout) = timeout else {
            return self.inner.wait(events, None);
        };
        self.inner.wait(events, Some(Duration::ZERO))?;
        if events.is_empty() {
            self.now += timeout;
        }
        Ok(())
    }

    fn now(&self) -> Duration {
        self.now
    }
}
// ANCHOR_END: backend

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;
    use std::time::Instant;

    use protocols::reactor::Reactor;

    use super::*;

    // ANCHOR: test
    #[test]
    fn an_hour_passes_without_being_waited_for() {
        let hour = Duration::from_secs(3600);
        let reactor = Reactor::with_backend(Box::new(Hurried::over_poll())).unwrap();
        let began = Instant::now();

        reactor.call_later(hour, Reactor::stop);
        reactor.run().unwrap();

        assert_eq!(reactor.now(), hour);
        assert!(began.elapsed() < hour);
    }
    // ANCHOR_END: test

    #[test]
    fn what_is_ready_comes_before_what_is_only_due_later() {
        let reactor = Reactor::with_backend(Box::new(Hurried::over_poll())).unwrap();
        let called = Rc::new(Cell::new(None));
        let handle = reactor.remote_handle();
        let note = Rc::clone(&called);
        reactor.call_later(Duration::from_secs(60), Reactor::stop);
        reactor.call_when_running(move |reactor| {
            let note = Rc::clone(&note);
            reactor.call_later(Duration::from_secs(1), move |reactor| {
                note.set(Some(reactor.now()))
            });
            handle.call_from_thread(|_| {}).unwrap();
        });

        reactor.run().unwrap();

        assert_eq!(called.get(), Some(Duration::from_secs(1)));
    }
}
