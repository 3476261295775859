//! The backend for Linux: level-triggered epoll, one system call a turn.

use std::fmt;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;

use super::{Backend, BackendError, Event, Interest, Key};

/// At most this many events come from one wait; a turn's work is bounded by it.
const EVENTS_PER_WAIT: usize = 1024;

/// Waits with Linux's `epoll`.
///
/// A wait is rounded up to whole milliseconds, so that no timer is early.
pub struct Epoll {
    epoll: OwnedFd,
    ready: Vec<epoll::Event>,
    start: Instant,
}

impl Epoll {
    /// Opens an epoll descriptor.
    ///
    /// # Errors
    ///
    /// If the process or the system has no descriptor left.
    pub fn new() -> Result<Self, BackendError> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)
            .map_err(|error| BackendError::Open("epoll", error.into()))?;
        Ok(Self {
            epoll,
            ready: Vec::with_capacity(EVENTS_PER_WAIT),
            start: Instant::now(),
        })
    }
}

impl Backend for Epoll {
    fn name(&self) -> &'static str {
        "epoll"
    }

    fn register(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        Ok(epoll::add(&self.epoll, fd, data(key), flags(interest))?)
    }

    fn modify(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        Ok(epoll::modify(&self.epoll, fd, data(key), flags(interest))?)
    }

    fn deregister(&mut self, fd: BorrowedFd<'_>, _key: Key) -> io::Result<()> {
        Ok(epoll::delete(&self.epoll, fd)?)
    }

    fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
        // A time that does not fit is as good as for ever.
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        self.ready.clear();
        match epoll::wait(
            &self.epoll,
            spare_capacity(&mut self.ready),
            timeout.as_ref(),
        ) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        events.extend(self.ready.iter().map(|event| {
            let (flags, data) = (event.flags, event.data);
            let failed = flags.intersects(EventFlags::ERR | EventFlags::HUP);
            Event {
                key: Key::from_usize(data.u64() as usize),
                readable: failed || flags.contains(EventFlags::IN),
                writable: failed || flags.contains(EventFlags::OUT),
            }
        }));
        Ok(())
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

impl fmt::Debug for Epoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Epoll")
            .field("epoll", &self.epoll)
            .finish_non_exhaustive()
    }
}

fn data(key: Key) -> EventData {
    EventData::new_u64(key.as_usize() as u64)
}

fn flags(interest: Interest) -> EventFlags {
    let mut flags = EventFlags::empty();
    flags.set(EventFlags::IN, interest.readable);
    flags.set(EventFlags::OUT, interest.writable);
    flags
}
