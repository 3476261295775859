//! What a protocol writes to.

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use deferred::{Deferred, Failure};

use crate::{Address, Consumer, PushProducer};

/// One connection, as its protocol sees it: where bytes go out, and how it is ended.
///
/// A transport is handed to every callback of the protocol; a clone of the `Rc` is a handle to write with
/// later, from anywhere on the reactor's thread. Its methods take `&self` and **never call the protocol, or a
/// producer, from inside a call of yours**: they record what is wanted, and the loop delivers it when your
/// callback has returned. Once the connection is over they do nothing.
///
/// It is a [`Consumer`]: [`write`](Consumer::write) sends bytes, in order. All that one callback writes is sent
/// when the callback has returned, in one system call where it can be; what the system does not take then waits, in
/// memory, until it does. A large piece need not wait for that: see there. What many connections send can be
/// [shared](Consumer::write_shared) by them, and a file can be [sent by the system](crate::files). What is written after [`lose_connection`](Self::lose_connection) or
/// [`abort_connection`](Self::abort_connection) is dropped.
///
/// It is a [`PushProducer`] of what it receives: paused, it reads nothing, and the peer is slowed down by that.
/// Its `stop_producing` is [`lose_connection`](Self::lose_connection).
///
/// *Twisted's `ITransport`, and `ITCPTransport` without what only a socket has, for which see [`Abilities`].*
pub trait Transport: Consumer + PushProducer {
    /// Sends the parts one after the other, like one [`write`](Consumer::write) of all of them.
    ///
    /// *Twisted's `writeSequence`.*
    fn write_vectored(&self, parts: &[&[u8]]) -> Flow;

    /// Ends the connection when all that was written has been sent; if a producer is registered, when that is done.
    ///
    /// No data is received from now on. The protocol's `connection_lost` comes when all that is done, and
    /// never before the callback that runs now has returned, with
    /// [`ConnectionDone`](crate::ConnectionClosed::ConnectionDone) as the reason if nothing broke before.
    fn lose_connection(&self);

    /// Like [`lose_connection`](Self::lose_connection), but a peer that has not taken everything when `limit` has
    /// passed is not waited for any longer: then it is [`abort_connection`](Self::abort_connection).
    fn lose_connection_within(&self, limit: Duration);

    /// Ends the connection now: what was not sent yet is dropped, and the peer's side is reset.
    ///
    /// No data is received from now on. The protocol's `connection_lost` comes in a later turn, with
    /// [`ConnectionAborted`](crate::ConnectionClosed::ConnectionAborted) as the reason.
    fn abort_connection(&self);

    /// Takes the registered producer for done, and ends the connection.
    ///
    /// *Twisted's `stopConsuming`.*
    fn stop_consuming(&self) {
        self.unregister_producer();
        self.lose_connection();
    }

    /// Has the loop call the protocol's [`woken`](crate::Protocol::woken) in the next turn.
    ///
    /// This is how a handle that somebody keeps has its protocol go on with what it put off. Several calls before
    /// the loop comes to it are one. It comes while the transport is paused, too, but, like data, not any more once the
    /// connection is being ended from here, or is over.
    ///
    /// *Twisted's protocols call themselves from wherever they are called; here only the loop does.*
    fn wake(&self);

    /// Fires with the reason when the connection is over, after its protocol was told.
    ///
    /// It has fired already if the connection is over already.
    fn when_lost(&self) -> Deferred<Failure>;

    /// Above which number of bytes that wait to be sent there is no room, and down to which they must go before
    /// there is room again. At first these are 64 KiB and none.
    fn set_water_marks(&self, high: usize, low: usize);

    /// Where the other end is.
    fn peer(&self) -> Address;

    /// Where this end is.
    fn host(&self) -> Address;

    /// How the transport stands, in words for people, which are also what its printed form is made of.
    fn describe(&self) -> String {
        format!("from {} to {}", self.host(), self.peer())
    }

    /// What this transport can do that not every one can.
    ///
    /// A transport that is made of another one hands on the other's.
    fn abilities(&self) -> Abilities<'_> {
        Abilities::default()
    }
}

impl fmt::Debug for dyn Transport + '_ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Transport({})", self.describe())
    }
}

