//! What all kinds of sockets have in common: how they are made, their addresses, as the system gives and takes them,
//! and how streams are accepted.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::{SocketAddr as UnixSocketAddr, UnixStream};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SendFlags, SocketAddrAny, SocketAddrUnix, getpeername, getsockname,
};
#[cfg(any(target_os = "linux", target_os = "android"))]
use socket2::SockRef;
use socket2::{Domain, Protocol, Socket, Type};

use crate::{Address, InvalidAddress, UnixAddress};

/// How everything is sent: a peer that is gone is an error, and no signal.
///
/// Apple's systems are told so once, when a socket is made, which `socket2` and [`accept`] do.
#[cfg(not(target_vendor = "apple"))]
pub(crate) const SEND: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
pub(crate) const SEND: SendFlags = SendFlags::empty();

/// A new socket, which does not block, and is closed on exec.
pub(crate) fn new_socket(
    domain: Domain,
    kind: Type,
    protocol: Option<Protocol>,
) -> io::Result<Socket> {
    #[cfg(not(target_vendor = "apple"))]
    let socket = Socket::new(domain, kind.nonblocking(), protocol)?;
    #[cfg(target_vendor = "apple")]
    let socket = Socket::new(domain, kind, protocol)?;
    #[cfg(target_vendor = "apple")]
    socket.set_nonblocking(true)?;
    Ok(socket)
}

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
        rustix::net::sockopt::set_socket_nosigpipe(&fd, true)?;
        (fd, peer)
    };
    match peer {
        Some(peer) if peer.address_family() != AddressFamily::UNIX => {
            let peer = SocketAddr::try_from(peer).map_err(|_| Errno::CONNABORTED)?;
            Ok((fd, peer.into()))
        }
        // A UNIX socket without a name is told as no address at all on some systems.
        _ => {
            let stream = UnixStream::from(fd);
            let peer = stream.peer_addr().map_err(|_| Errno::CONNABORTED)?;
            Ok((stream.into(), read_unix(&peer).into()))
        }
    }
}

/// Has the system take no more than so many bytes for a TCP socket beyond those that it has sent, unless somebody has
/// told it already how many to take.
///
/// Nobody is told if that fails: all that is lost is time.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn limit_unsent(socket: BorrowedFd<'_>, bytes: usize) {
    let socket = SockRef::from(&socket);
    if let (Ok(0), Ok(bytes)) = (socket.tcp_notsent_lowat(), u32::try_from(bytes)) {
        drop(socket.set_tcp_notsent_lowat(bytes));
    }
}

/// `socket2` knows nothing of this form here.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) const fn limit_unsent(_: BorrowedFd<'_>, _: usize) {}

/// Where this end of a socket is.
///
/// # Errors
///
/// If the system does not say, or it is of a kind that is not known here.
pub(crate) fn local_address(fd: BorrowedFd<'_>) -> io::Result<Address> {
    let address = getsockname(fd)?;
    if address.address_family() != AddressFamily::UNIX {
        return known(address);
    }
    let stream = UnixStream::from(fd.try_clone_to_owned()?);
    Ok(read_unix(&stream.local_addr()?).into())
}

/// Where the other end of a socket is.
///
/// # Errors
///
/// As for [`local_address`], or if there is no other end.
pub(crate) fn peer_address(fd: BorrowedFd<'_>) -> io::Result<Address> {
    match getpeername(fd)? {
        Some(address) if address.address_family() != AddressFamily::UNIX => known(address),
        _ => {
            let stream = UnixStream::from(fd.try_clone_to_owned()?);
            Ok(read_unix(&stream.peer_addr()?).into())
        }
    }
}

/// An address that is not that of a UNIX socket.
fn known(address: SocketAddrAny) -> io::Result<Address> {
    let address = SocketAddr::try_from(address).map_err(|_| io::ErrorKind::Unsupported)?;
    Ok(address.into())
}

/// What the system says of the name of a UNIX socket.
///
/// The standard library reads it, since `rustix` 1.1 panics at a path that fills its place to the last byte, which any
/// peer may have.
pub(crate) fn read_unix(address: &UnixSocketAddr) -> UnixAddress {
    #[cfg(target_os = "linux")]
    if let Some(name) = std::os::linux::net::SocketAddrExt::as_abstract_name(address) {
        return UnixAddress::Abstract(name.to_vec());
    }
    address
        .as_pathname()
        .map_or(UnixAddress::Unnamed, UnixAddress::from)
}

