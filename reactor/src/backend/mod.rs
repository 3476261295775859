//! What a reactor needs from the operating system: readiness, and the time.
//!
//! A [`Backend`] is the only thing that knows how the system tells of readiness, and the only source of
//! time. Everything above it is the same on every backend.

mod always;
#[cfg(target_os = "linux")]
mod epoll;
mod poll;
mod polling;
#[cfg(not(any(target_os = "solaris", target_os = "illumos")))]
mod select;

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use rustix::event::Timespec;

#[cfg(target_os = "linux")]
pub use self::epoll::Epoll;
pub use self::poll::Poll;
pub use self::polling::Polling;
#[cfg(not(any(target_os = "solaris", target_os = "illumos")))]
pub use self::select::Select;

/// Waits for descriptors to be ready, and tells the time.
///
/// The reactor calls all of these, on its own thread, and keeps these promises: every descriptor stays
/// open from `register` to `deregister`; no two registered descriptors have the same key; `modify` and
/// `deregister` name a registered descriptor with the key that it has.
pub trait Backend {
    /// What this backend is called in `REACTOR_BACKEND` and in messages.
    fn name(&self) -> &'static str;

    /// Begins to watch `fd` for what `interest` asks; its events will carry `key`.
    ///
    /// # Errors
    ///
    /// What the system says; nothing is watched then.
    fn register(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()>;

    /// Watches `fd` for something else from now on.
    ///
    /// # Errors
    ///
    /// What the system says; the old interest stays then.
    fn modify(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()>;

    /// Stops watching `fd`. No later [`wait`](Self::wait) tells of its key.
    ///
    /// # Errors
    ///
    /// What the system says; the descriptor counts as no longer watched all the same.
    fn deregister(&mut self, fd: BorrowedFd<'_>, key: Key) -> io::Result<()>;

    /// Waits until a descriptor is ready, but not longer than `timeout` (for ever without one), and
    /// pushes an event for each descriptor that is, at most one each.
    ///
    /// Readiness is *level-triggered*: a descriptor that is still ready is told of by every wait. An
    /// error or a hang-up makes a descriptor ready for what it is watched for, whatever that is, so that
    /// the next read or write meets it. The wait may end early and without events, when it is
    /// interrupted by a signal, and may end with only some of the events that there are: the rest comes
    /// with the next wait. It does not end before `timeout` otherwise.
    ///
    /// # Errors
    ///
    /// Only what no later wait could do better: an error ends the reactor's run.
    fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()>;

    /// The time since this backend was made; it never goes back, and setting the wall clock does not move it.
    fn now(&self) -> Duration;
}

/// The name that the reactor has given to a descriptor; a backend hands it back as it got it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(usize);

impl Key {
    /// Half of the bits are an index, half are a generation.
    const HALF: u32 = usize::BITS / 2;

    pub(crate) const fn new(index: usize, generation: usize) -> Self {
        Self(index | generation << Self::HALF)
    }

    pub(crate) const fn index(self) -> usize {
        self.0 & ((1 << Self::HALF) - 1)
    }

    /// The key as a number that a system call can carry.
    #[must_use]
    pub const fn as_usize(self) -> usize {
        self.0
    }

    /// The key that [`as_usize`](Self::as_usize) made this number of.
    #[must_use]
    pub const fn from_usize(number: usize) -> Self {
        Self(number)
    }
}

/// What a descriptor is watched for. Never neither.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interest {
    /// Whether there is something to read, an end of input included.
    pub readable: bool,
    /// Whether there is room to write.
    pub writable: bool,
}

impl Interest {
    /// To read only.
    pub const READ: Self = Self {
        readable: true,
        writable: false,
    };
    /// To write only.
    pub const WRITE: Self = Self {
        readable: false,
        writable: true,
    };

    /// What either of the two asks for.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            readable: self.readable || other.readable,
            writable: self.writable || other.writable,
        }
    }
}

/// What a descriptor is ready for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Which descriptor.
    pub key: Key,
    /// A read would not block, be it that it fails.
    pub readable: bool,
    /// A write would not block, be it that it fails.
    pub writable: bool,
}

/// A backend could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackendError {
    /// There is no backend of this name, on this platform at least.
    #[error("unknown backend {0:?}; there are: {list}", list = NAMES.join(", "))]
    Unknown(String),
    /// The environment's `REACTOR_BACKEND` names no backend that there is.
    #[error("unknown backend {0:?} in REACTOR_BACKEND; there are: {list}", list = NAMES.join(", "))]
    UnknownInEnvironment(String),
    /// The operating system did not give what the backend needs.
    #[error("cannot open the {0} backend")]
    Open(&'static str, #[source] io::Error),
}

/// The names that [`from_name`] knows on this platform.
pub const NAMES: &[&str] = &[
    "polling",
    #[cfg(target_os = "linux")]
    "epoll",
    "poll",
    #[cfg(not(any(target_os = "solaris", target_os = "illumos")))]
    "select",
];

/// Opens the backend of this name, as `REACTOR_BACKEND` and command lines give it.
///
/// # Errors
///
/// [`BackendError::Unknown`] for any other name, with the ones that there are; [`BackendError::Open`] if
/// the system does not give what the backend needs.
pub fn from_name(name: &str) -> Result<Box<dyn Backend>, BackendError> {
    match name {
        "polling" => Ok(Box::new(Polling::new()?)),
        #[cfg(target_os = "linux")]
        "epoll" => Ok(Box::new(Epoll::new()?)),
        "poll" => Ok(Box::new(Poll::new())),
        #[cfg(not(any(target_os = "solaris", target_os = "illumos")))]
        "select" => Ok(Box::new(Select::new())),
        _ => Err(BackendError::Unknown(name.to_owned())),
    }
}

impl fmt::Debug for dyn Backend + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// No wait is longer than this, about 24 days: some systems count its milliseconds in 31 bits.
const LONGEST_WAIT: Duration = Duration::from_millis(i32::MAX as u64);

/// A timeout as system calls take it.
fn timespec(timeout: Duration) -> Timespec {
    Timespec::try_from(timeout.min(LONGEST_WAIT)).expect("24 days fit into a timespec")
}

/// The number of a descriptor, which is an index into tables.
fn number(fd: BorrowedFd<'_>) -> usize {
    usize::try_from(fd.as_raw_fd()).expect("an open descriptor has a number from 0")
}
