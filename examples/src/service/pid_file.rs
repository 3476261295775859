//! The file that tells the number of the process that runs a service.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::process;

use protocols::reactor::Reactor;
use protocols::reactor::task::{FilesystemLock, LockError};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

/// A file with the number of this process in it, which is there until this is dropped.
///
/// It tells whom to send a signal to, and keeps a second process from running the same service. A process that was
/// killed leaves it behind; the next one sees that no process has this number, and takes the file over. So does one
/// that has the very number itself, as a service in a container has at each start.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
}

/// Why there is no such file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PidFileError {
    /// The file tells the number of a process that there is.
    #[error("the service of {0:?} is running already, as process {1}")]
    Running(PathBuf, u32),
    /// Another process looks at the file at this very moment.
    #[error("the service of {0:?} is being started already")]
    Starting(PathBuf),
    /// There is a file of that name with something else in it.
    #[error("{0:?} is there, and has no process number in it")]
    NoNumber(PathBuf),
    /// The operating system refused it.
    #[error("cannot write {0:?}")]
    Io(PathBuf, #[source] io::Error),
    /// The operating system refused what keeps two processes from looking at the same time.
    #[error(transparent)]
    Lock(#[from] LockError),
}

impl PidFile {
    /// Writes the file, unless the service is running already.
    ///
    /// # Errors
    ///
    /// If it is, or the file cannot be written.
    pub fn create(reactor: &Reactor, path: impl Into<PathBuf>) -> Result<Self, PidFileError> {
        let path = path.into();
        // Of two that find the file of a dead process, one would else remove the other's new one.
        let lock = FilesystemLock::new(reactor, beside(&path));
        if !lock.lock()? {
            return Err(PidFileError::Starting(path));
        }
        match owner(&path)? {
            Some(pid) if is_running(pid) => return Err(PidFileError::Running(path, pid)),
            Some(pid) => log::warn!("{path:?} was left by process {pid}, which is gone"),
            None => {}
        }

        let io = |error| PidFileError::Io(path.clone(), error);
        let mut file = File::create(&path).map_err(io)?;
        // From here on it is removed if something fails.
        let this = Self { path: path.clone() };
        writeln!(file, "{}", process::id()).map_err(io)?;
        Ok(this)
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_file(&self.path) {
            log::warn!("cannot remove {:?}: {error}", self.path);
        }
    }
}

/// The name of the lock, which is there while the file is looked at.
fn beside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    name.into()
}

/// The number in the file, if there is a file.
fn owner(path: &Path) -> Result<Option<u32>, PidFileError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(PidFileError::Io(path.to_owned(), error)),
    };
    let number = str::from_utf8(&text).ok().map(str::trim);
    match number.and_then(|number| number.parse().ok()) {
        Some(pid) if pid > 0 => Ok(Some(pid)),
        _ => Err(PidFileError::NoNumber(path.to_owned())),
    }
}

/// Whether a process other than this one has this number.
fn is_running(pid: u32) -> bool {
    let Some(number) = i32::try_from(pid).ok().and_then(Pid::from_raw) else {
        return false;
    };
    // Whoever may not be asked is there.
    pid != process::id() && test_kill_process(number) != Err(Errno::SRCH)
}
