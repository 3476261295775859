//! The descriptors that a reactor watches, and who is told when they are ready.

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::ptr;
use std::rc::Rc;

use deferred::Failure;
use slab::Slab;

use crate::Reactor;
use crate::backend::{Backend, Interest, Key};

/// An object with a descriptor, given to a reactor.
///
/// The reactor owns the object while it watches the descriptor. An object that hands out a borrow of its
/// descriptor (`AsFd`) cannot close it while somebody owns the object, so no descriptor is closed while
/// it is watched.
///
/// `as_fd` is called while the reactor changes its tables: **it returns the same descriptor each time, and calls nothing
/// of the reactor's.**
pub trait Descriptor: AsFd {
    /// Called once, by the loop, when the connection is over: reading or writing ended with `reason`, or
    /// the reactor stops. The reactor has let go of the object by then; this is the last owner that it had.
    fn connection_lost(self: Rc<Self>, reactor: &Reactor, reason: Failure);

    /// What the object is called in reports about it.
    ///
    /// *Twisted's `ILoggingContext.logPrefix`.*
    fn log_prefix(&self) -> String {
        format!("descriptor {}", self.as_fd().as_raw_fd())
    }
}

/// A descriptor that wants to know when it can be read.
///
/// *Twisted's `IReadDescriptor`.*
pub trait ReadDescriptor: Descriptor {
    /// Called by the loop, in each turn while there is something to read.
    ///
    /// It should read a bounded amount: if more is there, it is called again in the next turn.
    ///
    /// # Errors
    ///
    /// An error ends the connection: the object is removed, as reader and as writer, and its
    /// [`connection_lost`](Descriptor::connection_lost) is called with that error as the reason, also if it has
    /// removed itself. A panic does the same, and is reported besides; so is an error of an object that is gone.
    fn do_read(self: Rc<Self>, reactor: &Reactor) -> Result<(), Failure>;
}

/// A descriptor that wants to know when it can be written.
///
/// *Twisted's `IWriteDescriptor`.*
pub trait WriteDescriptor: Descriptor {
    /// Called by the loop, in each turn while there is room to write.
    ///
    /// # Errors
    ///
    /// As for [`ReadDescriptor::do_read`].
    fn do_write(self: Rc<Self>, reactor: &Reactor) -> Result<(), Failure>;
}

/// Who is told of one descriptor.
#[derive(Default)]
pub(crate) struct Watchers {
    pub(crate) reader: Option<Rc<dyn ReadDescriptor>>,
    pub(crate) writer: Option<Rc<dyn WriteDescriptor>>,
}

impl Watchers {
    fn interest(&self) -> Interest {
        Interest {
            readable: self.reader.is_some(),
            writable: self.writer.is_some(),
        }
    }

    /// Each object among these, once.
    pub(crate) fn each(self) -> Vec<Rc<dyn Descriptor>> {
        Self::all_of([self], None)
    }

    /// Each object among these and `other`, once.
    pub(crate) fn all_of(
        watchers: impl IntoIterator<Item = Self>,
        other: Option<Rc<dyn Descriptor>>,
    ) -> Vec<Rc<dyn Descriptor>> {
        let mut all: Vec<Rc<dyn Descriptor>> = Vec::with_capacity(3);
        for one in watchers.into_iter().flat_map(Self::both).chain(other) {
            let same = |it: &Rc<dyn Descriptor>| ptr::addr_eq(Rc::as_ptr(it), Rc::as_ptr(&one));
            if !all.iter().any(same) {
                all.push(one);
            }
        }
        all
    }

    fn both(self) -> impl Iterator<Item = Rc<dyn Descriptor>> {
        let reader = self.reader.map(|it| it as Rc<dyn Descriptor>);
        let writer = self.writer.map(|it| it as Rc<dyn Descriptor>);
        reader.into_iter().chain(writer)
    }

