//! Endpoints of sockets that systemd has handed to this process.

use std::fmt;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::{LazyLock, Mutex, PoisonError};

use deferred::{Deferred, Failure};
use listenfd::ListenFd;
use reactor::Reactor;

use super::{AnyFactory, Listen, ServerEndpoint};
use crate::{Port, ReactorSockets};

impl ServerEndpoint {
    /// Listens by a socket that was handed to this process when it was started, as systemd does: by its place, from 0,
    /// among those that the variable `LISTEN_FDS` counts.
    ///
    /// Each of these sockets can be listened by once in a process, whichever reactor it is. Where there is none, listening
    /// fails with [`NoSuchSocket`]. The environment is read when the first of these endpoints listens, and is
    /// then rid of these variables: that should not happen while other threads read it.
    ///
    /// *Twisted's `systemd:` endpoints, which are made at once.*
    pub fn systemd(reactor: &Reactor, index: usize) -> Self {
        Self::new(Systemd {
            reactor: reactor.clone(),
            index,
        })
    }
}

/// No socket was handed to this process with this number, or it has been taken, or it is none for streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this process was handed no listening socket {0}, or it was taken before")]
pub struct NoSuchSocket(pub usize);

/// Those that were handed to the process and not taken yet.
static HANDED: LazyLock<Mutex<ListenFd>> = LazyLock::new(|| Mutex::new(ListenFd::from_env()));

fn take(index: usize) -> Result<OwnedFd, NoSuchSocket> {
    let mut handed = HANDED.lock().unwrap_or_else(PoisonError::into_inner);
    // One of the wrong kind stays where it is.
    if let Ok(Some(listener)) = handed.take_tcp_listener(index) {
        return Ok(listener.into());
    }
    match handed.take_unix_listener(index) {
        Ok(Some(listener)) => Ok(listener.into()),
        _ => Err(NoSuchSocket(index)),
    }
}

struct Systemd {
    reactor: Reactor,
    index: usize,
}

impl Listen for Systemd {
    fn listen(&self, factory: Rc<AnyFactory>) -> Deferred<Port> {
        let listening = take(self.index).map_err(Failure::without_backtrace);
        let listening = listening.and_then(|socket| {
            let port = self.reactor.adopt_port(&socket, factory);
            port.map_err(Failure::without_backtrace)
        });
        Deferred::from_result(listening)
    }
}

impl fmt::Display for Systemd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "systemd:{}", self.index)
    }
}
