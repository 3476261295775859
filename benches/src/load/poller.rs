//! Waiting for any of many connections.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::io::Errno;

use crate::process::PATIENCE;

/// An epoll that says of a connection that something has changed: bytes have come, or there is room for more.
pub(super) struct Poller {
    epoll: OwnedFd,
    ready: Vec<Event>,
}

impl Poller {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            ready: Vec::with_capacity(1024),
        })
    }

    /// Watches it, until it is closed. Only changes are told: who is told must go on until the system refuses.
    pub(super) fn add(&self, source: impl AsFd, key: usize) -> io::Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::ET;
        let key = EventData::new_u64(key as u64);
        Ok(epoll::add(&self.epoll, source, key, flags)?)
    }

    /// Waits until something has changed, and puts the keys of those with which it has into `keys`.
    pub(super) fn wait(&mut self, keys: &mut Vec<usize>) -> io::Result<()> {
        self.ready.clear();
        let found = epoll::wait(
            &self.epoll,
            spare_capacity(&mut self.ready),
            Some(&PATIENCE),
        );
        match found {
            Ok(0) => {
                let stuck = "nothing has come for a minute";
                return Err(io::Error::new(io::ErrorKind::TimedOut, stuck));
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        keys.clear();
        keys.extend(self.ready.iter().map(|event| {
            let data = event.data;
            data.u64() as usize
        }));
        Ok(())
    }
}
