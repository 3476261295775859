//! The descriptors that are always ready, because the system has no way to wait for them.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use rustix::io::Errno;

use super::{Event, Interest, Key};

/// Descriptors that epoll refuses to watch: regular files, directories, `/dev/null` and their like.
///
/// Reading or writing one of them never waits for anything to happen, so a wait does not either while one
/// is watched, as `poll` and `select` have it.
#[derive(Debug, Default)]
pub(super) struct AlwaysReady {
    /// By the number of the key. A tree, so that they are told of in the same order each time.
    interests: BTreeMap<usize, Interest>,
}

impl AlwaysReady {
    /// Hands on what a registration came to, unless the system refused the kind of descriptor: then it is
    /// kept here, and counts as watched.
    pub(super) fn unless_refused(
        &mut self,
        registered: io::Result<()>,
        key: Key,
        interest: Interest,
    ) -> io::Result<()> {
        match registered {
            Err(error) if Errno::from_io_error(&error) == Some(Errno::PERM) => {
                self.interests.insert(key.as_usize(), interest);
                Ok(())
            }
            done => done,
        }
    }

    /// Changes the interest in a descriptor that is kept here; else says that it is not.
    pub(super) fn modify(&mut self, key: Key, interest: Interest) -> bool {
        let kept = self.interests.get_mut(&key.as_usize());
        kept.map(|kept| *kept = interest).is_some()
    }

    /// Forgets a descriptor that is kept here; else says that it is not.
    pub(super) fn remove(&mut self, key: Key) -> bool {
        self.interests.remove(&key.as_usize()).is_some()
    }

    /// Whether none is kept here.
    pub(super) fn is_empty(&self) -> bool {
        self.interests.is_empty()
    }

    /// How long to wait for the other descriptors.
    pub(super) fn timeout(&self, timeout: Option<Duration>) -> Option<Duration> {
        if self.is_empty() {
            timeout
        } else {
            Some(Duration::ZERO)
        }
    }

    /// An event for each.
    pub(super) fn events(&self) -> impl Iterator<Item = Event> {
        self.interests.iter().map(|(&key, interest)| Event {
            key: Key::from_usize(key),
            readable: interest.readable,
            writable: interest.writable,
            more: false,
        })
    }
}
