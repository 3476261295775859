//! How sockets of TCP are opened.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::set_socket_reuseport;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::{ConnectOptions, ListenOptions};
use crate::connecting::{ConnectArguments, Opened, Route};
use crate::listening::{Bound, ListenArguments, Place};
use crate::sockets::{self, local_address};
use crate::{Address, ConnectError, Destination};

/// The way to a port of TCP.
pub(super) struct TcpRoute {
    pub(super) destination: Destination,
    pub(super) options: ConnectOptions,
}

impl Route for TcpRoute {
    fn destination(&self) -> &Destination {
        &self.destination
    }

    fn timeout(&self) -> Option<Duration> {
        self.options.timeout
    }

    fn arguments(&self) -> ConnectArguments {
        ConnectArguments::Tcp(self.options.clone())
    }

    fn open(&self, to: &Address) -> Result<Opened, ConnectError> {
        let other = |error| ConnectError::Other(to.clone(), error);
        let &Address::Tcp(address) = to else {
            return Err(other(io::ErrorKind::Unsupported.into()));
        };
        let socket = new_socket(address).map_err(other)?;
        if let Some(local) = self.options.bind_address {
            let failed = |error| ConnectError::BindFailed(local.into(), error);
            socket.bind(&SockAddr::from(local)).map_err(failed)?;
        }
        match socket.connect(&SockAddr::from(address)) {
            Ok(()) => Ok(Opened::Waits(socket.into())),
            Err(error) if in_progress(&error) => Ok(Opened::Waits(socket.into())),
            Err(error) => Err(ConnectError::from_io(to.clone(), error)),
        }
    }
}

fn in_progress(error: &io::Error) -> bool {
    const IN_PROGRESS: i32 = Errno::INPROGRESS.raw_os_error();
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(IN_PROGRESS)
}

impl Place for ListenOptions {
    fn kind(&self) -> &'static str {
        "TCP"
    }

    fn wanted(&self) -> Address {
        self.address.into()
    }

    fn arguments(&self) -> ListenArguments {
        ListenArguments::Tcp(self.clone())
    }

    fn open(&self) -> io::Result<Bound> {
        let socket = new_socket(self.address)?;
        // Else a port could not be listened on again for a while after its connections have ended.
        socket.set_reuse_address(true)?;
        if self.reuse_port {
            set_socket_reuseport(&socket, true)?;
        }
        if self.address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.bind(&SockAddr::from(self.address))?;
        socket.listen(self.backlog.into())?;
        let fd = OwnedFd::from(socket);
        let address = local_address(fd.as_fd())?;
        Ok(Bound {
            is_socket: true,
            fd,
            address,
            file: None,
        })
    }
}

fn new_socket(address: SocketAddr) -> io::Result<Socket> {
    let domain = Domain::for_address(address);
    sockets::new_socket(domain, Type::STREAM, Some(Protocol::TCP))
}
