//! Transports, protocols and factories: what is said on a connection, apart from how the bytes travel.
//!
//! A [`Transport`] hides the socket, a [`Protocol`] is one connection's state and what happens to it, and a
//! [`Factory`] makes a protocol for each connection and outlives them all.
//!
//! # A first client
//!
//! This one connects, and takes what the server says until that closes, which is how one gets a poem:
//!
//! ```
//! use protocols::deferred::Failure;
//! use protocols::reactor::Reactor;
//! use protocols::{Address, ClientFactory, Connector, Factory, Protocol, ReactorTcp, Transport};
//! use std::rc::Rc;
//!
//! /// One poem, as far as it has come.
//! struct Poem {
//!     text: Vec<u8>,
//!     reactor: Reactor,
//! }
//!
//! impl Protocol for Poem {
//!     fn data_received(&mut self, _transport: &Rc<dyn Transport>, data: &[u8]) {
//!         self.text.extend_from_slice(data);
//!     }
//!
//!     fn connection_lost(&mut self, _reason: Failure) {
//!         println!("{}", String::from_utf8_lossy(&self.text));
//!         # assert_eq!(self.text, b"This is the forest primeval.");
//!         self.reactor.stop().expect("it runs");
//!     }
//! }
//!
//! struct PoemFactory(Reactor);
//!
//! impl Factory for PoemFactory {
//!     type Protocol = Poem;
//!
//!     fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Poem> {
//!         Some(Poem { text: Vec::new(), reactor: self.0.clone() })
//!     }
//! }
//!
//! impl ClientFactory for PoemFactory {
//!     fn client_connection_failed(self: &Rc<Self>, _connector: &Connector, reason: Failure) {
//!         println!("No poem: {reason}");
//!         # panic!("{reason}");
//!         self.0.stop().expect("it runs");
//!     }
//! }
//!
//! # let server = std::net::TcpListener::bind("127.0.0.1:0")?;
//! # let number = server.local_addr()?.port();
//! # let poet = std::thread::spawn(move || {
//! #     std::io::Write::write_all(&mut server.accept()?.0, b"This is the forest primeval.")
//! # });
//! let reactor = Reactor::new()?;
//! reactor.connect_tcp("127.0.0.1", number, Rc::new(PoemFactory(reactor.clone())));
//! reactor.run()?;
//! # poet.join().unwrap()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`ReactorTcp::connect_tcp`] takes a [`ClientFactory`], which also hears of an attempt that failed. It
//! gives a [`Connector`], which tries again when it is asked to. Names are looked up on another thread.
//!
//! # A first server
//!
//! It is written in the same way, but that it listens with its factory, of which nothing else is asked:
//!
//! ```
//! use protocols::reactor::Reactor;
//! use protocols::{Address, Factory, ListenOptions, Protocol, ReactorTcp, Transport};
//! use std::rc::Rc;
//!
//! /// Sends back what it gets, and closes after that.
//! struct Echo;
//!
//! impl Protocol for Echo {
//!     fn data_received(&mut self, transport: &Rc<dyn Transport>, data: &[u8]) {
//!         transport.write(data);
//!         transport.lose_connection();
//!     }
//! }
//!
//! struct EchoFactory;
//!
//! impl Factory for EchoFactory {
//!     type Protocol = Echo;
//!
//!     fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Echo> {
//!         Some(Echo)
//!     }
//! }
//!
//! let reactor = Reactor::new()?;
//! let options = ListenOptions::new(0).interface("127.0.0.1".parse()?);
//! let port = reactor.listen_tcp_with(options, Rc::new(EchoFactory))?;
//! println!("Echoing on {}", port.address());
//! # reactor.call_when_running(|reactor| reactor.stop());
//! reactor.run()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`Port`] can stop, and listen again. A factory is [started](Factory::start_factory) before the first port or
//! connector uses it and [stopped](Factory::stop_factory) after the last. What is different between one kind of
//! transport and another is asked of it, as [`Abilities`].
//!
//! # A protocol of one's own, and its test
//!
//! Bytes come in pieces that mean nothing, and most protocols speak in pieces that do. A receiver finds these, and calls a
//! handler of yours for each. Neither needs a socket to be tested: [`testing`] has transports in memory, which do
//! as the real ones do.
//!
//! ```
//! use protocols::line::{LineOnlyHandler, LineOnlyReceiver, LinesOnly};
//! use protocols::testing::StringConnection;
//!
//! /// Adds what it is told line by line, and says what that makes.
//! #[derive(Default)]
//! struct Sum(i64);
//!
//! impl LineOnlyHandler for Sum {
//!     fn line_received(&mut self, lines: &LinesOnly, line: &[u8]) {
//!         let number = str::from_utf8(line).ok().and_then(|it| it.parse::<i64>().ok());
//!         match number.and_then(|number| self.0.checked_add(number)) {
//!             Some(sum) => {
//!                 self.0 = sum;
//!                 lines.send_line(sum.to_string().as_bytes());
//!             }
//!             None => lines.lose_connection(),
//!         }
//!     }
//! }
//!
//! let connection = StringConnection::new(LineOnlyReceiver::new(Sum::default()));
//!
//! connection.receive(b"2\r\n3");
//! assert_eq!(connection.transport().take(), b"2\r\n");
//!
//! connection.receive(b"9\r\n");
//! assert_eq!(connection.transport().take(), b"41\r\n");
//!
//! connection.receive(b"many\r\n");
//! assert!(connection.is_over());
//! ```
//!
//! [`mod@line`] and [`strings`] have receivers of lines, netstrings and counted strings; [`framing`] is for pieces of
//! another kind. [`services`] has the small protocols with which networks are tried out. A handler that lacks a method does
//! not compile, as [`unwritable`] shows. Two protocols are tested with each other by a [`Pair`](testing::Pair), and a
//! whole program by a [`MemoryReactor`](testing::MemoryReactor), which has no network, and whose time the test moves.
//!
//! # UNIX sockets, and sockets made elsewhere
//!
//! [`ReactorUnix`] does with paths, and with Linux's abstract names, what [`ReactorTcp`] does with hosts and ports, by
//! the same factories; over such a connection, [descriptors](DescriptorTransport) can be sent. [`ReactorSockets`] makes
//! ports and connections of sockets that this program was given.
//!
//! # Datagrams
//!
//! Without connections, [`datagram`] has ports of UDP and between UNIX sockets, and a protocol that speaks with everybody
//! who sends to its port.
//!
//! # Endpoints and names
//!
//! An [endpoint](endpoints) is where connections go to or come from, without what is spoken on them. It connects by a
//! Deferred, and may come from a string, such as `tcp:localhost:10000:timeout=5`. A name is tried by all its addresses, of
//! which the first to answer is taken. Who knows the addresses is the reactor's [`Resolver`]: the system's, unless the
//! program [installs](ReactorNames::install_name_resolver) another one.
//!
//! # Much to send
//!
//! What is written waits in memory until the peer takes it. So who has much to send is a [`Producer`], which is told when
//! to wait; [`files`] and [`relay`] have the two that are needed most. [`policies`] limit what connections may do,
//! whatever is spoken on them.
//!
//! # What is promised
//!
//! - The loop calls a protocol, one callback at a time, in this order: `connection_made` once, `data_received`
//!   and `woken` any number of times, `connection_lost` once. **No method of a transport calls a protocol back from
//!   inside a call of yours**: it records what is wanted, and the loop delivers it.
//! - All that one callback writes is sent when it has returned, in one system call where it can be; what the system
//!   does not take then waits, in order. A large piece is sent at once instead, if nothing waits before it.
//! - The reason of the end is one of the named errors of [`ConnectionClosed`], which knows whether it was clean.
//! - A panic in a callback ends that connection alone, and nothing that a peer sends makes one.
//!
//! # What it is not
//!
//! It knows TCP, UNIX sockets and datagrams so far, and no application. Time, readiness and threads are the
//! [`reactor`]'s, and promises are [`deferred`]'s; both are re-exported, so that a program can depend on this crate alone.
//!
//! # Where the ideas come from
//!
//! The three traits are Twisted's `ITransport`, `IProtocol` and `IProtocolFactory`. [`mod@twisted`] says what each name of
//! Twisted's is here, in all three crates.

