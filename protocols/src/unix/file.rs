//! The file by which a UNIX socket is found, and the lock beside it.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::thread;

use rustix::fs::{FlockOperation, OFlags, flock};
use rustix::io::Errno;

use crate::UnixAddress;
use crate::sockets::valid_unix;

/// So often a lock is tried to be taken that others only look at.
const ATTEMPTS: usize = 100;

/// The file of a socket, which goes with it.
pub(crate) struct SocketFile {
    file: OwnFile,
    /// Goes last, for until then nobody else may make such a file.
    _lock: Option<Lock>,
}

impl SocketFile {
    /// Binds `socket` to a file that is made at `path`, with this mode, or the one that the process's mask leaves.
    ///
    /// With a lock, a socket that is there already was left by a dead process, and goes.
    ///
    /// # Errors
    ///
    /// If there is another file, somebody else has the lock, or the system says so.
    pub(crate) fn bind(
        socket: OwnedFd,
        path: &Path,
        mode: Option<u32>,
        lock: bool,
    ) -> io::Result<(OwnedFd, Self)> {
        let lock = if lock { Some(Lock::take(path)?) } else { None };
        if lock.is_some() && is_socket(path) {
            fs::remove_file(path)?;
        }
        let socket = File::from(socket);
        let permissions = mode.map(Permissions::from_mode);
        if let Some(permissions) = &permissions {
            // Where the system heeds this, the file is never open to more than it should, not even for a moment.
            let _ = socket.set_permissions(permissions.clone());
        }
        rustix::net::bind(&socket, &valid_unix(&UnixAddress::from(path))?)?;
        let file = Self {
            file: OwnFile::at(path)?,
            _lock: lock,
        };
        if let Some(permissions) = permissions {
            fs::set_permissions(path, permissions)?;
        }
        Ok((socket.into(), file))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        self.file.remove();
    }
}

fn is_socket(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
}

/// A file that this process has made.
struct OwnFile {
    path: PathBuf,
    id: FileId,
}

/// The device of a file, and its number there.
type FileId = (u64, u64);

impl OwnFile {
    fn at(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            id: id_of(path)?,
        })
    }

    /// Removes it, unless somebody has put another file in its place, which is not ours.
    fn remove(&self) {
        if id_of(&self.path).is_ok_and(|id| id == self.id)
            && let Err(error) = fs::remove_file(&self.path)
        {
            log::warn!(target: "protocols", "cannot remove {}: {error}", self.path.display());
        }
    }
}

fn id_of(path: &Path) -> io::Result<FileId> {
    let metadata = fs::symlink_metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// The lock beside a socket: it is held by a live process, whatever else is left of a dead one.
struct Lock {
    file: OwnFile,
    /// Closing it gives the lock back.
    _held: File,
}

impl Lock {
    /// Takes the lock of the socket at `path`.
    ///
    /// # Errors
    ///
    /// If somebody else has it, or there cannot be such a file.
    fn take(path: &Path) -> io::Result<Self> {
        let path = lock_path(path);
        for _ in 0..ATTEMPTS {
            let held = OpenOptions::new()
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o644)
                .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
                .open(&path)?;
            match flock(&held, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK) if is_shared(&held) => {
                    // Somebody asks just now who holds it, which does not take long.
                    thread::yield_now();
                    continue;
                }
                Err(Errno::WOULDBLOCK) => return Err(held_by_another()),
                Err(error) => return Err(error.into()),
            }
            let metadata = held.metadata()?;
            let id = (metadata.dev(), metadata.ino());
            // The last holder may have removed the file after it was opened here; then this lock says nothing.
            if id_of(&path).is_ok_and(|found| found == id) {
                let file = OwnFile { path, id };
                return Ok(Self { file, _held: held });
            }
        }
        Err(held_by_another())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        self.file.remove();
    }
}

/// Whether a live process holds the lock of the socket at `path`.
pub(super) fn is_locked(path: &Path) -> bool {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(lock_path(path));
    file.is_ok_and(|file| !is_shared(&file))
}

/// Whether a lock is held by nobody but those who ask: then it can be shared with them.
fn is_shared(file: &File) -> bool {
    flock(file, FlockOperation::NonBlockingLockShared).is_ok()
}

fn lock_path(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".lock");
    name.into()
}

fn held_by_another() -> io::Error {
    let text = "another process holds the lock of this path";
    io::Error::new(io::ErrorKind::AddrInUse, text)
}
