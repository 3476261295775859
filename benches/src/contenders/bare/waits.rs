//! The ways to wait.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use protocols::reactor::backend::{self, Backend, Event, Interest, Key};
use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::Errno;

/// What a connection waits for.
#[derive(Clone, Copy)]
pub(in super::super) enum For {
    Bytes,
    Room,
}

/// A way to wait.
pub(in super::super) trait Waits: Sized {
    fn new() -> io::Result<Self>;

    /// Begins to watch a socket; what is said of it will carry `key`.
    fn watch(&mut self, socket: BorrowedFd<'_>, key: usize, what: For) -> io::Result<()>;

    /// Watches it for something else.
    fn watch_instead(&mut self, socket: &OwnedFd, what: For) -> io::Result<()>;

    /// Does what is to be done before it is closed.
    fn unwatch(&mut self, socket: &OwnedFd);

    fn wait(&mut self) -> io::Result<()>;

    /// The key of what was found ready at this place, and whether it has room; nothing behind the last one.
    fn ready(&self, place: usize) -> Option<(usize, bool)>;
}

/// An epoll, and what it has found.
pub(in super::super) struct Epoll {
    epoll: OwnedFd,
    found: Vec<epoll::Event>,
}

impl Waits for Epoll {
    fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            found: Vec::with_capacity(1024),
        })
    }

    fn watch(&mut self, socket: BorrowedFd<'_>, key: usize, what: For) -> io::Result<()> {
        let key = EventData::new_u64(key as u64);
        Ok(epoll::add(&self.epoll, socket, key, flags(what))?)
    }

    fn watch_instead(&mut self, socket: &OwnedFd, what: For) -> io::Result<()> {
        let key = EventData::new_u64(key_of(socket) as u64);
        Ok(epoll::modify(&self.epoll, socket, key, flags(what))?)
    }

    /// The system does it.
    fn unwatch(&mut self, _socket: &OwnedFd) {}

    fn wait(&mut self) -> io::Result<()> {
        self.found.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut self.found), None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn ready(&self, place: usize) -> Option<(usize, bool)> {
        let event = self.found.get(place)?;
        let (data, flags) = (event.data, event.flags);
        let has_room = flags.intersects(EventFlags::OUT | EventFlags::ERR | EventFlags::HUP);
        Some((data.u64() as usize, has_room))
    }
}

const fn flags(what: For) -> EventFlags {
    match what {
        For::Bytes => EventFlags::IN,
        For::Room => EventFlags::OUT,
    }
}

/// Our backend of this name, without the reactor above it: what it costs to wait in that way.
pub(in super::super) struct Polling {
    backend: backend::Polling,
    found: Vec<Event>,
}

impl Waits for Polling {
    fn new() -> io::Result<Self> {
        Ok(Self {
            backend: backend::Polling::new().map_err(io::Error::other)?,
            found: Vec::new(),
        })
    }

    fn watch(&mut self, socket: BorrowedFd<'_>, key: usize, what: For) -> io::Result<()> {
        let key = Key::from_usize(key);
        self.backend.register(socket, key, interest(what))
    }

    fn watch_instead(&mut self, socket: &OwnedFd, what: For) -> io::Result<()> {
        let key = Key::from_usize(key_of(socket));
        self.backend.modify(socket.as_fd(), key, interest(what))
    }

    fn unwatch(&mut self, socket: &OwnedFd) {
        let key = Key::from_usize(key_of(socket));
        self.backend
            .deregister(socket.as_fd(), key)
            .expect("it is registered");
    }

    fn wait(&mut self) -> io::Result<()> {
        self.found.clear();
        self.backend.wait(&mut self.found, None)
    }

    fn ready(&self, place: usize) -> Option<(usize, bool)> {
        let event = self.found.get(place)?;
        Some((event.key.as_usize(), event.writable))
    }
}

const fn interest(what: For) -> Interest {
    match what {
        For::Bytes => Interest::READ,
        For::Room => Interest::WRITE,
    }
}

/// The key of a connection: the number of its descriptor.
pub(super) fn key_of(socket: &OwnedFd) -> usize {
    socket.as_raw_fd() as usize
}
