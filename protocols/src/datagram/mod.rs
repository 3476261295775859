//! Datagrams: ports that send and receive messages one by one, without connections.
//!
//! A datagram arrives whole or not at all, and nobody says which. There is no connection that could be lost, so
//! one [`DatagramProtocol`] speaks with everybody who sends to its port, for as long as the port listens. The
//! port is its transport as well: a [`UdpPort`], or a [`UnixDatagramPort`] between programs of one machine.
//!
//! ```
//! use protocols::datagram::{DatagramProtocol, DatagramTransport, Delivery, ReactorUdp, UdpOptions, UdpPort};
//! use protocols::reactor::Reactor;
//! use std::net::{Ipv4Addr, SocketAddr};
//! use std::rc::Rc;
//!
//! /// Sends every datagram back to where it came from.
//! struct Echo;
//!
//! impl DatagramProtocol for Echo {
//!     fn datagram_received(&mut self, port: &Rc<UdpPort>, data: &[u8], from: &SocketAddr) {
//!         match port.send_to(data, from) {
//!             Ok(Delivery::Sent) => {}
//!             Ok(Delivery::Dropped) => println!("{from} must ask again, there is no room"),
//!             Err(error) => println!("no answer for {from}: {error}"),
//!         }
//!     }
//! }
//!
//! let reactor = Reactor::new()?;
//! let options = UdpOptions::new(0).interface(Ipv4Addr::LOCALHOST.into());
//! let port = reactor.listen_udp_with(options, Echo)?;
//! println!("Echoing on {}", port.host());
//! # reactor.call_when_running(|reactor| reactor.stop());
//! reactor.run()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is promised
//!
//! - The loop calls the protocol, one callback at a time: `start_protocol` once, then what happens, `stop_protocol`
//!   once. No method of a port calls it from inside a call of yours.
//! - A panic in a callback is reported, and the port goes on with the next datagram. So do errors that the system
//!   keeps for a port, such as that an earlier datagram was refused: **nothing but a stop ends a port.**
//! - A datagram is sent when you say so, or dropped: none waits in memory. You are told which, and the port counts what
//!   it drops.
//! - A port reads a bounded amount in one turn, into a buffer that all ports of the reactor share.
//!
//! # The same protocol again
//!
//! A port owns its protocol, and drops it when it has stopped. A protocol that is to outlive its port, or to be
//! looked at meanwhile, is shared: `Rc<RefCell<P>>` is a protocol if `P` is one.
//!
//! *Twisted's `DatagramProtocol`, `udp.Port` and `unix.DatagramPort`.*

mod buffer;
mod error;
mod multicast;
mod port;
mod protocol;
mod session;
mod system;
mod transport;
mod udp;
mod unix;

pub use error::{DatagramError, JoinError};
pub use multicast::MulticastInterface;
pub use protocol::DatagramProtocol;
pub use transport::{DatagramTransport, Delivery};
pub use udp::{ReactorUdp, UdpOptions, UdpPort};
pub use unix::{ReactorUnixDatagrams, UnixDatagramOptions, UnixDatagramPort};
