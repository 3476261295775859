//! What a protocol may ask of its connection. Nothing here calls anybody back.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::time::Duration;

use deferred::{Deferred, Failure};
use reactor::ConnectionClosed;
use socket2::SockRef;

use crate::{
    Abilities, Address, Consumer, Flow, HalfClose, Producer, ProducerError, Protocol, PushProducer,
    SocketTransport, TcpTransport, Transport, UnixAddress,
};

use crate::files::FileConsumer;
use crate::sockets::local_address;

use super::buffers::READ_SIZE;
use super::{Connection, Phase, Reading, Writing};

impl<P: Protocol> Consumer for Connection<P> {
    fn write(&self, data: &[u8]) -> Flow {
        self.take_written(&[data])
    }

    fn write_shared(&self, data: Rc<[u8]>) -> Flow {
        if data.is_empty() {
            return Flow::Open;
        }
        self.queue(|outgoing| outgoing.push_shared(data))
    }

    fn register_producer(&self, producer: Producer) -> Result<(), ProducerError> {
        self.register(producer)
    }

    fn unregister_producer(&self) {
        self.unregister();
    }

    fn file_consumer(&self) -> Option<&dyn FileConsumer> {
        self.buffers.can_send_files().then_some(self)
    }
}

impl<P: Protocol> PushProducer for Connection<P> {
    fn pause_producing(&self) {
        let reads = matches!(self.reading.get(), Reading::Soon | Reading::On);
        if self.phase.get() == Phase::Open && reads {
            self.reading.set(Reading::Paused);
            self.stop_reading();
        }
    }

    fn resume_producing(&self) {
        if self.phase.get() != Phase::Open || self.reading.get() != Reading::Paused {
            return;
        }
        self.read_on();
    }

    fn stop_producing(&self) {
        self.lose_connection();
    }
}

impl<P: Protocol> Transport for Connection<P> {
    fn write_vectored(&self, parts: &[&[u8]]) -> Flow {
        self.take_written(parts)
    }

    fn lose_connection(&self) {
        if self.phase.get() != Phase::Open {
            return;
        }
        self.phase.set(Phase::Closing);
        if self.reading.get() != Reading::Soon {
            self.stop_reading();
        }
        if self.outgoing.borrow().is_none() {
            self.wants_flush();
        }
    }

    fn lose_connection_within(&self, limit: Duration) {
        self.lose_connection();
        if self.phase.get() != Phase::Closing {
            return;
        }
        let this = self.this.clone();
        let deadline = self.reactor.call_later(limit, move |_| {
            if let Some(connection) = this.upgrade() {
                connection.abort_connection();
            }
        });
        if let Some(earlier) = self.with_rare(|rare| rare.deadline.replace(deadline)) {
            // Else this would not be closing any more.
            let _ = earlier.cancel();
        }
    }

    fn abort_connection(&self) {
        if let Some(socket) = &*self.socket.borrow() {
            // Closing with data to linger over for no time is how a TCP connection is reset. Where it
            // cannot be, it is closed.
            drop(SockRef::from(socket).set_linger(Some(Duration::ZERO)));
        }
        self.end(Failure::without_backtrace(
            ConnectionClosed::ConnectionAborted,
        ));
    }

    fn wake(&self) {
        if self.phase.get() == Phase::Open
            && let Some(this) = self.this.upgrade()
            && !self.wake_waits.replace(true)
        {
            self.reactor.next_turn(this);
        }
    }

    fn when_lost(&self) -> Deferred<Failure> {
        match self.reason.get().cloned() {
            Some(reason) if self.phase.get() == Phase::Told => Deferred::succeed(reason),
            _ => {
                let (firer, deferred) = Deferred::new();
                self.with_rare(|rare| rare.wait_for_end.push(firer));
                deferred
            }
        }
    }

    fn set_water_marks(&self, high: usize, low: usize) {
        self.with_rare(|rare| {
            rare.sizes.high = high;
            rare.sizes.low = low.min(high);
        });
    }

    fn peer(&self) -> Address {
        self.peer.clone()
    }

    fn host(&self) -> Address {
        let ask = || {
            let socket = self.socket.borrow();
            local_address(socket.as_ref()?.as_fd()).ok()
        };
        // The connection is over, and nobody asked before.
        let unknown = || match self.peer {
            Address::Unix(_) => UnixAddress::Unnamed.into(),
            _ => SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into(),
        };
        self.host
            .get_or_init(|| ask().unwrap_or_else(unknown))
            .clone()
    }

    fn abilities(&self) -> Abilities<'_> {
        let all = Abilities {
            half_close: Some(self),
            socket: Some(self),
            ..Abilities::default()
        };
        match self.peer {
            Address::Tcp(_) => Abilities {
                tcp: Some(self),
                ..all
            },
            Address::Unix(_) => Abilities {
                descriptors: Some(self),
                ..all
            },
            Address::Udp(_) => all,
        }
    }

    /// The protocol, whether it is open, and its addresses.
    fn describe(&self) -> String {
        let state = match self.phase.get() {
            Phase::Open => "open",
            Phase::Closing => "closing",
            Phase::Over | Phase::Told => "closed",
        };
        let protocol = self.protocol_name();
        let (host, peer) = (self.host(), self.peer());
        format!("{protocol} {state} from {host} to {peer}")
    }
}

impl<P: Protocol> HalfClose for Connection<P> {
    fn lose_write_connection(&self) {
        if self.phase.get() != Phase::Open || self.writing.get() != Writing::On {
            return;
        }
        self.writing.set(Writing::Ending);
        if self.outgoing.borrow().is_none() {
            self.wants_flush();
        }
    }
}

impl<P: Protocol> SocketTransport for Connection<P> {
    fn with_descriptor(&self, with: &mut dyn FnMut(BorrowedFd<'_>)) {
        let socket = self.socket.borrow().clone();
        if let Some(socket) = socket {
            with(socket.as_fd());
        }
    }

    fn set_read_size(&self, bytes: usize) {
        self.with_rare(|rare| rare.sizes.read = bytes.clamp(1, READ_SIZE));
    }
}

impl<P: Protocol> Connection<P> {
    /// Has the system asked for an option, or told one, while there is a socket.
    fn with_socket<R>(&self, with: impl FnOnce(SockRef<'_>) -> io::Result<R>) -> io::Result<R> {
        match &*self.socket.borrow() {
            Some(socket) => with(SockRef::from(socket)),
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl<P: Protocol> TcpTransport for Connection<P> {
    fn no_delay(&self) -> io::Result<bool> {
        self.with_socket(|socket| socket.tcp_nodelay())
    }

    fn set_no_delay(&self, on: bool) -> io::Result<()> {
        self.with_socket(|socket| socket.set_tcp_nodelay(on))
    }

    fn keep_alive(&self) -> io::Result<bool> {
        self.with_socket(|socket| socket.keepalive())
    }

    fn set_keep_alive(&self, on: bool) -> io::Result<()> {
        self.with_socket(|socket| socket.set_keepalive(on))
    }

    fn linger(&self) -> io::Result<Option<Duration>> {
        self.with_socket(|socket| socket.linger())
    }

    fn set_linger(&self, limit: Option<Duration>) -> io::Result<()> {
        self.with_socket(|socket| socket.set_linger(limit))
    }
}
