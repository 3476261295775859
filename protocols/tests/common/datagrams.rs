//! What the tests of datagram ports share: a protocol that notes what happens and does what a test wants.
//!
//! A test file that needs them names this module itself, beside `common`.

#![allow(dead_code, reason = "no test file needs all of it")]

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::rc::Rc;

use protocols::datagram::{
    DatagramProtocol, DatagramTransport, Delivery, ReactorUdp, UdpOptions, UdpPort,
};
use protocols::reactor::Reactor;

use super::common::{LIMIT, Log};

type OnStart<T> = Box<dyn FnMut(&Rc<T>)>;
type OnDatagram<T> = Box<dyn FnMut(&Rc<T>, &[u8], &<T as DatagramTransport>::Address)>;

/// What is done in each callback, after it was noted as "*name* *what*".
///
/// The notes are "started", "got …", "refused" and "stopped".
pub(crate) struct Speaker<T: DatagramTransport = UdpPort> {
    name: &'static str,
    log: Log,
    on_start: OnStart<T>,
    on_datagram: OnDatagram<T>,
    on_refused: OnStart<T>,
    on_stop: Box<dyn FnMut()>,
}

impl Speaker {
    /// Notes everything and does nothing, on UDP.
    pub(crate) fn new(name: &'static str, log: &Log) -> Self {
        Self::on_any(name, log)
    }

    /// Does nothing, and its notes are of no interest.
    pub(crate) fn unnoted() -> Self {
        Self::new("someone", &Log::default())
    }
}

impl<T: DatagramTransport> Speaker<T> {
    /// Notes everything and does nothing.
    pub(crate) fn on_any(name: &'static str, log: &Log) -> Self {
        Self {
            name,
            log: log.clone(),
            on_start: Box::new(|_| ()),
            on_datagram: Box::new(|_, _, _| ()),
            on_refused: Box::new(|_| ()),
            on_stop: Box::new(|| ()),
        }
    }

    pub(crate) fn on_start(mut self, f: impl FnMut(&Rc<T>) + 'static) -> Self {
        self.on_start = Box::new(f);
        self
    }

    pub(crate) fn on_datagram(
        mut self,
        f: impl FnMut(&Rc<T>, &[u8], &T::Address) + 'static,
    ) -> Self {
        self.on_datagram = Box::new(f);
        self
    }

    pub(crate) fn on_refused(mut self, f: impl FnMut(&Rc<T>) + 'static) -> Self {
        self.on_refused = Box::new(f);
        self
    }

    pub(crate) fn on_stop(mut self, f: impl FnMut() + 'static) -> Self {
        self.on_stop = Box::new(f);
        self
    }

    fn note(&self, what: &str) {
        self.log.note(format!("{} {what}", self.name));
    }
}

impl<T: DatagramTransport> DatagramProtocol<T> for Speaker<T> {
    fn start_protocol(&mut self, transport: &Rc<T>) {
        self.note("started");
        (self.on_start)(transport);
    }

    fn datagram_received(&mut self, transport: &Rc<T>, data: &[u8], from: &T::Address) {
        self.note(&format!("got {}", String::from_utf8_lossy(data)));
        (self.on_datagram)(transport, data, from);
    }

    fn connection_refused(&mut self, transport: &Rc<T>) {
        self.note("refused");
        (self.on_refused)(transport);
    }

    fn stop_protocol(&mut self) {
        self.note("stopped");
        (self.on_stop)();
    }

    fn log_prefix(&self) -> String {
        self.name.to_owned()
    }
}

/// Any port of this machine.
pub(crate) const fn local() -> UdpOptions {
    UdpOptions::new(0).interface(IpAddr::V4(Ipv4Addr::LOCALHOST))
}

/// Listens on any port of this machine.
pub(crate) fn listen_udp(reactor: &Reactor, protocol: impl DatagramProtocol) -> Rc<UdpPort> {
    reactor
        .listen_udp_with(local(), protocol)
        .expect("there is a free port")
}

/// A socket that knows nothing of the reactor.
pub(crate) fn peer() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
    socket
        .set_read_timeout(Some(LIMIT))
        .expect("a limit is no zero");
    socket
}

/// The next datagram that a peer has got, as text.
pub(crate) fn next_of(peer: &UdpSocket) -> String {
    let mut buffer = [0; 1000];
    let len = peer.recv(&mut buffer).expect("a datagram comes");
    String::from_utf8_lossy(&buffer[..len]).into_owned()
}

/// An address that nobody listens on, and nobody else can while the socket lives.
pub(crate) fn nobody() -> (UdpSocket, SocketAddr) {
    let taken = peer();
    // It takes what comes from there only.
    taken
        .connect((Ipv4Addr::LOCALHOST, 9))
        .expect("UDP connects to anybody");
    let address = taken.local_addr().expect("it is bound");
    (taken, address)
}

/// Sends what must go out.
#[track_caller]
pub(crate) fn must_send<T: DatagramTransport>(port: &T, data: &[u8], to: &T::Address) {
    assert_eq!(port.send_to(data, to).expect("it is sent"), Delivery::Sent);
}
