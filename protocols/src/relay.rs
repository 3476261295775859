//! Passing on what one connection receives to another, at the pace of the slower one.

use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;

use deferred::{CancelHandle, Failure};

use crate::endpoints::ClientEndpoint;
use crate::{Address, Factory, HalfCloseable, Producer, ProducerError, Protocol, Transport};

/// Passes on, from one transport to another, what the first receives.
///
/// The first is paused while more waits to be sent on the second than its
/// [water marks](Transport::set_water_marks) allow, so memory is bounded however slow the second is. The protocol of
/// the first gives what it receives to [`feed`](Self::feed).
#[derive(Clone)]
pub struct Pipe {
    to: Rc<dyn Transport>,
}

impl Pipe {
    /// Joins `from` to `to`, of which it is the producer from now on.
    ///
    /// # Errors
    ///
    /// If `to` has a producer already.
    pub fn new(from: &Rc<dyn Transport>, to: &Rc<dyn Transport>) -> Result<Self, ProducerError> {
        to.register_producer(Producer::Push(from.clone()))?;
        Ok(Self { to: Rc::clone(to) })
    }

    /// Passes on `data`.
    pub fn feed(&self, data: &[u8]) {
        self.to.write(data);
    }

    /// Nothing more comes: when everything was sent, the direction is ended, or the connection, if its transport
    /// cannot end one alone.
    pub fn end(&self) {
        match self.to.abilities().half_close {
            Some(half_close) => {
                half_close.lose_write_connection();
                self.to.unregister_producer();
            }
            None => self.close(),
        }
    }

    /// Ends the connection when everything was sent.
    pub fn close(&self) {
        self.to.stop_consuming();
    }
}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pipe(to {})", self.to.peer())
    }
}

/// A factory of connections that are passed on, each to a connection of its own to the same place.
///
/// A client is not read from until its connection to there stands; if there is none, it is closed. An end of either
/// direction is passed on, and an end of either connection ends the other one.
///
/// *Twisted's `ProxyFactory` of `twisted.protocols.portforward`, which passes on no end of one direction alone.*
#[derive(Debug)]
pub struct PortForward {
    to: ClientEndpoint,
}

impl PortForward {
    /// Passes connections on to `to`.
    pub const fn new(to: ClientEndpoint) -> Self {
        Self { to }
    }
}

impl Factory for PortForward {
    type Protocol = Forwarded;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Forwarded> {
        Some(Forwarded {
            to: self.to.clone(),
            attempt: None,
            pipe: Rc::default(),
        })
    }
}

/// Where the client's bytes go, as soon as it is known.
type Outlet = Rc<RefCell<Option<Pipe>>>;

/// The client's side of a connection that is passed on.
pub struct Forwarded {
    to: ClientEndpoint,
    attempt: Option<CancelHandle>,
    pipe: Outlet,
}

impl Protocol for Forwarded {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        transport.pause_producing();
        let onward = Onward {
            client: Rc::clone(transport),
            from_client: Rc::clone(&self.pipe),
            to_client: None,
        };
        let client = Rc::clone(transport);
        let attempt = self.to.connect_protocol(onward);
        self.attempt = Some(attempt.cancel_handle());
        attempt
            .map(drop)
            .add_errback(move |failure| {
                log::info!("{} is not passed on: {failure}", client.peer());
                client.lose_connection();
            })
            .log_failure("Unhandled error in passing on a connection");
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, data: &[u8]) {
        if let Some(pipe) = &*self.pipe.borrow() {
            pipe.feed(data);
        }
    }

    fn connection_lost(&mut self, _reason: Failure) {
        if let Some(attempt) = self.attempt.take() {
            attempt.cancel();
        }
        if let Some(pipe) = self.pipe.take() {
            pipe.close();
        }
    }

    fn half_closeable(&mut self) -> Option<&mut dyn HalfCloseable> {
        Some(self)
    }
}

impl HalfCloseable for Forwarded {
    fn read_connection_lost(&mut self, _transport: &Rc<dyn Transport>) {
        if let Some(pipe) = &*self.pipe.borrow() {
            pipe.end();
        }
    }

    fn write_connection_lost(&mut self, _transport: &Rc<dyn Transport>) {}
}

impl fmt::Debug for Forwarded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Forwarded(to {:?})", self.to)
    }
}

/// The other side of a connection that is passed on.
struct Onward {
    client: Rc<dyn Transport>,
    from_client: Outlet,
    to_client: Option<Pipe>,
}

impl Protocol for Onward {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        let pipes = Pipe::new(transport, &self.client)
            .and_then(|back| Ok((back, Pipe::new(&self.client, transport)?)));
        // Both transports are ours alone, and have no other producer.
        if let Ok((back, forth)) = pipes {
            self.to_client = Some(back);
            *self.from_client.borrow_mut() = Some(forth);
            self.client.resume_producing();
        }
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, data: &[u8]) {
        if let Some(pipe) = &self.to_client {
            pipe.feed(data);
        }
    }

    fn connection_lost(&mut self, _reason: Failure) {
        if let Some(pipe) = self.to_client.take() {
            pipe.close();
        }
    }

    fn half_closeable(&mut self) -> Option<&mut dyn HalfCloseable> {
        Some(self)
    }
}

impl HalfCloseable for Onward {
    fn read_connection_lost(&mut self, _transport: &Rc<dyn Transport>) {
        if let Some(pipe) = &self.to_client {
            pipe.end();
        }
    }

    fn write_connection_lost(&mut self, _transport: &Rc<dyn Transport>) {}
}
