//! Peers that know nothing of the reactor: the sockets of the standard library.

use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use protocols::{Address, Port};
use rustix::net::RecvFlags;
use socket2::{Domain, SockRef, Socket, Type};

use super::LIMIT;

/// Any free port of this machine.
pub(crate) const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The number of a port.
pub(crate) fn number(port: &Port) -> u16 {
    port.address().port().expect("TCP has numbers")
}

/// A client of `port`; it stands before anybody has accepted it.
pub(crate) fn peer_of(port: &Port) -> TcpStream {
    let Address::Tcp(address) = port.address() else {
        unreachable!("these ports are of TCP")
    };
    with_limits(TcpStream::connect_timeout(&address, LIMIT).expect("the port listens"))
}

/// A listener that accepts nobody by itself.
pub(crate) fn listener() -> (TcpListener, u16) {
    let listener = TcpListener::bind(ANY).expect("there is a free port");
    let port = listener.local_addr().expect("it is bound").port();
    (listener, port)
}

/// The next client of `listener`, which must have connected already or be about to on another thread.
pub(crate) fn accepted(listener: &TcpListener) -> TcpStream {
    with_limits(listener.accept().expect("somebody comes").0)
}

/// A port that nobody listens on, and nobody else can: it is taken as long as the socket lives.
pub(crate) fn port_without_listener() -> (Socket, u16) {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there are descriptors left");
    socket.bind(&ANY.into()).expect("there is a free port");
    let port = port_of(&socket);
    (socket, port)
}

/// A port that answers to nobody, because as many wait there as it takes; it is so while the sockets live.
pub(crate) fn port_without_answer() -> (Vec<Socket>, u16) {
    let (listener, port) = port_without_listener();
    listener.listen(0).expect("it is bound");
    let address = listener.local_addr().expect("it is bound");
    let mut sockets = vec![listener];
    // One is let in although the queue has no room at all; the others come too late already.
    for _ in 0..4 {
        let client = Socket::new(Domain::IPV4, Type::STREAM, None).expect("there are descriptors");
        client
            .set_nonblocking(true)
            .expect("sockets have this mode");
        drop(client.connect(&address));
        sockets.push(client);
    }
    (sockets, port)
}

fn port_of(socket: &Socket) -> u16 {
    let address = socket.local_addr().expect("it is bound");
    address.as_socket().expect("it is of TCP").port()
}

fn with_limits(stream: TcpStream) -> TcpStream {
    let limit = Some(LIMIT);
    stream.set_read_timeout(limit).expect("a limit is no zero");
    stream.set_write_timeout(limit).expect("a limit is no zero");
    stream
}

/// All that comes until the other end closes.
pub(crate) fn read_all(mut stream: &TcpStream) -> io::Result<Vec<u8>> {
    let mut data = Vec::new();
    stream.read_to_end(&mut data).map(|_| data)
}

/// Breaks a connection: its other end is told that it was reset.
pub(crate) fn reset(stream: TcpStream) {
    SockRef::from(&stream)
        .set_linger(Some(Duration::ZERO))
        .expect("TCP can linger");
    drop(stream);
}

/// Whether the other end has neither sent anything nor closed, as far as is known now.
pub(crate) fn is_quiet(stream: &TcpStream) -> bool {
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    rustix::net::recv(stream, &mut [0; 1][..], flags).is_err_and(|e| e == rustix::io::Errno::AGAIN)
}

/// So much, with a pattern that shows every loss and every change of order.
pub(crate) fn pattern(len: usize) -> Vec<u8> {
    let mut data = Vec::with_capacity(len + 8);
    for n in 0u64.. {
        if data.len() >= len {
            break;
        }
        data.extend_from_slice(&n.wrapping_mul(0x9E37_79B9_7F4A_7C15).to_le_bytes());
    }
    data.truncate(len);
    data
}
