//! Ports of UDP.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;

use deferred::Deferred;
use reactor::Reactor;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::port::{Core, DatagramPort};
use super::session::{Parts, listen};
use super::system::PortAddress;
use super::{DatagramError, DatagramProtocol, DatagramTransport, Delivery};
use crate::sockets::new_socket;
use crate::{Address, ListenError};

/// What a reactor can do with UDP.
///
/// *Twisted's `IReactorUDP` and `IReactorMulticast`.*
pub trait ReactorUdp {
    /// Listens on `port` of all IPv4 interfaces; port 0 takes a free one, which the port's `host` tells.
    ///
    /// A client is a port like any other: one that nobody was told the number of.
    ///
    /// # Errors
    ///
    /// If the port is in use, or the system refuses it otherwise.
    fn listen_udp<P: DatagramProtocol>(
        &self,
        port: u16,
        protocol: P,
    ) -> Result<Rc<UdpPort>, ListenError> {
        self.listen_udp_with(UdpOptions::new(port), protocol)
    }

    /// Like [`listen_udp`](Self::listen_udp), with options.
    ///
    /// # Errors
    ///
    /// As for [`listen_udp`](Self::listen_udp), or if the interface is none of this machine's.
    fn listen_udp_with<P: DatagramProtocol>(
        &self,
        options: UdpOptions,
        protocol: P,
    ) -> Result<Rc<UdpPort>, ListenError>;
}

impl ReactorUdp for Reactor {
    fn listen_udp_with<P: DatagramProtocol>(
        &self,
        options: UdpOptions,
        protocol: P,
    ) -> Result<Rc<UdpPort>, ListenError> {
        let begin = |socket: Socket| {
            let parts = Parts {
                fd: socket.into(),
                file: None,
                protocol,
                max_packet_size: options.max_packet_size,
            };
            listen(self, parts)
        };
        open(&options).and_then(begin).map_err(|source| {
            let address = Address::Udp(options.address);
            ListenError { address, source }
        })
    }
}

/// Where and how to listen for datagrams.
#[derive(Debug, Clone)]
#[must_use = "options do nothing by themselves"]
pub struct UdpOptions {
    address: SocketAddr,
    max_packet_size: usize,
    receive_buffer_size: Option<usize>,
    listens_with_others: bool,
}

impl UdpOptions {
    /// This port of all IPv4 interfaces, for datagrams of up to 8192 bytes.
    pub const fn new(port: u16) -> Self {
        Self {
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port),
            max_packet_size: 8192,
            receive_buffer_size: None,
            listens_with_others: false,
        }
    }

    /// The interface to listen on, by its address; its family decides between IPv4 and IPv6.
    pub const fn interface(self, interface: IpAddr) -> Self {
        Self {
            address: SocketAddr::new(interface, self.address.port()),
            ..self
        }
    }

    /// How many bytes of a datagram are received; what is more is cut off, and nobody is told.
    pub const fn max_packet_size(self, max_packet_size: usize) -> Self {
        Self {
            max_packet_size,
            ..self
        }
    }

    /// How many bytes the system is asked to keep until they are read. What comes when it is full is lost.
    ///
    /// The system has a limit of its own, to which larger sizes are cut.
    pub const fn receive_buffer_size(self, receive_buffer_size: usize) -> Self {
        Self {
            receive_buffer_size: Some(receive_buffer_size),
            ..self
        }
    }

    /// Lets other ports have this number, too, if they ask for the same.
    ///
    /// All of them get what is sent to a multicast group; what is sent to one receiver, one of them gets.
    ///
    /// *Twisted's `listenMultiple`.*
    pub const fn listen_with_others(self) -> Self {
        Self {
            listens_with_others: true,
            ..self
        }
    }
}

fn open(options: &UdpOptions) -> io::Result<Socket> {
    let domain = Domain::for_address(options.address);
    let socket = new_socket(domain, Type::DGRAM, Some(Protocol::UDP))?;
    if options.listens_with_others {
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(true)?;
    }
    if let Some(size) = options.receive_buffer_size {
        socket.set_recv_buffer_size(size)?;
    }
    if options.address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    #[cfg(target_os = "linux")]
    only_own_groups(&socket, options.address);
    socket.bind(&SockAddr::from(options.address))?;
    Ok(socket)
}

/// Keeps from the socket what is sent to groups that only others on this machine are in, which Linux would give it too.
#[cfg(target_os = "linux")]
fn only_own_groups(socket: &Socket, address: SocketAddr) {
    // A kernel without this setting goes on as it always did, which is no reason not to listen.
    let _ = match address {
        SocketAddr::V4(_) => socket.set_multicast_all_v4(false),
        SocketAddr::V6(_) => socket.set_multicast_all_v6(false),
    };
}

/// A port of UDP, which is its protocol's transport. Dropping it does nothing; it listens until it is told to stop.
///
/// Beside what every [`DatagramTransport`] does, it can send to all machines of a network at once, if that is
/// allowed, and to multicast groups.
///
/// *Twisted's `udp.Port`.*
pub struct UdpPort {
    core: Core<SocketAddr>,
}

impl UdpPort {
    /// Allows, or forbids, to send to broadcast addresses such as [`Ipv4Addr::BROADCAST`]. At first it is forbidden.
    ///
    /// # Errors
    ///
    /// If the port has stopped, or the system refuses it.
    ///
    /// *Twisted's `setBroadcastAllowed`.*
    pub fn set_broadcast_allowed(&self, allowed: bool) -> Result<(), DatagramError> {
        self.core.setting(|socket| socket.set_broadcast(allowed))
    }

    /// Whether the port may send to broadcast addresses.
    ///
    /// # Errors
    ///
    /// If the port has stopped.
    pub fn is_broadcast_allowed(&self) -> Result<bool, DatagramError> {
        self.core.setting(|socket| socket.broadcast())
    }

    /// The port's address, where a [`SocketAddr`] is wanted.
    #[must_use]
    pub fn socket_address(&self) -> SocketAddr {
        self.core.host()
    }
}

impl DatagramTransport for UdpPort {
    type Address = SocketAddr;

    fn send_to(&self, data: &[u8], to: &SocketAddr) -> Result<Delivery, DatagramError> {
        self.core.send(data, Some(to))
    }

    fn send(&self, data: &[u8]) -> Result<Delivery, DatagramError> {
        self.core.send(data, None)
    }

    fn connect(&self, peer: &SocketAddr) -> Result<(), DatagramError> {
        self.core.connect(peer)
    }

    fn host(&self) -> Address {
        self.core.host().tell()
    }

    fn peer(&self) -> Option<Address> {
        self.core.peer()
    }

    fn dropped(&self) -> u64 {
        self.core.dropped()
    }

    fn stop_listening(&self) -> Deferred<()> {
        self.core.stop()
    }
}

impl DatagramPort for UdpPort {
    fn core(&self) -> &Core<SocketAddr> {
        &self.core
    }
}

impl From<Core<SocketAddr>> for UdpPort {
    fn from(core: Core<SocketAddr>) -> Self {
        Self { core }
    }
}

impl fmt::Debug for UdpPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.fmt_as("UdpPort", f)
    }
}