    fn contain(&self, object: &Rc<dyn Descriptor>) -> bool {
        let address = Rc::as_ptr(object);
        let reads = |it: &Rc<dyn ReadDescriptor>| ptr::addr_eq(Rc::as_ptr(it), address);
        let writes = |it: &Rc<dyn WriteDescriptor>| ptr::addr_eq(Rc::as_ptr(it), address);
        self.reader.as_ref().is_some_and(reads) || self.writer.as_ref().is_some_and(writes)
    }
}

/// One watched descriptor.
struct Entry {
    key: Key,
    watchers: Watchers,
    /// The reactor's own, which nobody sees or removes.
    internal: bool,
}

/// The table of watched descriptors, kept in step with the backend.
///
/// What it takes out it gives back, to be dropped by the caller: the object may run code of the user's when
/// it is dropped, and the table is borrowed while one of these runs.
#[derive(Default)]
pub(crate) struct Descriptors {
    entries: Slab<Entry>,
    /// Where in `entries` each descriptor is, by its number.
    by_fd: Vec<Option<usize>>,
    generation: usize,
}

impl Descriptors {
    /// Watches a descriptor of the reactor's own, for reading.
    pub(crate) fn add_internal(
        &mut self,
        backend: &mut dyn Backend,
        reader: Rc<dyn ReadDescriptor>,
    ) -> io::Result<()> {
        let entry = self.watch(backend, reader.as_fd(), Interest::READ)?;
        entry.internal = true;
        entry.watchers.reader = Some(reader);
        Ok(())
    }

    pub(crate) fn add_reader(
        &mut self,
        backend: &mut dyn Backend,
        reader: &Rc<dyn ReadDescriptor>,
    ) -> io::Result<Option<Rc<dyn ReadDescriptor>>> {
        let entry = self.watch(backend, reader.as_fd(), Interest::READ)?;
        Ok(entry.watchers.reader.replace(Rc::clone(reader)))
    }

    pub(crate) fn add_writer(
        &mut self,
        backend: &mut dyn Backend,
        writer: &Rc<dyn WriteDescriptor>,
    ) -> io::Result<Option<Rc<dyn WriteDescriptor>>> {
        let entry = self.watch(backend, writer.as_fd(), Interest::WRITE)?;
        Ok(entry.watchers.writer.replace(Rc::clone(writer)))
    }

    pub(crate) fn remove_reader(
        &mut self,
        backend: &mut dyn Backend,
        fd: BorrowedFd<'_>,
    ) -> Option<Rc<dyn ReadDescriptor>> {
        let index = self
            .index_of(fd)
            .filter(|&index| !self.entries[index].internal)?;
        let reader = self.entries[index].watchers.reader.take()?;
        self.narrow(backend, fd, index);
        Some(reader)
    }

    pub(crate) fn remove_writer(
        &mut self,
        backend: &mut dyn Backend,
        fd: BorrowedFd<'_>,
    ) -> Option<Rc<dyn WriteDescriptor>> {
        let index = self.index_of(fd)?;
        let writer = self.entries[index].watchers.writer.take()?;
        self.narrow(backend, fd, index);
        Some(writer)
    }

    /// Takes out whoever watches the descriptor of `key`, if it is still the one that the key was given to.
    pub(crate) fn remove(&mut self, backend: &mut dyn Backend, key: Key) -> Watchers {
        let Some(entry) = self
            .entries
            .get_mut(key.index())
            .filter(|entry| entry.key == key)
        else {
            return Watchers::default();
        };
        let watchers = mem::take(&mut entry.watchers);
        let fd = match (&watchers.reader, &watchers.writer) {
            (Some(reader), _) => reader.as_fd(),
            (None, Some(writer)) => writer.as_fd(),
            (None, None) => return watchers,
        };
        self.narrow(backend, fd, key.index());
        watchers
    }

