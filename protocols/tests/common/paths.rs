//! What the tests of UNIX sockets share: a place for their files, ports there, and clients of these.
//!
//! A test file that needs them names this module itself, beside `common`.

#![allow(dead_code, reason = "no test file needs all of it")]

use std::env;
use std::fs;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

use protocols::reactor::Reactor;
use protocols::{Connector, Port, ReactorUnix, UnixConnectOptions};

use super::common::{LIMIT, Script};

/// A folder of the test's own, which goes with this.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("protocols-{}-{count}", process::id());
        let path = env::temp_dir().join(name);
        fs::create_dir(&path).expect("the name is nobody else's");
        Self(path)
    }

    /// Where a file of this name is, or would be.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The names of all files in it.
    #[track_caller]
    pub(crate) fn assert_holds(&self, expected: &[&str]) {
        let entries = fs::read_dir(&self.0).expect("it is there");
        let mut names: Vec<_> = entries
            .map(|entry| entry.expect("it can be read").file_name())
            .collect();
        names.sort();
        assert_eq!(names, expected);
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It is somebody else's folder that is to be cleaned up then.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Listens at a path where nothing is yet.
pub(crate) fn listen_at(reactor: &Reactor, path: &Path, script: Script) -> Port {
    reactor
        .listen_unix(path, Rc::new(script))
        .expect("there is no such file yet")
}

/// Connects to a path.
pub(crate) fn connect_to(reactor: &Reactor, path: &Path, script: Script) -> Connector {
    reactor.connect_unix(path, Rc::new(script))
}

/// Connects to a path with a time limit.
pub(crate) fn connect_to_within(
    limit: std::time::Duration,
    reactor: &Reactor,
    path: &Path,
    script: Script,
) -> Connector {
    let options = UnixConnectOptions::new().timeout(limit);
    reactor.connect_unix_with(path, Rc::new(script), options)
}

/// A client that knows nothing of the reactor; it stands before anybody has accepted it.
pub(crate) fn peer_at(path: &Path) -> UnixStream {
    let peer = UnixStream::connect(path).expect("somebody listens");
    peer.set_read_timeout(Some(LIMIT)).expect("it is no zero");
    peer.set_write_timeout(Some(LIMIT)).expect("it is no zero");
    peer
}
