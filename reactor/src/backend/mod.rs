//! What a reactor needs from the operating system: readiness, and the time.
//!
//! A [`Backend`] is the only thing that knows how the system tells of readiness, and the only source of
//! time. Everything above it is the same on every backend.
//!
//! | name | where | system calls of a turn | a turn's time grows with | limits |
//! |---|---|---|---|---|
//! | `polling` | Unix, if its poller is level-triggered | five on Linux | those that are ready | |
//! | `epoll` | Linux | one | those that are ready | |
//! | `poll` | Unix | one | those that are watched | as many as the process may open |
//! | `select` | Linux, Android, the BSDs, macOS | one | the highest number that is watched | |
//!
//! Measured by `cargo bench -p reactor --bench readiness` on two shared cores of a Xeon: to wait for one descriptor of
//! 1, 64 or 1,000 that are watched takes 0.3 µs each time on `epoll`, 1.2 µs on `polling`; 0.4, 6 and 88 µs
//! on `poll`, and 0.5, 10 and 88 µs on `select`.
//!
//! On all of them, a regular file and its like, which the system does not wait for, count as always
//! ready; with kqueue under `polling`, there is nothing to read at the end of a file. Timers are as exact
//! as the system's calls are: nanoseconds on Linux (whole milliseconds on `epoll` before Linux 5.11),
//! microseconds or milliseconds elsewhere, rounded up.
//!
//! All four have been tried on Linux only. For macOS and FreeBSD they compile; nothing was run there.

mod always;
#[cfg(target_os = "linux")]
mod epoll;
mod poll;
mod polling;
#[cfg(not(any(target_os = "solaris", target_os = "illumos")))]
mod select;
#[cfg(all(test, target_os = "linux"))]
#[expect(unsafe_code, reason = "a signal is sent to one thread by `libc` only")]
mod tests;

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
/// A reactor owns its backend, and is the only one that calls it, on its own thread and never from inside
/// another call of it. A turn of the loop asks for the time, once or twice, and waits, once; between two
/// waits, descriptors come, change and go, in any number and order. A backend never calls the reactor.
///
/// # What the reactor promises
///
/// - Every descriptor stays open from [`register`](Self::register) to [`deregister`](Self::deregister),
///   which come in turn. [`modify`](Self::modify) and `deregister` name a registered descriptor with the
///   key that it has. When the backend is dropped, the descriptors that are still registered are open.
/// - A descriptor is registered once, whatever it is watched for; two registered descriptors never have
///   the same number or the same key. A number comes again when it was closed, with another key; the
///   reactor makes nothing of an event whose key has gone, so a backend need not look for such.
/// - An interest is never in nothing: a descriptor that nobody reads or writes is not registered.
///
/// # What every reactor registers
///
/// The first descriptor is the reactor's own, registered for reading when the reactor is made, and never
/// deregistered. It becomes readable when another thread or a signal wakes the reactor up; a backend whose
/// waits do not end for it cannot be woken up.
///
/// # Examples
///
/// A backend in simulated time, in which no descriptor is ever ready, and timers run as soon as there is
/// nothing else to do:
///
/// ```
/// use reactor::Reactor;
/// use reactor::backend::{Backend, Event, Interest, Key};
/// use std::io;
/// use std::os::fd::BorrowedFd;
/// use std::time::{Duration, Instant};
///
/// #[derive(Default)]
/// struct Simulated {
///     now: Duration,
/// }
///
/// impl Backend for Simulated {
///     fn name(&self) -> &'static str {
///         "simulated"
///     }
///     fn register(&mut self, _: BorrowedFd<'_>, _: Key, _: Interest) -> io::Result<()> {
///         Ok(())
///     }
///     fn modify(&mut self, _: BorrowedFd<'_>, _: Key, _: Interest) -> io::Result<()> {
///         Ok(())
///     }
///     fn deregister(&mut self, _: BorrowedFd<'_>, _: Key) -> io::Result<()> {
///         Ok(())
///     }
///     fn wait(&mut self, _: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
///         self.now += timeout.ok_or_else(|| io::Error::other("nothing would ever happen"))?;
///         Ok(())
///     }
///     fn now(&self) -> Duration {
///         self.now
///     }
/// }
///
/// let reactor = Reactor::with_backend(Box::new(Simulated::default()))?;
/// let day = Duration::from_secs(24 * 60 * 60);
/// reactor.call_later(day, Reactor::stop);
/// let began = Instant::now();
///
/// reactor.run()?;
///
/// assert_eq!(reactor.now(), day);
/// assert!(began.elapsed() < day);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// *The part of Twisted's `PosixReactorBase` that its reactors override: `addReader` and the like, and
/// `doIteration`.*
pub trait Backend {
    /// What this backend is called in `REACTOR_BACKEND` and in messages.
    fn name(&self) -> &'static str;

