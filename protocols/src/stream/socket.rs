//! What comes in: the descriptor that the reactor watches.

use std::cell::Cell;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;

use deferred::Failure;
use reactor::{Descriptor, Reactor, ReadDescriptor, WriteDescriptor};
use rustix::io::{Errno, read};

use crate::protocol::short_name;
use crate::{Address, Protocol};

use super::{Connection, Phase, Reading, Role, Writing, done, lost};

/// A descriptor and the connection that it belongs to.
pub(super) struct Socket<P> {
    pub(super) fd: OwnedFd,
    pub(super) connection: Rc<Connection<P>>,
    /// Whether a read has filled the buffer, after which it is read in each turn while there is something.
    pub(super) is_busy: Cell<bool>,
}

impl<P> AsFd for Socket<P> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl<P: Protocol> Descriptor for Socket<P> {
    fn connection_lost(self: Rc<Self>, _reactor: &Reactor, reason: Failure) {
        let connection = Rc::clone(&self.connection);
        drop(self);
        if connection.is_over_with(reason) {
            connection.tell();
        }
    }

    fn log_prefix(&self) -> String {
        self.connection.log_prefix()
    }
}

impl<P: Protocol> ReadDescriptor for Socket<P> {
    fn do_read(self: Rc<Self>, _reactor: &Reactor) -> Result<(), Failure> {
        let buffers = &self.connection.buffers;
        let mut buffer = buffers.for_reading();
        let room = self.connection.sizes().read;
        let done = self.read_into(&mut buffer.0[..room]);
        buffers.keep(buffer);
        done
    }

    /// A short read of TCP has found all that was there; one of a UNIX socket ends where descriptors came, too.
    fn is_edge_triggered(&self) -> bool {
        !self.is_busy.get() && matches!(self.connection.peer, Address::Tcp(_))
    }
}

impl<P: Protocol> Socket<P> {
    /// Reads once, and gives the protocol what has come.
    fn read_into(self: &Rc<Self>, buffer: &mut [u8]) -> Result<(), Failure> {
        let connection = &self.connection;
        let count = if connection.takes_descriptors() {
            connection.receive(&self.fd, buffer)
        } else {
            read(&self.fd, &mut *buffer)
        };
        match count {
            // A descriptor that came before the data has made that unwanted.
            Ok(_) if connection.phase.get() != Phase::Open => Ok(()),
            Ok(0) => connection.read_ended(),
            Ok(count) => {
                let data = &buffer[..count];
                connection.call_protocol("data_received", |protocol, transport| {
                    protocol.data_received(transport, data);
                })?;
                if count == buffer.len() {
                    self.read_more()?;
                }
                Ok(())
            }
            Err(Errno::WOULDBLOCK | Errno::INTR) => Ok(()),
            Err(error) => Err(lost(error.into())),
        }
    }

    /// Has what is left read in the next turn, if any more is to be read.
    #[cold]
    fn read_more(self: &Rc<Self>) -> Result<(), Failure> {
        let reads = self.connection.phase.get() == Phase::Open
            && self.connection.reading.get() == Reading::On;
        if !reads || self.is_busy.replace(true) {
            return Ok(());
        }
        let added = self.connection.reactor.add_reader(Rc::clone(self) as _);
        added.map_err(|error| self.connection.not_watched(error))
    }
}

impl<P: Protocol> WriteDescriptor for Socket<P> {
    fn do_write(self: Rc<Self>, _reactor: &Reactor) -> Result<(), Failure> {
        self.connection.flush()
    }
}

impl<P: Protocol> Connection<P> {
    /// The protocol and "client", or its number and where its peer is.
    ///
    /// *The form of Twisted's log prefixes.*
    pub(super) fn log_prefix(&self) -> String {
        let protocol = self.protocol_name();
        match (self.role, &self.peer) {
            (Role::Client, _) => format!("{protocol},client"),
            (Role::Server(number), Address::Tcp(peer)) => {
                format!("{protocol},{number},{}", peer.ip())
            }
            (Role::Server(number), peer) => format!("{protocol},{number},{peer}"),
        }
    }

    /// What the protocol is called by itself, unless it runs or is gone.
    pub(super) fn protocol_name(&self) -> String {
        let protocol = self.protocol.try_borrow();
        match protocol.as_deref() {
            Ok(Some(protocol)) => protocol.log_prefix(),
            _ => short_name::<P>(),
        }
    }

    /// The peer sends no more: the protocol goes on without, if it can.
    fn read_ended(&self) -> Result<(), Failure> {
        let goes_on = self
            .protocol
            .borrow_mut()
            .as_mut()
            .is_some_and(|protocol| protocol.half_closeable().is_some());
        if !goes_on {
            return Err(done());
        }
        self.reading.set(Reading::Ended);
        self.stop_reading();
        self.call_protocol("read_connection_lost", |protocol, transport| {
            if let Some(protocol) = protocol.half_closeable() {
                protocol.read_connection_lost(transport);
            }
        })?;
        self.unless_both_ended()
    }

    /// Both directions closed is closed.
    pub(super) fn unless_both_ended(&self) -> Result<(), Failure> {
        let both_ended =
            self.reading.get() == Reading::Ended && self.writing.get() == Writing::Ended;
        // The end of the one may have brought the end of the other, and of the whole.
        if both_ended && self.phase.get() < Phase::Over {
            return Err(done());
        }
        Ok(())
    }
}
