//! The addresses of datagrams, as the system takes and gives them.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixDatagram;

use rustix::io::Errno;
use rustix::net::SocketAddrAny;

use crate::sockets::{read_unix, write_unix};
use crate::{Address, UnixAddress};

/// An address of one kind of port.
///
/// What the system says is read by the standard library's sockets: see [`read_unix`].
pub(super) trait PortAddress: Clone + Eq {
    /// What kind of port it is, in the words of the log.
    const KIND: &'static str;

    /// A socket of the kind.
    type Socket: AsFd + From<OwnedFd> + 'static;

    /// Where a socket is.
    fn host_of(socket: &Self::Socket) -> io::Result<Self>;

    /// Reads the next datagram, as much of it as there is room for, and tells where it came from.
    fn receive(socket: &Self::Socket, buffer: &mut [u8]) -> io::Result<(usize, Self)>;

    /// What is said to the system.
    ///
    /// # Errors
    ///
    /// If the system has no such name.
    fn write(&self) -> Result<SocketAddrAny, Errno>;

    /// Whether a port that is here can send to `other`.
    fn reaches(&self, other: &Self) -> bool;

    /// What the program is told.
    fn tell(&self) -> Address;
}

impl PortAddress for SocketAddr {
    const KIND: &'static str = "UDP";

    type Socket = UdpSocket;

    fn host_of(socket: &UdpSocket) -> io::Result<Self> {
        socket.local_addr()
    }

    fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, Self)> {
        socket.recv_from(buffer)
    }

    fn write(&self) -> Result<SocketAddrAny, Errno> {
        Ok((*self).into())
    }

    fn reaches(&self, other: &Self) -> bool {
        self.is_ipv4() == other.is_ipv4()
    }

    fn tell(&self) -> Address {
        Address::Udp(*self)
    }
}

impl PortAddress for UnixAddress {
    const KIND: &'static str = "UNIX datagram";

    type Socket = UnixDatagram;

    fn host_of(socket: &UnixDatagram) -> io::Result<Self> {
        socket.local_addr().map(|address| read_unix(&address))
    }

    fn receive(socket: &UnixDatagram, buffer: &mut [u8]) -> io::Result<(usize, Self)> {
        let (len, from) = socket.recv_from(buffer)?;
        Ok((len, read_unix(&from)))
    }

    fn write(&self) -> Result<SocketAddrAny, Errno> {
        write_unix(self).map(Into::into)
    }

    fn reaches(&self, _other: &Self) -> bool {
        true
    }

    fn tell(&self) -> Address {
        Address::Unix(self.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_that_was_not_bound_is_unnamed() {
        let socket = UnixDatagram::unbound().unwrap();

        let address = UnixAddress::host_of(&socket).unwrap();

        assert_eq!(address, UnixAddress::Unnamed);
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_abstract_name_may_have_any_bytes() {
        let name = format!("a\0b\x01{}", std::process::id());
        let name = UnixAddress::abstract_name(name);
        let socket = UnixDatagram::unbound().unwrap();

        rustix::net::bind(&socket, &name.write().unwrap()).unwrap();

        assert_eq!(UnixAddress::host_of(&socket).unwrap(), name);
    }
}