    /// Begins to watch `fd` for what `interest` asks; its events will carry `key`.
    ///
    /// The next wait tells of it, also if it is ready already. A descriptor that the system cannot wait
    /// for because it never blocks, such as a regular file, counts as ready always.
    ///
    /// # Errors
    ///
    /// What the system says; nothing is watched then, and `deregister` will not be called for it. Whoever
    /// added the descriptor to the reactor is given the error.
    fn register(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()>;

    /// Watches `fd`, whose key stays the same, for what `interest` asks instead, from the next wait on.
    ///
    /// # Errors
    ///
    /// What the system says; the old interest stays then. If it was to become wider, whoever asked for it
    /// is given the error; if narrower, the error is logged, and the events nobody asked for do nothing.
    fn modify(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()>;

    /// Stops watching `fd`, which may be closed next. No later [`wait`](Self::wait) tells of its key.
    ///
    /// # Errors
    ///
    /// What the system says, which is logged; the descriptor counts as no longer watched all the same.
    fn deregister(&mut self, fd: BorrowedFd<'_>, key: Key) -> io::Result<()>;

    /// Waits until a descriptor is ready, but not longer than `timeout` (for ever without one, not at all
    /// if it is zero), and pushes an event for each descriptor that is, at most one each.
    ///
    /// `events` is empty when the reactor calls this. The reactor tells of the events in the order in
    /// which they stand there.
    ///
    /// Readiness is *level-triggered*: a descriptor that is still ready is told of by every wait. An
    /// error or a hang-up makes a descriptor ready for what it is watched for, whatever that is, so that
    /// the next read or write meets it; that the other side has closed its half, with something still to
    /// read or not, is something to read. To tell of more than a descriptor is watched for does no harm.
    ///
    /// A descriptor whose interest is in [`edge`](Interest::edge)s may be told of only when something has come
    /// since the last wait that told of it, or since it was registered or modified. A backend that does so says
    /// by [`more`](Event::more) when one read may leave something behind though it finds less than it has room for.
    ///
    /// A wait may tell of only some of the descriptors that are ready, as long as each of them has its
    /// turn after a few waits. It may also end early and without events: when a signal interrupts it, or
    /// when `timeout` is longer than the system can wait. That costs the reactor a turn in which nothing
    /// happens, after which it waits again. It does not end before `timeout` otherwise, and
    /// [`now`](Self::now) has advanced by `timeout` then: the reactor compares it with the times of its
    /// delayed calls, and knows nothing else of how long a wait took.
    ///
    /// # Errors
    ///
    /// Only what no later wait could do better: an error ends the reactor's run, which returns it.
    fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()>;

    /// The time since this backend was made; it never goes back, and setting the wall clock does not move it.
    ///
    /// It is asked for several times a turn, and whenever a delayed call is made, so it should cost little.
    fn now(&self) -> Duration;

    /// The descriptor that becomes readable when a wait would bring events, if there is one such: by it
    /// another loop can wait for this one.
    ///
    /// It may be readable though the wait brings nothing. It is none while a descriptor is watched that
    /// counts as always ready, so ask again before each wait. It tells nothing of delayed calls that are
    /// due. A backend that has none leaves this as it is.
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}

/// The name that the reactor has given to a descriptor; a backend hands it back as it got it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
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
    /// Whether it is enough to tell when there is more to read than before. It is never enough while there is room
    /// to write to be told of. A backend need not make use of it.
    pub edge: bool,
}

impl Interest {
    /// Neither; no backend is asked for that.
    pub(crate) const NONE: Self = Self {
        readable: false,
        writable: false,
        edge: false,
    };
    /// To read only.
    pub const READ: Self = Self {
        readable: true,
        ..Self::NONE
    };
    /// To write only.
    pub const WRITE: Self = Self {
        writable: true,
        ..Self::NONE
    };

    /// What either of the two asks for; edges are enough if both say so.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self {
            readable: self.readable || other.readable,
            writable: self.writable || other.writable,
            edge: self.edge && other.edge,
        }
    }
}

/// What a descriptor is ready for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Event {
    /// Which descriptor.
    pub key: Key,
    /// A read would not block, be it that it fails.
    pub readable: bool,
    /// A write would not block, be it that it fails.
    pub writable: bool,
    /// There is something out of the ordinary to read, such as an end, an error, or urgent data: a read that finds
    /// less than it has room for may have left something. Of no meaning but for [edges](Interest::edge).
    pub more: bool,
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
