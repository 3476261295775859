//! What a protocol sends datagrams by.

use std::fmt;
use std::hash::Hash;

use deferred::Deferred;

use super::DatagramError;
use crate::Address;

/// A datagram port, as its protocol sees it: where datagrams go out, and how it is ended.
///
/// It is handed to every callback of the protocol; a clone of the `Rc` is a handle to send by later, from anywhere
/// on the reactor's thread. Its methods **never call the protocol from inside a call of yours**.
///
/// A port sends to everybody until it is connected, which is no more than to keep one address: from then on it
/// sends there only, and the system lets it receive from there only.
///
/// *Twisted's `IUDPTransport` and `IUNIXDatagramTransport`.*
pub trait DatagramTransport: 'static {
    /// What names the other ends.
    type Address: Clone + Eq + Hash + fmt::Debug + fmt::Display + 'static;

    /// Sends `data` as one datagram to `to`, now.
    ///
    /// # Errors
    ///
    /// [`TooLong`](DatagramError::TooLong), [`WrongFamily`](DatagramError::WrongFamily); on a connected port
    /// [`OtherPeer`](DatagramError::OtherPeer), unless `to` is its peer; [`Stopped`](DatagramError::Stopped)
    /// from the moment the port was told to stop; else what the system says. A full buffer is no error.
    ///
    /// *Twisted's `write(datagram, addr)`.*
    fn send_to(&self, data: &[u8], to: &Self::Address) -> Result<Delivery, DatagramError>;

    /// Sends `data` as one datagram to the peer of a connected port, now.
    ///
    /// # Errors
    ///
    /// [`NotConnected`](DatagramError::NotConnected) without a peer; else as for [`send_to`](Self::send_to).
    ///
    /// *Twisted's `write(datagram)`.*
    fn send(&self, data: &[u8]) -> Result<Delivery, DatagramError>;

    /// Sends the parts, one after the other in one datagram, to `to`.
    ///
    /// # Errors
    ///
    /// As for [`send_to`](Self::send_to).
    ///
    /// *Twisted's `writeSequence`.*
    fn send_vectored_to(
        &self,
        parts: &[&[u8]],
        to: &Self::Address,
    ) -> Result<Delivery, DatagramError> {
        self.send_to(&parts.concat(), to)
    }

    /// Sends the parts, one after the other in one datagram, to the peer of a connected port.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    fn send_vectored(&self, parts: &[&[u8]]) -> Result<Delivery, DatagramError> {
        self.send(&parts.concat())
    }

    /// Makes `peer` the one that this port speaks with.
    ///
    /// What has come from others before is still received.
    ///
    /// # Errors
    ///
    /// [`AlreadyConnected`](DatagramError::AlreadyConnected) the second time;
    /// [`WrongFamily`](DatagramError::WrongFamily), [`Stopped`](DatagramError::Stopped), or what the system says.
    fn connect(&self, peer: &Self::Address) -> Result<(), DatagramError>;

    /// Where the port is, with its real number; after its end, where it was.
    fn host(&self) -> Address;

    /// The one that it is connected to, if it is.
    fn peer(&self) -> Option<Address>;

    /// How many datagrams were [dropped](Delivery::Dropped) so far.
    fn dropped(&self) -> u64;

    /// Closes the port. What comes from now on is not received, and what is sent is an error.
    ///
    /// In a later turn the protocol's `stop_protocol` is called, and the Deferred fires after it. If the port has
    /// stopped before, the Deferred has fired already.
    ///
    /// *Twisted's `stopListening`.*
    fn stop_listening(&self) -> Deferred<()>;
}

/// What has become of a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a datagram may have been dropped"]
pub enum Delivery {
    /// The system has taken it. Whether it arrives nobody knows.
    Sent,
    /// There was no room for it, here or at a receiver on this machine. It may be sent again later.
    Dropped,
}
