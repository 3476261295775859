//! Clients of servers, with plain sockets, as netcat is one.

use std::io::Read;
use std::net::{SocketAddr, TcpStream};

use rustix::process::Signal;

use crate::common::{PATIENCE, Program};

/// Connects as netcat does, but not to wait for ever.
pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let client = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

/// What a client is sent until its connection is closed.
#[track_caller]
pub(crate) fn rest_of(mut client: TcpStream) -> Vec<u8> {
    let mut poem = Vec::new();
    client.read_to_end(&mut poem).unwrap();
    poem
}

/// Ends a server that has said all it had to say, and gives what it has noted.
#[track_caller]
pub(crate) fn interrupt(server: Program) -> String {
    server.signal(Signal::INT);
    let ended = server.end();
    assert_eq!(ended.code, 130, "{}", ended.errors);
    ended.errors
}
