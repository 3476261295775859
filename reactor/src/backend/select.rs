//! The backend with the oldest call: `select`, which is given a set of bits with each call.

#![expect(
    unsafe_code,
    reason = "rustix's `select` leaves it to its caller that the descriptors are open"
)]

use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::time::{Duration, Instant};

use rustix::event::{
    FdSetElement, FdSetIter, fd_set_bound, fd_set_insert, fd_set_num_elements, fd_set_remove,
    select,
};
use rustix::io::Errno;

use super::{Backend, Event, Interest, Key, number, timespec};

/// Waits with `select`.
///
/// A wait costs time for each descriptor that is watched, and for the highest number among them; to
/// begin, change or end watching one costs no system call. The sets grow with that number, so that the
/// limit of 1024 that the C library's `FD_SETSIZE` is known for does not hold here.
///
/// `select` has no word for a hang-up. The systems tell of one as something to read, and of an error as
/// something to read and as room to write.
pub struct Select {
    reading: Vec<FdSetElement>,
    writing: Vec<FdSetElement>,
    /// The sets that the system call is given, which leaves in them what is ready.
    readable: Vec<FdSetElement>,
    writable: Vec<FdSetElement>,
    /// The keys of the descriptors, by their numbers.
    keys: Vec<Option<Key>>,
    /// One more than the highest number in the sets.
    bound: RawFd,
    start: Instant,
}

impl Select {
    /// Makes a backend that watches nothing yet; it needs no descriptor of its own.
    #[must_use]
    pub fn new() -> Self {
        Self {
            reading: Vec::new(),
            writing: Vec::new(),
            readable: Vec::new(),
            writable: Vec::new(),
            keys: Vec::new(),
            bound: 0,
            start: Instant::now(),
        }
    }

    fn key(&self, fd: RawFd) -> Option<Key> {
        *self.keys.get(usize::try_from(fd).ok()?)?
    }

    fn set(&mut self, fd: BorrowedFd<'_>, interest: Interest) {
        set(&mut self.reading, fd, interest.readable);
        set(&mut self.writing, fd, interest.writable);
    }
}

impl Default for Select {
    fn default() -> Self {
        Self::new()
    }
}

impl Backend for Select {
    fn name(&self) -> &'static str {
        "select"
    }

    fn register(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        if self.key(fd.as_raw_fd()).is_some() {
            return Err(Errno::EXIST.into());
        }
        let bound = fd.as_raw_fd() + 1;
        if self.bound < bound {
            self.bound = bound;
            let elements = fd_set_num_elements(0, bound);
            if self.reading.len() < elements {
                self.reading.resize(elements, FdSetElement::default());
                self.writing.resize(elements, FdSetElement::default());
            }
        }
        let number = number(fd);
        if self.keys.len() <= number {
            self.keys.resize(number + 1, None);
        }
        self.keys[number] = Some(key);
        self.set(fd, interest);
        Ok(())
    }

    fn modify(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        if self.key(fd.as_raw_fd()).is_none() {
            return Err(Errno::NOENT.into());
        }
        self.keys[number(fd)] = Some(key);
        self.set(fd, interest);
        Ok(())
    }

    fn deregister(&mut self, fd: BorrowedFd<'_>, _key: Key) -> io::Result<()> {
        if self.key(fd.as_raw_fd()).is_none() {
            return Err(Errno::NOENT.into());
        }
        self.keys[number(fd)] = None;
        set(&mut self.reading, fd, false);
        set(&mut self.writing, fd, false);
        if self.bound == fd.as_raw_fd() + 1 {
            self.bound = fd_set_bound(&self.reading).max(fd_set_bound(&self.writing));
        }
        Ok(())
    }

    fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
        let elements = fd_set_num_elements(0, self.bound);
        copy(&self.reading[..elements], &mut self.readable);
        copy(&self.writing[..elements], &mut self.writable);
        // SAFETY: the reactor keeps the owner of each descriptor from `register`, which puts it into the
        // sets, to `deregister`, which takes it out, as `Backend` promises; so all of them are open.
        let selected = unsafe {
            select(
                self.bound,
                Some(&mut self.readable),
                Some(&mut self.writable),
                None,
                timeout.map(timespec).as_ref(),
            )
        };
        match selected {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        }

        let mut readable = FdSetIter::new(&self.readable).peekable();
        let mut writable = FdSetIter::new(&self.writable).peekable();
        // The lower one of the two next numbers, if there are two.
        while let Some(fd) = match (readable.peek(), writable.peek()) {
            (Some(&reads), Some(&writes)) => Some(reads.min(writes)),
            (reads, writes) => reads.or(writes).copied(),
        } {
            let (readable, writable) = (
                readable.next_if_eq(&fd).is_some(),
                writable.next_if_eq(&fd).is_some(),
            );
            events.extend(self.key(fd).map(|key| Event {
                key,
                readable,
                writable,
                more: false,
            }));
        }
        Ok(())
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

impl fmt::Debug for Select {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select")
            .field("bound", &self.bound)
            .finish_non_exhaustive()
    }
}

/// Puts a descriptor into a set that is large enough, or takes it out.
fn set(set: &mut [FdSetElement], fd: BorrowedFd<'_>, member: bool) {
    if member {
        fd_set_insert(set, fd.as_raw_fd());
    } else {
        fd_set_remove(set, fd.as_raw_fd());
    }
}

fn copy(from: &[FdSetElement], to: &mut Vec<FdSetElement>) {
    to.clear();
    to.extend_from_slice(from);
}
