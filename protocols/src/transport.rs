//! What a protocol writes to.

use crate::Address;

/// One connection, as its protocol sees it: where bytes go out, and how it is ended.
///
/// A transport is handed to every callback of the protocol; a clone of the `Rc` is a handle to write with
/// later, from anywhere on the reactor's thread. Its methods take `&self` and **never call the protocol
/// from inside a call of yours**: they record what is wanted, and the loop delivers it when your
/// callback has returned. Once the connection is over they do nothing.
///
/// *Twisted's `ITransport` and `ITCPTransport`.*
pub trait Transport {
    /// Sends `data`, in order after everything written before, and says whether there is room for more.
    ///
    /// All that one callback writes is sent when the callback has returned, in one system call where it
    /// can be. What the system does not take then waits, in memory, until it does. Dropped after
    /// [`lose_connection`](Self::lose_connection) or [`abort_connection`](Self::abort_connection).
    fn write(&self, data: &[u8]) -> Flow;

    /// Sends the parts one after the other, like one [`write`](Self::write) of all of them.
    ///
    /// *Twisted's `writeSequence`.*
    fn write_vectored(&self, parts: &[&[u8]]) -> Flow;

    /// Ends the connection when all that was written has been sent.
    ///
    /// No data is received from now on. The protocol's `connection_lost` comes in a later turn, with
    /// [`ConnectionDone`](crate::ConnectionClosed::ConnectionDone) as the reason if nothing broke before.
    fn lose_connection(&self);

    /// Ends the connection now: what was not sent yet is dropped, and the peer's side is reset.
    ///
    /// No data is received from now on. The protocol's `connection_lost` comes in a later turn, with
    /// [`ConnectionAborted`](crate::ConnectionClosed::ConnectionAborted) as the reason.
    fn abort_connection(&self);

    /// Where the other end is.
    fn peer(&self) -> Address;

    /// Where this end is.
    fn host(&self) -> Address;
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
