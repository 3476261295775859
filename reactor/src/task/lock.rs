//! A lock between processes, and the wait for it.

use std::any;
use std::cell::RefCell;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use deferred::{Deferred, Firer};
use rustix::fs::{FlockOperation, Mode, OFlags};
use rustix::io::Errno;

use super::later::off;
use super::timeout::{cancelled_to_timed_out, timeout_with};
use super::{NextTurn, Turns};
use crate::clock::Clock;
use crate::delayed::DelayedCall;

/// How often a lock that is held is tried again. Nothing tells when a lock becomes free.
const RETRY: Duration = Duration::from_secs(1);

/// A lock that one process at a time can hold, by the name of a file.
///
/// The file stands there while the lock is held, and is empty. What locks is not the file but the kernel
/// (`flock`), which lets go when the process ends, however it does: a file that was left by a process that has died does
/// not count, and is taken over. Only processes of one user can use it. Two locks of one name in the same process exclude each other as well.
/// The file must not be on a file system whose locks other machines do not see.
///
/// Dropping this unlocks it, and ends a wait with [`Abandoned`](deferred::Abandoned).
///
/// # Examples
///
/// ```no_run
/// use reactor::Reactor;
/// use reactor::task::FilesystemLock;
/// use std::rc::Rc;
/// use std::time::Duration;
///
/// let reactor = Reactor::new()?;
/// let lock = Rc::new(FilesystemLock::new(&reactor, "/run/poetry.lock"));
/// let locked = lock.defer_until_locked_within(Duration::from_secs(60));
/// locked
///     .add_callback(move |()| {
///         println!("Nobody else writes poems now");
///         Ok(lock.unlock()?)
///     })
///     .log_failure("No poems today");
/// reactor.run()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// *Twisted's `FilesystemLock` and `DeferredFilesystemLock`: a symbolic link that names the process, which another one takes
/// over when no process has that number any more. That can go wrong when two take it over at once, or when
/// the number has a new owner.*
pub struct FilesystemLock {
    inner: Rc<Inner>,
}

/// Why a lock could not be locked, unlocked or waited for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Somebody waits for it already with this object; that wait goes on.
    #[error("the lock {0} is being waited for already")]
    AlreadyWaiting(PathBuf),
    /// It was to be unlocked, and is not held by this object.
    #[error("the lock {0} is not held")]
    NotLocked(PathBuf),
    /// The operating system refused it.
    #[error("cannot use the lock {0}")]
    Io(PathBuf, #[source] io::Error),
}

struct Inner {
    clock: Rc<dyn Clock>,
    path: PathBuf,
    held: RefCell<Option<OwnedFd>>,
    wait: RefCell<Option<Wait>>,
    made: &'static Location<'static>,
}

/// Somebody waits for the lock.
struct Wait {
    firer: Firer<()>,
    retry: DelayedCall,
}

impl FilesystemLock {
    /// Makes a lock with this name, which is not locked yet.
    #[track_caller]
    pub fn new(clock: &(impl Clock + Clone + 'static), path: impl Into<PathBuf>) -> Self {
        let inner = Inner {
            clock: Rc::new(clock.clone()),
            path: path.into(),
            held: RefCell::default(),
            wait: RefCell::default(),
            made: Location::caller(),
        };
        Self {
            inner: Rc::new(inner),
        }
    }

    /// Its name.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Whether this object holds it.
    #[must_use]
    pub fn is_locked(&self) -> bool {
        self.inner.held.borrow().is_some()
    }

    /// Locks it, if it is free, and says whether it was. One that this object holds is not free.
    ///
    /// # Errors
    ///
    /// [`LockError::Io`]
    pub fn lock(&self) -> Result<bool, LockError> {
        self.inner.lock()
    }

    /// Lets go of it, and removes the file.
    ///
    /// # Errors
    ///
    /// [`LockError::NotLocked`]; [`LockError::Io`] if the file could not be removed: it is unlocked all the same.
    pub fn unlock(&self) -> Result<(), LockError> {
        self.inner.unlock()
    }

    /// A Deferred that fires when it is locked: now if it is free, else it is tried again each second.
    ///
    /// Cancelling it gives the wait up. It fails with [`LockError::AlreadyWaiting`] if somebody waits with this
    /// object already, and with [`LockError::Io`] if the operating system refuses.
    #[track_caller]
    pub fn defer_until_locked(&self) -> Deferred<()> {
        if self.inner.wait.borrow().is_some() {
            return Deferred::fail(LockError::AlreadyWaiting(self.inner.path.clone()));
        }
        match self.lock() {
            Ok(true) => Deferred::succeed(()),
            Ok(false) => Inner::wait(&self.inner),
            Err(error) => Deferred::fail(error),
        }
    }

    /// As [`defer_until_locked`](Self::defer_until_locked), but if the lock is still held when `after` has passed, it fails with
    /// a [`TimeoutError`](super::TimeoutError).
    #[track_caller]
    pub fn defer_until_locked_within(&self, after: Duration) -> Deferred<()> {
        let inner = Rc::downgrade(&self.inner);
        let try_once_more = move |result, after| {
            let timed_out = cancelled_to_timed_out(result, after);
            match inner.upgrade() {
                Some(inner) if timed_out.is_err() && inner.lock().unwrap_or(false) => Ok(()),
                _ => timed_out,
            }
        };
        let locked = self.defer_until_locked();
        timeout_with(locked, after, &self.inner.clock, try_once_more)
    }
}

impl Inner {
    fn lock(&self) -> Result<bool, LockError> {
        if self.held.borrow().is_some() {
            return Ok(false);
        }
        let locked = open_locked(&self.path).map_err(|errno| self.refused(errno))?;
        let is_locked = locked.is_some();
        *self.held.borrow_mut() = locked;
        Ok(is_locked)
    }

