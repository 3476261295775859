//! The backend for Linux: epoll, one system call a turn.

#![expect(
    unsafe_code,
    reason = "no safe wrapper has both ways to wait; see `Epoll`"
)]

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;
use std::time::{Duration, Instant};

use libc::{c_int, c_long};
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;

use super::always::AlwaysReady;
use super::{Backend, BackendError, Event, Interest, Key, LONGEST_WAIT};

/// At most this many events come from one wait; a turn's work is bounded by it.
const EVENTS_PER_WAIT: usize = 1024;

/// What a descriptor is watched for besides, if it is told of edges only: what may stand behind the data.
const EDGE: EventFlags = EventFlags::ET
    .union(EventFlags::RDHUP)
    .union(EventFlags::PRI);

/// Waits with Linux's `epoll`.
///
/// A wait is one call of `epoll_pwait2`, which counts in nanoseconds. Kernels before 5.11 do not have it,
/// and some sandboxes refuse it: there it is one call of `epoll_wait`, rounded up to whole milliseconds,
/// so that no timer is early.
///
/// What epoll refuses to watch, such as a regular file, counts as always ready; while one of these is
/// watched, no wait blocks.
///
/// A wait costs time only for the descriptors that are ready; to begin, change or end watching one costs
/// a system call.
///
/// Readiness is level-triggered, for which the system looks at a descriptor that it has told of once more in the
/// next wait; it need not where [edges](Interest::edge) are enough.
pub struct Epoll {
    epoll: OwnedFd,
    ready: Box<[libc::epoll_event]>,
    always: AlwaysReady,
    /// Whether the kernel has `epoll_pwait2`, as far as is known.
    has_pwait2: bool,
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
            ready: vec![libc::epoll_event { events: 0, u64: 0 }; EVENTS_PER_WAIT].into(),
            always: AlwaysReady::default(),
            has_pwait2: true,
            start: Instant::now(),
        })
    }

    /// Waits, and says how many events are at the beginning of `ready` now.
    fn wait_for_ready(&mut self, timeout: Option<Duration>) -> Result<usize, Errno> {
        if self.has_pwait2 {
            match self.pwait2(timeout) {
                // The call itself never ends in EPERM, but some sandboxes refuse with it what they do not
                // know.
                Err(Errno::NOSYS | Errno::PERM) => self.has_pwait2 = false,
                waited => return waited,
            }
        }
        self.wait_milliseconds(timeout)
    }

    // `rustix` chooses between the two calls when it is built, for all crates of a program: with its feature
    // `linux_5_11`, `polling` would not run on older kernels. So the two waits are `libc`'s.
    fn pwait2(&mut self, timeout: Option<Duration>) -> Result<usize, Errno> {
        let timeout = timeout.map(|timeout| {
            let timeout = timeout.min(LONGEST_WAIT);
            KernelTimespec {
                seconds: timeout.as_secs().cast_signed(),
                nanoseconds: timeout.subsec_nanos().into(),
            }
        });
        let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: `ready` has room for as many events as are asked for, and `timeout` is null or points to
        // a `timespec` that lives to the end of this function.
        let count = unsafe {
            libc::syscall(
                libc::SYS_epoll_pwait2,
                c_long::from(self.epoll.as_raw_fd()),
                self.ready.as_mut_ptr(),
                EVENTS_PER_WAIT as c_long,
                timeout,
                ptr::null::<libc::sigset_t>(),
                0_usize,
            )
        };
        usize::try_from(count).map_err(|_| last_error())
    }

    fn wait_milliseconds(&mut self, timeout: Option<Duration>) -> Result<usize, Errno> {
        let timeout = timeout.map_or(-1, |timeout| {
            let milliseconds = timeout.as_nanos().div_ceil(1_000_000);
            c_int::try_from(milliseconds).unwrap_or(c_int::MAX)
        });
        // SAFETY: `ready` has room for as many events as are asked for.
        let count = unsafe {
            libc::epoll_wait(
                self.epoll.as_raw_fd(),
                self.ready.as_mut_ptr(),
                EVENTS_PER_WAIT as c_int,
                timeout,
            )
        };
        usize::try_from(count).map_err(|_| last_error())
    }
}