/// What some transports can do.
///
/// ```
/// # use protocols::Transport;
/// # fn example(transport: &dyn Transport) {
/// if let Some(half_close) = transport.abilities().half_close {
///     half_close.lose_write_connection();
/// }
/// # }
/// ```
#[derive(Clone, Copy, Default)]
#[non_exhaustive]
pub struct Abilities<'a> {
    /// To end one direction and keep the other.
    pub half_close: Option<&'a dyn HalfClose>,
    /// What a socket has.
    pub socket: Option<&'a dyn SocketTransport>,
    /// What a connection of TCP has.
    pub tcp: Option<&'a dyn TcpTransport>,
    /// To send descriptors.
    pub descriptors: Option<&'a dyn DescriptorTransport>,
}

impl fmt::Debug for Abilities<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Abilities")
            .field("half_close", &self.half_close.is_some())
            .field("socket", &self.socket.is_some())
            .field("tcp", &self.tcp.is_some())
            .field("descriptors", &self.descriptors.is_some())
            .finish()
    }
}

/// A transport whose two directions end apart.
///
/// *Twisted's `IHalfCloseableDescriptor`.*
pub trait HalfClose {
    /// Ends the direction from here to the peer, when all that was written has been sent; if a producer is
    /// registered, when that is done. Data is received as before.
    ///
    /// The protocol's [`write_connection_lost`](crate::HalfCloseable::write_connection_lost) is called then, if it
    /// wants to know. What is written from now on is dropped. When the peer's direction has ended too,
    /// `connection_lost` comes by itself.
    fn lose_write_connection(&self);
}

/// A transport that is a socket.
///
/// *What Twisted's `ITCPTransport` and `ISystemHandle` have beside writing.*
pub trait SocketTransport {
    /// Calls `with` with the descriptor; not at all once the connection is over.
    fn with_descriptor(&self, with: &mut dyn FnMut(BorrowedFd<'_>));

    /// How much is read at once at the most, up to 64 KiB, which it is at first.
    fn set_read_size(&self, bytes: usize);
}

/// A transport that is a connection of TCP.
///
/// Once the connection is over, each of these is an error.
///
/// *Twisted's `getTcpNoDelay`, `setTcpKeepAlive` and so on.*
pub trait TcpTransport {
    /// Whether what is written is sent at once, be it little; at first, the system may wait for more.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn no_delay(&self) -> io::Result<bool>;

    /// Sets [`no_delay`](Self::no_delay).
    ///
    /// # Errors
    ///
    /// What the system says.
    fn set_no_delay(&self, on: bool) -> io::Result<()>;

    /// Whether the system asks, when nothing has come for long, whether the peer is still there; at first, it does
    /// not.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn keep_alive(&self) -> io::Result<bool>;

    /// Sets [`keep_alive`](Self::keep_alive).
    ///
    /// # Errors
    ///
    /// What the system says.
    fn set_keep_alive(&self, on: bool) -> io::Result<()>;

    /// How long the system goes on to send what it has taken when the connection is over; at first, as long as it
    /// thinks right.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn linger(&self) -> io::Result<Option<Duration>>;

    /// Sets [`linger`](Self::linger), in whole seconds.
    ///
    /// # Errors
    ///
    /// What the system says.
    fn set_linger(&self, limit: Option<Duration>) -> io::Result<()>;
}

/// A transport that takes descriptors along, which is a UNIX socket.
///
/// *Twisted's `IUNIXTransport`.*
pub trait DescriptorTransport {
    /// Sends a descriptor with the next byte that is written.
    ///
    /// It is duplicated, so the caller's may be closed. What is never followed by a byte is not sent; neither is
    /// what comes after the end of writing.
    ///
    /// # Errors
    ///
    /// If it cannot be duplicated, or as many as the system takes, which are 253, wait for this byte already.
    ///
    /// *Twisted's `sendFileDescriptor`.*
    fn send_descriptor(&self, descriptor: BorrowedFd<'_>) -> io::Result<()>;
}

/// Whether a transport has room for more: the answer of its writing methods.
///
/// Nothing is refused for want of room. A writer that goes on in spite of `Full` fills the memory at the
/// pace of its own work, not of the peer's reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Go on writing.
    Open,
    /// More waits to be sent than should; better write the rest later.
    Full,
}