    /// Takes out all watchers but the reactor's own.
    pub(crate) fn remove_all(&mut self, backend: &mut dyn Backend) -> Vec<Watchers> {
        let keys = self.keys();
        keys.into_iter()
            .map(|key| self.remove(backend, key))
            .collect()
    }

    /// The key under which `object` is watched, if it is.
    pub(crate) fn key_of(&self, object: &Rc<dyn Descriptor>) -> Option<Key> {
        let entry = &self.entries[self.index_of(object.as_fd())?];
        entry.watchers.contain(object).then_some(entry.key)
    }

    /// The keys of all descriptors but the reactor's own.
    pub(crate) fn keys(&self) -> Vec<Key> {
        self.visible().map(|entry| entry.key).collect()
    }

    /// The reader of the descriptor of `key`, if it is still the one that the key was given to.
    pub(crate) fn reader(&self, key: Key) -> Option<Rc<dyn ReadDescriptor>> {
        self.get(key)?.watchers.reader.clone()
    }

    /// The writer of the descriptor of `key`, if it is still the one that the key was given to.
    pub(crate) fn writer(&self, key: Key) -> Option<Rc<dyn WriteDescriptor>> {
        self.get(key)?.watchers.writer.clone()
    }

    pub(crate) fn readers(&self) -> Vec<Rc<dyn ReadDescriptor>> {
        self.visible()
            .filter_map(|entry| entry.watchers.reader.clone())
            .collect()
    }

    pub(crate) fn writers(&self) -> Vec<Rc<dyn WriteDescriptor>> {
        self.visible()
            .filter_map(|entry| entry.watchers.writer.clone())
            .collect()
    }

    fn visible(&self) -> impl Iterator<Item = &Entry> {
        self.entries
            .iter()
            .map(|(_, entry)| entry)
            .filter(|entry| !entry.internal)
    }

    fn get(&self, key: Key) -> Option<&Entry> {
        self.entries
            .get(key.index())
            .filter(|entry| entry.key == key)
    }

    fn index_of(&self, fd: BorrowedFd<'_>) -> Option<usize> {
        *self.by_fd.get(usize::try_from(fd.as_raw_fd()).ok()?)?
    }

    /// The entry of `fd`, watched for what it was and for `more`.
    fn watch(
        &mut self,
        backend: &mut dyn Backend,
        fd: BorrowedFd<'_>,
        more: Interest,
    ) -> io::Result<&mut Entry> {
        if let Some(index) = self.index_of(fd) {
            let entry = &mut self.entries[index];
            let interest = entry.watchers.interest();
            if interest.and(more) != interest {
                backend.modify(fd, entry.key, interest.and(more))?;
            }
            return Ok(entry);
        }

        self.generation = self.generation.wrapping_add(1);
        let key = Key::new(self.entries.vacant_key(), self.generation);
        backend.register(fd, key, more)?;
        let number =
            usize::try_from(fd.as_raw_fd()).expect("an open descriptor has a number from 0");
        if self.by_fd.len() <= number {
            self.by_fd.resize(number + 1, None);
        }
        self.by_fd[number] = Some(key.index());
        let index = self.entries.insert(Entry {
            key,
            watchers: Watchers::default(),
            internal: false,
        });
        Ok(&mut self.entries[index])
    }

    /// Watches `fd` only for what its entry still has a watcher for; with none left, the entry goes.
    fn narrow(&mut self, backend: &mut dyn Backend, fd: BorrowedFd<'_>, index: usize) {
        let entry = &self.entries[index];
        let (key, interest) = (entry.key, entry.watchers.interest());
        let done = if interest.readable || interest.writable {
            backend.modify(fd, key, interest)
        } else {
            self.entries.remove(index);
            if let Ok(number) = usize::try_from(fd.as_raw_fd()) {
                self.by_fd[number] = None;
            }
            backend.deregister(fd, key)
        };
        if let Err(error) = done {
            log::warn!(
                "cannot stop watching descriptor {}: {error}",
                fd.as_raw_fd()
            );
        }
    }
}
