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

use super::always::AlwaysReady;
use super::{Backend, BackendError, Event, Interest, Key};

/// At most this many events come from one wait; a turn's work is bounded by it.
const EVENTS_PER_WAIT: NonZeroUsize = NonZeroUsize::new(1024).expect("1024 is not zero");

/// Waits with what the `polling` crate has for this platform: epoll, kqueue, or poll.
///
/// On Linux, a wait is five system calls, for a timer and a way to be woken up that `polling` has beside
/// the readiness; it costs time only for the descriptors that are ready. To begin, change or end watching
/// one costs a system call.
///
/// What epoll refuses to watch, such as a regular file, counts as always ready; while one of these is
/// watched, no wait blocks. What kqueue says of files is handed on as it is: at the end of a file there is
/// nothing to read there.
#[derive(Debug)]
pub struct Polling {
    poller: Poller,
    ready: Events,
    always: AlwaysReady,
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
            always: AlwaysReady::default(),
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
        let added = unsafe {
            self.poller
                .add_with_mode(&fd, event(key, interest), PollMode::Level)
        };
        self.always.unless_refused(added, key, interest)
    }

    fn modify(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        if self.always.modify(key, interest) {
            return Ok(());
        }
        self.poller
            .modify_with_mode(fd, event(key, interest), PollMode::Level)
    }

    fn deregister(&mut self, fd: BorrowedFd<'_>, key: Key) -> io::Result<()> {
        if self.always.remove(key) {
            return Ok(());
        }
        self.poller.delete(fd)
    }

    fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
        // `Poller::wait` adds to the list that it is given.
        self.ready.clear();
        let timeout = self.always.timeout(timeout);
        match self.poller.wait(&mut self.ready, timeout) {
            Ok(_) => {}
            // The list of those that are ready is empty then.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        events.extend(self.ready.iter().map(|event| {
            let failed = event.is_interrupt() || event.is_err().unwrap_or(false);
            Event {
                key: Key::from_usize(event.key),
                readable: failed || event.readable,
                writable: failed || event.writable,
                more: false,
            }
        }));
        if !self.always.is_empty() {
            events.extend(self.always.events());
        }
        Ok(())
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }

    #[cfg(any(
        target_os = "linux",
        target_os = "android",
        target_vendor = "apple",
        target_os = "freebsd",
        target_os = "netbsd",
        target_os = "openbsd",
        target_os = "dragonfly",
    ))]
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        let poller = std::os::fd::AsFd::as_fd(&self.poller);
        self.always.is_empty().then_some(poller)
    }
}

fn event(key: Key, interest: Interest) -> polling::Event {
    polling::Event::new(key.as_usize(), interest.readable, interest.writable)
}