impl Backend for Epoll {
    fn name(&self) -> &'static str {
        "epoll"
    }

    fn register(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        let added = epoll::add(&self.epoll, fd, data(key), flags(interest));
        self.always
            .unless_refused(added.map_err(io::Error::from), key, interest)
    }

    fn modify(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        if self.always.modify(key, interest) {
            return Ok(());
        }
        Ok(epoll::modify(&self.epoll, fd, data(key), flags(interest))?)
    }

    fn deregister(&mut self, fd: BorrowedFd<'_>, key: Key) -> io::Result<()> {
        if self.always.remove(key) {
            return Ok(());
        }
        Ok(epoll::delete(&self.epoll, fd)?)
    }

    fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
        let count = match self.wait_for_ready(self.always.timeout(timeout)) {
            Ok(count) => count,
            Err(Errno::INTR) => 0,
            Err(error) => return Err(error.into()),
        };
        events.extend(self.ready[..count].iter().map(|event| {
            let (flags, key) = (EventFlags::from_bits_retain(event.events), event.u64);
            let failed = flags.intersects(EventFlags::ERR | EventFlags::HUP);
            Event {
                key: Key::from_usize(key as usize),
                readable: failed || flags.contains(EventFlags::IN),
                writable: failed || flags.contains(EventFlags::OUT),
                more: failed || flags.intersects(EventFlags::RDHUP | EventFlags::PRI),
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

    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        self.always.is_empty().then(|| self.epoll.as_fd())
    }
}

impl fmt::Debug for Epoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Epoll")
            .field("epoll", &self.epoll)
            .finish_non_exhaustive()
    }
}

/// A time as `epoll_pwait2` takes it: 64 bits each, on every architecture.
#[repr(C)]
struct KernelTimespec {
    seconds: i64,
    nanoseconds: i64,
}

fn last_error() -> Errno {
    Errno::from_io_error(&io::Error::last_os_error()).expect("an error of the system has a number")
}

fn data(key: Key) -> EventData {
    EventData::new_u64(key.as_usize() as u64)
}

fn flags(interest: Interest) -> EventFlags {
    let mut flags = EventFlags::empty();
    flags.set(EventFlags::IN, interest.readable);
    flags.set(EventFlags::OUT, interest.writable);
    flags.set(EDGE, interest.edge);
    flags
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;

    use super::*;

    fn without_pwait2() -> Epoll {
        let mut epoll = Epoll::new().unwrap();
        epoll.has_pwait2 = false;
        epoll
    }

    #[test]
    fn a_kernel_without_nanoseconds_tells_of_events() {
        let (ours, mut peer) = UnixStream::pair().unwrap();
        let key = Key::new(7, 1);
        let mut epoll = without_pwait2();
        epoll.register(ours.as_fd(), key, Interest::READ).unwrap();
        peer.write_all(b"x").unwrap();
        let mut events = Vec::new();

        epoll.wait(&mut events, None).unwrap();

        let readable = Event {
            key,
            readable: true,
            ..Event::default()
        };
        assert_eq!(events, [readable]);
    }

    #[test]
    fn edges_are_told_of_once_and_levels_in_each_wait() {
        let edges = Interest {
            edge: true,
            ..Interest::READ
        };
        for (interest, waits) in [(edges, 1), (Interest::READ, 3)] {
            let (ours, mut peer) = UnixStream::pair().unwrap();
            let mut epoll = Epoll::new().unwrap();
            let key = Key::new(7, 1);
            epoll.register(ours.as_fd(), key, interest).unwrap();
            peer.write_all(b"x").unwrap();
            let mut events = Vec::new();

            for _ in 0..3 {
                epoll.wait(&mut events, Some(Duration::ZERO)).unwrap();
            }

            assert_eq!(events.len(), waits, "{interest:?}");
        }
    }

    #[test]
    fn what_may_stand_behind_data_is_told_with_it() {
        let edges = Interest {
            edge: true,
            ..Interest::READ
        };
        for (closes, more) in [(false, false), (true, true)] {
            let (ours, mut peer) = UnixStream::pair().unwrap();
            let mut epoll = Epoll::new().unwrap();
            let key = Key::new(7, 1);
            epoll.register(ours.as_fd(), key, edges).unwrap();
            peer.write_all(b"x").unwrap();
            if closes {
                peer.shutdown(std::net::Shutdown::Write).unwrap();
            }
            let mut events = Vec::new();

            epoll.wait(&mut events, None).unwrap();

            assert_eq!(events[0].more, more);
        }
    }

    #[test]
    fn a_kernel_without_nanoseconds_is_never_early() {
        let mut epoll = without_pwait2();
        let timeout = Duration::from_micros(1_100);
        let before = epoll.now();

        epoll.wait(&mut Vec::new(), Some(timeout)).unwrap();

        assert!(epoll.now() - before >= timeout);
    }

    #[test]
    fn a_wait_of_nothing_is_over_at_once_on_both_ways() {
        for mut epoll in [Epoll::new().unwrap(), without_pwait2()] {
            let mut events = Vec::new();

            epoll.wait(&mut events, Some(Duration::ZERO)).unwrap();

            assert_eq!(events, []);
        }
    }
}