/// The name of a UNIX socket, as the system takes it.
///
/// # Errors
///
/// If it is too long, there are no such names here, or it is none.
pub(crate) fn write_unix(address: &UnixAddress) -> Result<SocketAddrUnix, Errno> {
    match address {
        // The system would take it for the wish to have any name.
        UnixAddress::Path(path) if path.as_os_str().is_empty() => Err(Errno::INVAL),
        UnixAddress::Path(path) => SocketAddrUnix::new(path.as_path()),
        #[cfg(target_os = "linux")]
        UnixAddress::Abstract(name) => SocketAddrUnix::new_abstract_name(name),
        #[cfg(not(target_os = "linux"))]
        UnixAddress::Abstract(_) => Err(Errno::OPNOTSUPP),
        UnixAddress::Unnamed => Err(Errno::DESTADDRREQ),
    }
}

/// Like [`write_unix`], with an error that says which address is wrong, and why.
///
/// # Errors
///
/// As for [`write_unix`].
pub(crate) fn valid_unix(address: &UnixAddress) -> Result<SocketAddrUnix, InvalidAddress> {
    write_unix(address).map_err(|error| InvalidAddress {
        address: address.clone().into(),
        explanation: match error {
            Errno::NAMETOOLONG => "the name is too long",
            Errno::DESTADDRREQ => "it is no name",
            Errno::OPNOTSUPP => "only Linux has abstract names",
            _ => "it is empty, or there is a zero byte in it",
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{bind, connect};
    use socket2::{Domain, Socket, Type};
    use std::fs;
    use std::os::fd::AsFd;
    use std::path::PathBuf;

    /// So many bytes of a path have a place in an address, without a zero byte at the end.
    const LONGEST: usize = if cfg!(target_vendor = "apple") {
        104
    } else {
        108
    };

    /// Binds a socket to `name`, connects it, and tells where both ends take it to be.
    fn connected(name: &UnixAddress, to: &UnixAddress) -> [Address; 2] {
        let new = || Socket::new(Domain::UNIX, Type::STREAM, None).unwrap();
        let (listener, client) = (new(), new());
        bind(&listener, &write_unix(to).unwrap()).unwrap();
        listener.listen(1).unwrap();
        if *name != UnixAddress::Unnamed {
            bind(&client, &write_unix(name).unwrap()).unwrap();
        }
        connect(&client, &write_unix(to).unwrap()).unwrap();
        let (_accepted, peer) = accept(listener.as_fd()).unwrap();
        [local_address(client.as_fd()).unwrap(), peer]
    }

    /// A folder of a test's own.
    fn folder(of: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("sockets-{}-{of}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        folder
    }

    #[test]
    fn both_ends_know_the_path_of_a_client_even_the_longest_that_there_is() {
        let folder = folder("paths");
        let longest = LONGEST - folder.join("").as_os_str().len();
        for name in ["client".to_owned(), "x".repeat(longest)] {
            let (path, server) = (folder.join(name), folder.join("server"));
            let address = UnixAddress::from(path);

            let seen = connected(&address, &server.as_path().into());

            assert_eq!(seen, [Address::from(address.clone()), address.into()]);
            fs::remove_file(server).unwrap();
        }
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_client_that_was_not_bound_is_unnamed() {
        let folder = folder("unnamed");

        let seen = connected(&UnixAddress::Unnamed, &folder.join("server").into());

        assert_eq!(seen, [(); 2].map(|()| UnixAddress::Unnamed.into()));
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn an_abstract_name_is_no_path_and_may_have_any_bytes() {
        let folder = folder("abstract");
        let mut name = format!("a\0b {}", std::process::id()).into_bytes();
        name.push(0xff);
        let name = UnixAddress::abstract_name(name);

        let seen = connected(&name, &folder.join("server").into());

        assert_eq!(seen, [Address::from(name.clone()), name.into()]);
        fs::remove_dir_all(folder).unwrap();
    }

    // N-018
    #[test]
    fn a_name_that_the_system_cannot_take_is_an_error_that_explains_itself() {
        let cases = [
            (
                UnixAddress::Path("x".repeat(200).into()),
                "the name is too long",
            ),
            (
                UnixAddress::from("a\0b"),
                "it is empty, or there is a zero byte in it",
            ),
            (
                UnixAddress::from(""),
                "it is empty, or there is a zero byte in it",
            ),
            (UnixAddress::Unnamed, "it is no name"),
        ];
        for (address, explanation) in cases {
            let error = valid_unix(&address).unwrap_err();

            assert_eq!(error.explanation, explanation);
            assert_eq!(error.address, address.into());
            assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidInput);
        }
    }
}
