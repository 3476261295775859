//! Ports of UNIX datagrams, between programs of one machine.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use deferred::Deferred;
use reactor::Reactor;
use socket2::{Domain, Type};

use super::port::{Core, DatagramPort};
use super::session::{Parts, listen};
use super::system::PortAddress;
use super::{DatagramError, DatagramProtocol, DatagramTransport, Delivery};
use crate::sockets::new_socket;
use crate::unix::SocketFile;
use crate::{Address, ListenError, UnixAddress};

/// What a reactor can do with UNIX datagrams.
///
/// *Twisted's part of `IReactorUNIX` for datagrams.*
pub trait ReactorUnixDatagrams {
    /// Listens at `address`: a path, where the port makes a file and removes it when it stops, or an abstract name.
    ///
    /// # Errors
    ///
    /// If the address is in use, be it by a file that is no socket, or the system refuses it otherwise.
    ///
    /// *Twisted's `listenUNIXDatagram`.*
    fn listen_unix_datagrams<P: DatagramProtocol<UnixDatagramPort>>(
        &self,
        address: impl Into<UnixAddress>,
        protocol: P,
    ) -> Result<Rc<UnixDatagramPort>, ListenError> {
        self.listen_unix_datagrams_with(UnixDatagramOptions::new(address), protocol)
    }

    /// Like [`listen_unix_datagrams`](Self::listen_unix_datagrams), with options.
    ///
    /// # Errors
    ///
    /// As for [`listen_unix_datagrams`](Self::listen_unix_datagrams).
    fn listen_unix_datagrams_with<P: DatagramProtocol<UnixDatagramPort>>(
        &self,
        options: UnixDatagramOptions,
        protocol: P,
    ) -> Result<Rc<UnixDatagramPort>, ListenError>;

    /// Connects a port without a name to the one at `peer`, which cannot answer to it.
    ///
    /// # Errors
    ///
    /// [`DatagramError::Refused`] if nobody listens there, or what the system says otherwise; then nothing of
    /// `protocol` is called.
    ///
    /// *Twisted's `connectUNIXDatagram`, which has a `connectionFailed` of the protocol called.*
    fn connect_unix_datagrams<P: DatagramProtocol<UnixDatagramPort>>(
        &self,
        peer: impl Into<UnixAddress>,
        protocol: P,
    ) -> Result<Rc<UnixDatagramPort>, DatagramError> {
        let options = UnixDatagramOptions::new(UnixAddress::Unnamed);
        self.connect_unix_datagrams_with(options, peer, protocol)
    }

    /// Connects a port with these options, whose address is where answers go, to the one at `peer`.
    ///
    /// # Errors
    ///
    /// As for [`connect_unix_datagrams`](Self::connect_unix_datagrams), or [`DatagramError::Listen`] if the port
    /// cannot be at its own address.
    fn connect_unix_datagrams_with<P: DatagramProtocol<UnixDatagramPort>>(
        &self,
        options: UnixDatagramOptions,
        peer: impl Into<UnixAddress>,
        protocol: P,
    ) -> Result<Rc<UnixDatagramPort>, DatagramError> {
        let port = self.listen_unix_datagrams_with(options, protocol)?;
        match port.connect(&peer.into()) {
            Ok(()) => Ok(port),
            Err(error) => {
                // It has not started, so its protocol is not told.
                drop(port.stop_listening());
                Err(error)
            }
        }
    }
}

impl ReactorUnixDatagrams for Reactor {
    fn listen_unix_datagrams_with<P: DatagramProtocol<UnixDatagramPort>>(
        &self,
        options: UnixDatagramOptions,
        protocol: P,
    ) -> Result<Rc<UnixDatagramPort>, ListenError> {
        let begin = |(fd, file)| {
            let parts = Parts {
                fd,
                file,
                protocol,
                max_packet_size: options.max_packet_size,
            };
            listen(self, parts)
        };
        open(&options).and_then(begin).map_err(|source| {
            let address = options.address.tell();
            ListenError { address, source }
        })
    }
}

/// Where and how to listen for datagrams.
#[derive(Debug, Clone)]
#[must_use = "options do nothing by themselves"]
pub struct UnixDatagramOptions {
    address: UnixAddress,
    mode: Option<u32>,
    max_packet_size: usize,
}

impl UnixDatagramOptions {
    /// This address, for datagrams of up to 8192 bytes; who may send to a file is what the process's mask says.
    pub fn new(address: impl Into<UnixAddress>) -> Self {
        Self {
            address: address.into(),
            mode: None,
            max_packet_size: 8192,
        }
    }

    /// The mode of the file: to send, a program must be allowed to write to it.
    pub fn mode(self, mode: u32) -> Self {
        Self {
            mode: Some(mode),
            ..self
        }
    }

    /// How many bytes of a datagram are received; what is more is cut off, and nobody is told.
    pub fn max_packet_size(self, max_packet_size: usize) -> Self {
        Self {
            max_packet_size,
            ..self
        }
    }
}

/// Makes the socket, and its file, if it has one.
fn open(options: &UnixDatagramOptions) -> io::Result<(OwnedFd, Option<SocketFile>)> {
    let socket = new_socket(Domain::UNIX, Type::DGRAM, None)?;
    match options.address.path() {
        Some(path) => {
            let (socket, file) = SocketFile::bind(socket.into(), path, options.mode, false)?;
            Ok((socket, Some(file)))
        }
        None => {
            if options.address != UnixAddress::Unnamed {
                rustix::net::bind(&socket, &options.address.write()?)?;
            }
            Ok((socket.into(), None))
        }
    }
}

/// A port of UNIX datagrams, which is its protocol's transport. Dropping it does nothing; it listens until it is told
/// to stop.
///
/// A sender is told more than on UDP: a datagram to a path where nobody listens is
/// [`Refused`](DatagramError::Refused) at once, and on a connected port the protocol's `connection_refused` is called
/// besides; the system then has disconnected the port, and it can be [connected](DatagramTransport::connect) again. A
/// receiver who does not read fast enough makes that datagrams are [dropped](Delivery::Dropped).
///
/// *Twisted's `unix.DatagramPort` and `unix.ConnectedDatagramPort`.*
pub struct UnixDatagramPort {
    core: Core<UnixAddress>,
}

impl DatagramTransport for UnixDatagramPort {
    type Address = UnixAddress;

    fn send_to(&self, data: &[u8], to: &UnixAddress) -> Result<Delivery, DatagramError> {
        self.core.send(data, Some(to))
    }

    fn send(&self, data: &[u8]) -> Result<Delivery, DatagramError> {
        self.core.send(data, None)
    }

    fn connect(&self, peer: &UnixAddress) -> Result<(), DatagramError> {
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

impl DatagramPort for UnixDatagramPort {
    fn core(&self) -> &Core<UnixAddress> {
        &self.core
    }
}

impl From<Core<UnixAddress>> for UnixDatagramPort {
    fn from(core: Core<UnixAddress>) -> Self {
        Self { core }
    }
}

impl fmt::Debug for UnixDatagramPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.core.fmt_as("UnixDatagramPort", f)
    }
}
