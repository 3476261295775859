//! How UNIX sockets are opened.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::{bind, connect};
use socket2::{Domain, Type};

use super::{SocketFile, UnixConnectOptions, UnixListenOptions, file};
use crate::connecting::{ConnectArguments, Opened, Route};
use crate::listening::{Bound, ListenArguments, Place};
use crate::sockets::{self, local_address, write_unix};
use crate::{Address, ConnectError, Destination};

/// The way to a UNIX socket.
pub(super) struct UnixRoute {
    pub(super) destination: Destination,
    pub(super) options: UnixConnectOptions,
}

impl Route for UnixRoute {
    fn destination(&self) -> &Destination {
        &self.destination
    }

    fn timeout(&self) -> Option<Duration> {
        self.options.timeout
    }

    fn arguments(&self) -> ConnectArguments {
        ConnectArguments::Unix(self.options.clone())
    }

    fn open(&self, to: &Address) -> Result<Opened, ConnectError> {
        let other = |error| ConnectError::Other(to.clone(), error);
        let Address::Unix(address) = to else {
            return Err(other(io::ErrorKind::Unsupported.into()));
        };
        if let Some(path) = address.path()
            && self.options.check_lock
            && !file::is_locked(path)
        {
            return Err(ConnectError::NotLocked(to.clone()));
        }
        let peer = write_unix(address).map_err(|error| other(error.into()))?;
        let socket = new_socket().map_err(other)?;
        if let Some(local) = &self.options.bind_address {
            let failed = |error| ConnectError::BindFailed(local.clone().into(), error);
            let name = write_unix(local).map_err(|error| failed(error.into()))?;
            bind(&socket, &name).map_err(|error| failed(error.into()))?;
        }
        match connect(&socket, &peer) {
            Ok(()) | Err(Errno::INPROGRESS) => Ok(Opened::Waits(socket)),
            // Unlike one of TCP, this socket is not on its way, and will not be by itself.
            Err(Errno::AGAIN) => Ok(Opened::Busy(socket)),
            Err(error) => Err(ConnectError::from_io(to.clone(), error.into())),
        }
    }
}

impl Place for UnixListenOptions {
    fn kind(&self) -> &'static str {
        "UNIX"
    }

    fn wanted(&self) -> Address {
        self.address.clone().into()
    }

    fn arguments(&self) -> ListenArguments {
        ListenArguments::Unix(self.clone())
    }

    fn open(&self) -> io::Result<Bound> {
        let socket = new_socket()?;
        let (socket, file) = match self.address.path() {
            Some(path) => {
                let (socket, file) = SocketFile::bind(socket, path, self.mode, self.lock)?;
                (socket, Some(file))
            }
            None => {
                bind(&socket, &write_unix(&self.address)?)?;
                (socket, None)
            }
        };
        rustix::net::listen(&socket, self.backlog.into())?;
        let address = local_address(socket.as_fd())?;
        Ok(Bound {
            is_socket: true,
            fd: socket,
            address,
            file,
        })
    }
}

fn new_socket() -> io::Result<OwnedFd> {
    let socket = sockets::new_socket(Domain::UNIX, Type::STREAM, None)?;
    Ok(socket.into())
}
