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

    /// Whether it is enough to call [`do_read`](Self::do_read) when something has come, and not in each turn while
    /// there is something to read. It is asked when the object is added, also if it is there already.
    ///
    /// That saves the system a look at the descriptor after each read. It is for streams of bytes in which a read that
    /// brings less than it had room for has found all that was there; an end or an error behind that is told of by
    /// another call. After a read that leaves something, the object answers no and adds itself again. Only some
    /// backends tell of edges; on all others it is called in each turn.
    fn is_edge_triggered(&self) -> bool {
        false
    }
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
    /// Told of the end only.
    pub(crate) held: Option<Rc<dyn Descriptor>>,
}

impl Watchers {
    fn interest(&self) -> Interest {
        let reads_edges = |reader: &Rc<dyn ReadDescriptor>| reader.is_edge_triggered();
        Interest {
            readable: self.reader.is_some(),
            writable: self.writer.is_some(),
            edge: self.writer.is_none() && self.reader.as_ref().is_some_and(reads_edges),
        }
    }

    fn is_empty(&self) -> bool {
        self.reader.is_none() && self.writer.is_none() && self.held.is_none()
    }

    /// The descriptor of these, which is the same for all of them.
    fn fd(&self) -> Option<BorrowedFd<'_>> {
        let reader = self.reader.as_ref().map(|it| it.as_fd());
        let writer = self.writer.as_ref().map(|it| it.as_fd());
        let held = self.held.as_ref().map(|it| it.as_fd());
        reader.or(writer).or(held)
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
        let watchers = watchers.into_iter().flat_map(Self::in_all_roles);
        for one in watchers.chain(other) {
            let same = |it: &Rc<dyn Descriptor>| ptr::addr_eq(Rc::as_ptr(it), Rc::as_ptr(&one));
            if !all.iter().any(same) {
                all.push(one);
            }
        }
        all
    }

    fn in_all_roles(self) -> impl Iterator<Item = Rc<dyn Descriptor>> {
        let reader = self.reader.map(|it| it as Rc<dyn Descriptor>);
        let writer = self.writer.map(|it| it as Rc<dyn Descriptor>);
        reader.into_iter().chain(writer).chain(self.held)
    }

    fn contain(&self, object: &Rc<dyn Descriptor>) -> bool {
        let address = Rc::as_ptr(object);
        let reads = |it: &Rc<dyn ReadDescriptor>| ptr::addr_eq(Rc::as_ptr(it), address);
        let writes = |it: &Rc<dyn WriteDescriptor>| ptr::addr_eq(Rc::as_ptr(it), address);
        let holds = |it: &Rc<dyn Descriptor>| ptr::addr_eq(Rc::as_ptr(it), address);
        self.reader.as_ref().is_some_and(reads)
            || self.writer.as_ref().is_some_and(writes)
            || self.held.as_ref().is_some_and(holds)
    }
}

/// One watched or held descriptor.
struct Entry {
    key: Key,
    watchers: Watchers,
    /// What the backend watches it for; it knows nothing of a descriptor that it watches for nothing.
    watched_for: Interest,
    /// Whether edges are not enough, whatever its reader says, because a read may leave what is no data.
    needs_level: bool,
    /// The reactor's own, which nobody sees or removes.
    internal: bool,
}

impl Entry {
    /// What it is to be watched for.
    fn interest(&self) -> Interest {
        let all = self.watchers.interest();
        Interest {
            edge: all.edge && !self.needs_level,
            ..all
        }
    }

    /// What it is to be watched for when it has a watcher that asks for `more`.
    fn interest_with(&self, more: Interest) -> Interest {
        let reader = if more.readable {
            more
        } else {
            self.watched_for
        };
        let all = self.watched_for.and(more);
        Interest {
            edge: reader.edge && !all.writable && !self.needs_level,
            ..all
        }
    }
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
        let interest = Interest {
            edge: reader.is_edge_triggered(),
            ..Interest::READ
        };
        let entry = self.watch(backend, reader.as_fd(), interest)?;
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

    /// Owns `object`, and has nothing watched for it.
    pub(crate) fn hold(&mut self, object: &Rc<dyn Descriptor>) -> Option<Rc<dyn Descriptor>> {
        let index = self.index_of(object.as_fd());
        let index = index.unwrap_or_else(|| self.enter(object.as_fd()));
        self.entries[index].watchers.held.replace(Rc::clone(object))
    }

