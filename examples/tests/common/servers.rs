//! Poetry servers that behave as a test wants, with plain sockets, and without a thread: the system lets
//! clients connect, and keeps what they are sent.

use std::io::Write;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, SocketAddrV4, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;
use rustix::net::sockopt::set_socket_linger;
use rustix::net::{AddressFamily, SocketType, bind, getsockname, socket};

use crate::common::PATIENCE;

/// Listens as a poetry server does.
pub(crate) fn listen() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// The address of a server, as its client is told of it.
pub(crate) fn address_of(listener: &TcpListener) -> String {
    listener.local_addr().unwrap().to_string()
}

/// Waits for a client, but not for ever.
#[track_caller]
pub(crate) fn accept(listener: &TcpListener) -> TcpStream {
    assert!(is_asked(listener, PATIENCE), "a client connects");
    let client = listener.accept().unwrap().0;
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

/// Whether a client connects within this time.
pub(crate) fn is_asked(listener: &TcpListener, within: Duration) -> bool {
    let within = Timespec::try_from(within).unwrap();
    let mut listener = [PollFd::from_borrowed_fd(listener.as_fd(), PollFlags::IN)];
    retry_on_intr(|| poll(&mut listener, Some(&within))) == Ok(1)
}

/// Sends the poem, or its end, and closes the connection in order.
#[track_caller]
pub(crate) fn finish(mut client: TcpStream, poem: &[u8]) {
    client.write_all(poem).unwrap();
    client.shutdown(Shutdown::Write).unwrap();
}

/// Breaks the connection: without lingering, closing is resetting.
pub(crate) fn reset(client: TcpStream) {
    set_socket_linger(&client, Some(Duration::ZERO)).unwrap();
    drop(client);
}

/// Takes a port where no one listens: as long as the socket is there, no one else can take it.
pub(crate) fn refusing() -> (OwnedFd, String) {
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).unwrap();
    bind(&socket, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = SocketAddr::try_from(getsockname(&socket).unwrap()).unwrap();
    (socket, address.to_string())
}
