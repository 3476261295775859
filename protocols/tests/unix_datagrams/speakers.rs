//! Protocols that speak by paths, and a folder for these.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, process};

use protocols::UnixAddress;
use protocols::datagram::UnixDatagramPort;
use protocols::reactor::Reactor;

use crate::common::Log;
use crate::datagrams::Speaker;

/// A folder of a test's own, which goes with all that is in it.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("datagrams-{}-{made}", process::id()));
        fs::create_dir(&path).expect("nobody has a folder of this name");
        Self(path)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Notes everything and does nothing.
pub(crate) fn speaker(name: &'static str, log: &Log) -> Speaker<UnixDatagramPort> {
    Speaker::on_any(name, log)
}

pub(crate) fn unnoted() -> Speaker<UnixDatagramPort> {
    speaker("someone", &Log::default())
}

/// A name that no other test has.
#[cfg(target_os = "linux")]
pub(crate) fn abstract_name(reactor: &Reactor, what: &str) -> UnixAddress {
    let (id, backend) = (process::id(), reactor.backend_name());
    UnixAddress::abstract_name(format!("datagrams {id} {backend} {what}"))
}