    fn unlock(&self) -> Result<(), LockError> {
        let held = self.held.borrow_mut().take();
        let file = held.ok_or_else(|| LockError::NotLocked(self.path.clone()))?;
        // Removed while it is locked: whoever opened it meanwhile sees that, and takes a new one.
        let removed = if stands_at(&file, &self.path) {
            rustix::fs::unlink(&self.path)
        } else {
            Ok(())
        };
        drop(file);
        removed.map_err(|errno| self.refused(errno))
    }

    fn refused(&self, errno: Errno) -> LockError {
        LockError::Io(self.path.clone(), errno.into())
    }

    #[track_caller]
    fn wait(self: &Rc<Self>) -> Deferred<()> {
        let inner = Rc::downgrade(self);
        let (firer, deferred) = Deferred::with_canceller(move |_| {
            if let Some(inner) = inner.upgrade() {
                inner.give_up();
            }
        });
        self.try_again_later(firer);
        deferred
    }

    fn try_again_later(self: &Rc<Self>, firer: Firer<()>) {
        let name = any::type_name::<FilesystemLock>();
        let turn = NextTurn::work(Rc::clone(self), name, self.made);
        let retry = self.clock.schedule(RETRY, turn);
        if retry.active() {
            self.wait.replace(Some(Wait { firer, retry }));
        }
    }

    /// Ends the wait, if there is one.
    fn give_up(&self) {
        let wait = self.wait.take();
        if let Some(wait) = wait {
            off(&wait.retry);
        }
    }
}

impl Turns for Inner {
    fn turn(self: Rc<Self>) {
        let wait = self.wait.take();
        let Some(Wait { firer, .. }) = wait else {
            return;
        };
        match self.lock() {
            Ok(true) => drop(firer.callback(())),
            Ok(false) => self.try_again_later(firer),
            Err(error) => drop(firer.errback(error)),
        }
    }

    fn turn_dropped(self: Rc<Self>) {
        let wait = self.wait.take();
        drop(wait);
    }
}

impl Drop for FilesystemLock {
    fn drop(&mut self) {
        self.inner.give_up();
        if self.is_locked() {
            // A file that is left does no harm.
            let _ = self.unlock();
        }
    }
}

impl fmt::Debug for FilesystemLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilesystemLock")
            .field("path", &self.path())
            .field("locked", &self.is_locked())
            .field("waiting", &self.inner.wait.borrow().is_some())
            .finish_non_exhaustive()
    }
}

/// Opens the file with this name and locks it; `None` if somebody else has it locked.
fn open_locked(path: &Path) -> Result<Option<OwnedFd>, Errno> {
    // No link is followed: in a folder that others write to, it could lead anywhere.
    let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC | OFlags::NOFOLLOW;
    loop {
        let file = rustix::fs::open(path, flags, Mode::RUSR | Mode::WUSR)?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            // The one who had it locked may have removed it after it was opened here.
            Ok(()) if stands_at(&file, path) => return Ok(Some(file)),
            Ok(()) | Err(Errno::INTR) => {}
            Err(Errno::WOULDBLOCK) => return Ok(None),
            Err(errno) => return Err(errno),
        }
    }
}

/// Whether it is this file that stands at `path`.
fn stands_at(file: &OwnedFd, path: &Path) -> bool {
    match (rustix::fs::fstat(file), rustix::fs::lstat(path)) {
        (Ok(open), Ok(there)) => (open.st_dev, open.st_ino) == (there.st_dev, there.st_ino),
        _ => false,
    }
}
