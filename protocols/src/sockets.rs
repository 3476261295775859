//! What all kinds of stream sockets have in common: their addresses, as the system gives and takes them, and how
//! they are accepted.

use std::ffi::OsStr;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::io::Errno;
use rustix::net::{SocketAddrAny, SocketAddrUnix, getsockname};

use crate::{Address, UnixAddress};

/// Accepts a client: its socket does not block, and is closed on exec.
pub(crate) fn accept(listener: BorrowedFd<'_>) -> Result<(OwnedFd, Address), Errno> {
    #[cfg(not(target_vendor = "apple"))]
    let (fd, peer) = {
        use rustix::net::{SocketFlags, acceptfrom_with};
        acceptfrom_with(listener, SocketFlags::NONBLOCK | SocketFlags::CLOEXEC)?
    };
    #[cfg(target_vendor = "apple")]
    let (fd, peer) = {
        let (fd, peer) = rustix::net::acceptfrom(listener)?;
        rustix::io::fcntl_setfd(&fd, rustix::io::FdFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&fd, true)?;
        (fd, peer)
    };
    let peer = read_address(peer).ok_or(Errno::CONNABORTED)?;
    Ok((fd, peer))
}

/// Where this end of a socket is.
///
/// # Errors
///
/// If the system does not say, or it is of a kind that is not known here.
pub(crate) fn local_address(fd: BorrowedFd<'_>) -> io::Result<Address> {
    read_address(Some(getsockname(fd)?)).ok_or_else(|| io::ErrorKind::Unsupported.into())
}

/// What the system says of where a stream socket is, if that is a kind known here.
pub(crate) fn read_address(address: Option<SocketAddrAny>) -> Option<Address> {
    let Some(address) = address else {
        // This is how a UNIX socket without a name is told on some systems.
        return Some(Address::Unix(UnixAddress::Unnamed));
    };
    if let Ok(address) = SocketAddr::try_from(address.clone()) {
        return Some(Address::Tcp(address));
    }
    let address = SocketAddrUnix::try_from(address).ok()?;
    Some(Address::Unix(read_unix(&address)))
}

fn read_unix(address: &SocketAddrUnix) -> UnixAddress {
    // A socket that accept gives and that has no name looks as if its name were an empty one.
    #[cfg(target_os = "linux")]
    if let Some(name) = address.abstract_name().filter(|name| !name.is_empty()) {
        return UnixAddress::Abstract(name.to_vec());
    }
    let path = address.path_bytes().filter(|path| !path.is_empty());
    let path = path.map(|path| Path::new(OsStr::from_bytes(path)).to_owned());
    path.map_or(UnixAddress::Unnamed, UnixAddress::Path)
}

/// The name of a UNIX socket, as the system takes it.
///
/// # Errors
///
/// If it is too long, there are no such names here, or it is none.
pub(crate) fn write_unix(address: &UnixAddress) -> Result<SocketAddrUnix, Errno> {
    match address {
        UnixAddress::Path(path) => SocketAddrUnix::new(path.as_path()),
        #[cfg(target_os = "linux")]
        UnixAddress::Abstract(name) => SocketAddrUnix::new_abstract_name(name),
        #[cfg(not(target_os = "linux"))]
        UnixAddress::Abstract(_) => Err(Errno::OPNOTSUPP),
        UnixAddress::Unnamed => Err(Errno::DESTADDRREQ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(address: &UnixAddress) -> Option<Address> {
        read_address(Some(write_unix(address).unwrap().into()))
    }

    #[test]
    fn what_is_said_to_the_system_is_read_back() {
        let path = UnixAddress::from("/run/log");

        assert_eq!(round_trip(&path), Some(path.into()));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_abstract_name_is_no_path_and_may_have_any_bytes() {
        let name = UnixAddress::abstract_name(b"a\0b\xff");

        assert_eq!(round_trip(&name), Some(name.into()));
    }

    #[test]
    fn no_address_is_that_of_an_unnamed_socket() {
        assert_eq!(read_address(None), Some(UnixAddress::Unnamed.into()));
    }

    #[test]
    fn a_name_that_the_system_cannot_take_is_an_error() {
        let long = UnixAddress::Path("x".repeat(200).into());

        assert_eq!(write_unix(&long).unwrap_err(), Errno::NAMETOOLONG);
        assert_eq!(
            write_unix(&UnixAddress::Unnamed).unwrap_err(),
            Errno::DESTADDRREQ
        );
    }
}
