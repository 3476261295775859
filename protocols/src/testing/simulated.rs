//! A backend in simulated time.

use std::cell::Cell;
use std::io;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::Duration;

use reactor::backend::{Backend, Event, Interest, Key};

/// With nothing left to do, other threads have so much real time to give the loop something.
const PATIENCE: Duration = Duration::from_secs(10);

/// The time of a simulated backend; clones share it.
#[derive(Debug, Clone, Default)]
pub(super) struct Time(Rc<Cell<Duration>>);

impl Time {
    pub(super) fn now(&self) -> Duration {
        self.0.get()
    }

    pub(super) fn pass(&self, by: Duration) {
        self.0.set(self.now().saturating_add(by));
    }
}

/// Watches descriptors, such as that by which threads wake the loop up, as another backend does; but a wait in
/// which none is ready takes no time: the clock jumps to its end.
pub(super) struct Simulated {
    descriptors: Box<dyn Backend>,
    time: Time,
}

impl Simulated {
    pub(super) fn new(descriptors: Box<dyn Backend>, time: Time) -> Self {
        Self { descriptors, time }
    }
}

impl Backend for Simulated {
    fn name(&self) -> &'static str {
        "simulated"
    }

    fn register(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        self.descriptors.register(fd, key, interest)
    }

    fn modify(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        self.descriptors.modify(fd, key, interest)
    }

    fn deregister(&mut self, fd: BorrowedFd<'_>, key: Key) -> io::Result<()> {
        self.descriptors.deregister(fd, key)
    }

    fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
        let patience = timeout.map_or(PATIENCE, |_| Duration::ZERO);
        self.descriptors.wait(events, Some(patience))?;
        match timeout {
            _ if !events.is_empty() => Ok(()),
            Some(timeout) => {
                self.time.pass(timeout);
                Ok(())
            }
            None => Err(io::Error::other("nothing is left that could ever happen")),
        }
    }

    fn now(&self) -> Duration {
        self.time.now()
    }
}