#![forbid(unsafe_code)]

pub mod adapters;
mod address;
mod connecting;
pub mod datagram;
pub mod endpoints;
mod error;
mod factory;
pub mod files;
pub mod framing;
pub mod line;
mod listening;
pub mod policies;
mod producer;
mod protocol;
pub mod proxy;
pub mod relay;
mod resolver;
mod service_names;
pub mod services;
mod sockets;
mod stream;
pub mod strings;
mod tcp;
pub mod testing;
mod transport;
pub mod twisted;
mod unix;
pub mod unwritable;
mod uses;

pub use address::{Address, UnixAddress};
pub use connecting::{Connector, Destination, is_ipv6_literal};
pub use deferred;
pub use error::{
    AdoptError, ConnectError, ConnectorError, InvalidAddress, ListenError, UnknownService,
};
pub use factory::{ClientFactory, Factory};
pub use listening::{Port, ReactorSockets};
pub use producer::{Consumer, Producer, ProducerError, PullProducer, PushProducer};
pub use protocol::{DescriptorReceiver, HalfCloseable, Protocol};
pub use reactor;
pub use reactor::ConnectionClosed;
pub use resolver::{
    BlockingResolver, Families, LookupError, Query, ReactorNames, Resolution, Resolver,
    SimpleResolver,
};
pub use service_names::tcp_port_of;
pub use tcp::{ConnectOptions, ListenOptions, ReactorTcp};
pub use transport::{
    Abilities, DescriptorTransport, Flow, HalfClose, SocketTransport, TcpTransport, Transport,
};
pub use unix::{ReactorUnix, UnixConnectOptions, UnixListenOptions};
