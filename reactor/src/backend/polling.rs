//! The portable backend: the `polling` crate, which has a poller for each platform.

#![expect(
    unsafe_code,
    reason = "polling's `add` leaves it to its caller that a source outlives its registration"
)]

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use polling::{Events, PollMode, Poller};

use super::{Backend, BackendError, Event, Interest, Key};

/// At most this many events come from one wait; a turn's work is bounded by it.
const EVENTS_PER_WAIT: NonZeroUsize = NonZeroUsize::new(1024).expect("1024 is not zero");

/// Waits with what the `polling` crate has for this platform, such as epoll, kqueue or poll.
#[derive(Debug)]
pub struct Polling {
    poller: Poller,
    ready: Events,
    start: Instant,
}

impl Polling {
    /// Opens a poller.
    ///
    /// # Errors
    ///
    /// If the process or the system has no descriptor left, or the platform's poller is not
    /// level-triggered (the event ports of Solaris and illumos).
    pub fn new() -> Result<Self, BackendError> {
        let open = |error| BackendError::Open("polling", error);
        let poller = Poller::new().map_err(open)?;
        if !poller.supports_level() {
            return Err(open(io::Error::new(
                io::ErrorKind::Unsupported,
                "the poller of this platform is not level-triggered",
            )));
        }
        Ok(Self {
            poller,
            ready: Events::with_capacity(EVENTS_PER_WAIT),
            start: Instant::now(),
        })
    }
}

impl Backend for Polling {
    fn name(&self) -> &'static str {
        "polling"
    }

    fn register(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        // SAFETY: the reactor keeps the owner of `fd` from here to `deregister`, as `Backend` promises,
        // so the descriptor is not closed while the poller knows it.
        unsafe {
            self.poller
                .add_with_mode(&fd, event(key, interest), PollMode::Level)
        }
    }

    fn modify(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        self.poller
            .modify_with_mode(fd, event(key, interest), PollMode::Level)
    }

    fn deregister(&mut self, fd: BorrowedFd<'_>, _key: Key) -> io::Result<()> {
        self.poller.delete(fd)
    }

    fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
        // `Poller::wait` adds to the list that it is given.
        self.ready.clear();
        match self.poller.wait(&mut self.ready, timeout) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            Err(error) => return Err(error),
        }
        events.extend(self.ready.iter().map(|event| {
            let failed = event.is_interrupt() || event.is_err().unwrap_or(false);
            Event {
                key: Key::from_usize(event.key),
                readable: failed || event.readable,
                writable: failed || event.writable,
            }
        }));
        Ok(())
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

fn event(key: Key, interest: Interest) -> polling::Event {
    polling::Event::new(key.as_usize(), interest.readable, interest.writable)
}
