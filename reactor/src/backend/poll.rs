//! The backend for every Unix: `poll`, which is given the list of all descriptors with each call.

#![expect(
    unsafe_code,
    reason = "the list holds descriptors that others own, from one wait to the next"
)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::{Backend, Event, Interest, Key, number, timespec};

/// Waits with `poll`.
///
/// A wait costs time for each descriptor that is watched, ready or not; to begin, change or end watching
/// one costs no system call. There is no limit to how many are watched. A descriptor that was closed
/// behind the reactor's back counts as ready, so that its next read or write fails.
#[derive(Debug)]
pub struct Poll {
    /// What the system call is given.
    list: Vec<PollFd<'static>>,
    /// The keys of these, in the same order.
    keys: Vec<Key>,
    /// Where in the list a descriptor is, by its number.
    places: Vec<Option<usize>>,
    start: Instant,
}

impl Poll {
    /// Makes a backend that watches nothing yet; it needs no descriptor of its own.
    #[must_use]
    pub fn new() -> Self {
        Self {
            list: Vec::new(),
            keys: Vec::new(),
            places: Vec::new(),
            start: Instant::now(),
        }
    }

    fn place(&self, fd: BorrowedFd<'_>) -> io::Result<usize> {
        let place = self.places.get(number(fd)).copied().flatten();
        place.ok_or_else(|| Errno::NOENT.into())
    }
}

impl Default for Poll {
    fn default() -> Self {
        Self::new()
    }
}

impl Backend for Poll {
    fn name(&self) -> &'static str {
        "poll"
    }

    fn register(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        let number = number(fd);
        if self.places.len() <= number {
            self.places.resize(number + 1, None);
        }
        if self.places[number].is_some() {
            return Err(Errno::EXIST.into());
        }
        self.places[number] = Some(self.list.len());
        self.list.push(entry(fd, interest));
        self.keys.push(key);
        Ok(())
    }

    fn modify(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        let place = self.place(fd)?;
        self.list[place] = entry(fd, interest);
        self.keys[place] = key;
        Ok(())
    }

    fn deregister(&mut self, fd: BorrowedFd<'_>, _key: Key) -> io::Result<()> {
        let place = self.place(fd)?;
        self.places[number(fd)] = None;
        self.list.swap_remove(place);
        self.keys.swap_remove(place);
        // The last one of the list has taken the place of this one.
        if let Some(moved) = self.list.get(place) {
            self.places[number(moved.as_fd())] = Some(place);
        }
        Ok(())
    }

    fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
        let ready = match poll(&mut self.list, timeout.map(timespec).as_ref()) {
            Ok(ready) => ready,
            Err(Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let told = self
            .list
            .iter()
            .zip(&self.keys)
            .filter(|(entry, _)| !entry.revents().is_empty());
        // When all that are ready have been found, the rest of the list need not be looked at.
        events.extend(told.take(ready).map(|(entry, &key)| {
            let flags = entry.revents();
            let failed = flags.intersects(PollFlags::ERR | PollFlags::HUP | PollFlags::NVAL);
            Event {
                key,
                readable: failed || flags.contains(PollFlags::IN),
                writable: failed || flags.contains(PollFlags::OUT),
                more: false,
            }
        }));
        Ok(())
    }

    fn now(&self) -> Duration {
        self.start.elapsed()
    }
}

/// What stands in the list for a descriptor.
fn entry(fd: BorrowedFd<'_>, interest: Interest) -> PollFd<'static> {
    // SAFETY: the reactor keeps the owner of `fd` from `register` to `deregister`, as `Backend` promises,
    // and `deregister` takes the entry out of the list; no entry is copied out of it.
    let fd = unsafe { BorrowedFd::borrow_raw(fd.as_raw_fd()) };
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, interest.readable);
    flags.set(PollFlags::OUT, interest.writable);
    PollFd::from_borrowed_fd(fd, flags)
}