    /// Takes out whoever watches or holds `fd`.
    pub(crate) fn release(&mut self, backend: &mut dyn Backend, fd: BorrowedFd<'_>) -> Watchers {
        let Some(index) = self
            .index_of(fd)
            .filter(|&index| !self.entries[index].internal)
        else {
            return Watchers::default();
        };
        let watchers = mem::take(&mut self.entries[index].watchers);
        self.narrow(backend, fd, index);
        watchers
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

    /// Whether the descriptor of `key` is watched for edges only.
    pub(crate) fn is_on_edges(&self, key: Key) -> bool {
        self.get(key).is_some_and(|entry| entry.watched_for.edge)
    }

    /// Watches the descriptor of `key` for more than edges from now on, if it is still watched for these.
    pub(crate) fn watch_level(&mut self, backend: &mut dyn Backend, key: Key) {
        let Some(entry) = self.get_mut(key).filter(|entry| entry.watched_for.edge) else {
            return;
        };
        entry.needs_level = true;
        if let Some(reader) = entry.watchers.reader.clone() {
            self.narrow(backend, reader.as_fd(), key.index());
        }
    }

    /// Takes out whoever watches the descriptor of `key`, if it is still the one that the key was given to.
    pub(crate) fn remove(&mut self, backend: &mut dyn Backend, key: Key) -> Watchers {
        let Some(entry) = self.get_mut(key) else {
            return Watchers::default();
        };
        let watchers = mem::take(&mut entry.watchers);
        if let Some(fd) = watchers.fd() {
            self.narrow(backend, fd, key.index());
        }
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

    fn get_mut(&mut self, key: Key) -> Option<&mut Entry> {
        self.entries
            .get_mut(key.index())
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
        let known = self.index_of(fd);
        let index = known.unwrap_or_else(|| self.enter(fd));
        let entry = &mut self.entries[index];
        let (before, after) = (entry.watched_for, entry.interest_with(more));
        let done = match before {
            // Where there are edges, to ask once more is to be told once more.
            _ if before == after && !after.edge => Ok(()),
            Interest::NONE => backend.register(fd, entry.key, after),
            _ => backend.modify(fd, entry.key, after),
        };
        if let Err(error) = done {
            if known.is_none() {
                self.forget(fd, index);
            }
            return Err(error);
        }
        let entry = &mut self.entries[index];
        entry.watched_for = after;
        Ok(entry)
    }

    /// A new entry for `fd`, which has none.
    fn enter(&mut self, fd: BorrowedFd<'_>) -> usize {
        self.generation = self.generation.wrapping_add(1);
        let number =
            usize::try_from(fd.as_raw_fd()).expect("an open descriptor has a number from 0");
        if self.by_fd.len() <= number {
            self.by_fd.resize(number + 1, None);
        }
        let index = self.entries.vacant_key();
        self.by_fd[number] = Some(index);
        self.entries.insert(Entry {
            key: Key::new(index, self.generation),
            watchers: Watchers::default(),
            watched_for: Interest::NONE,
            needs_level: false,
            internal: false,
        })
    }

    /// Removes the entry of `fd`.
    fn forget(&mut self, fd: BorrowedFd<'_>, index: usize) {
        self.entries.remove(index);
        if let Ok(number) = usize::try_from(fd.as_raw_fd()) {
            self.by_fd[number] = None;
        }
    }

    /// Watches `fd` only for what its entry still has a watcher for; with nobody left at all, the entry goes.
    fn narrow(&mut self, backend: &mut dyn Backend, fd: BorrowedFd<'_>, index: usize) {
        let entry = &mut self.entries[index];
        let (before, after) = (entry.watched_for, entry.interest());
        entry.watched_for = after;
        let done = match after {
            _ if before == after => Ok(()),
            Interest::NONE => backend.deregister(fd, entry.key),
            _ => backend.modify(fd, entry.key, after),
        };
        if entry.watchers.is_empty() {
            self.forget(fd, index);
        }
        if let Err(error) = done {
            log::warn!(
                "cannot stop watching descriptor {}: {error}",
                fd.as_raw_fd()
            );
        }
    }
}
