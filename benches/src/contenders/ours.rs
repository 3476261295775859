//! Ours, on one of the backends.

use std::cell::Cell;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;

use protocols::deferred::Failure;
use protocols::reactor::{Reactor, backend};
use protocols::{
    Address, ClientFactory, Connector, Factory, ListenOptions, Protocol, ReactorTcp, Transport,
};

use super::{Listening, Programs};

/// Our crates, on the backend of this name.
pub(super) struct Ours(pub(super) &'static str);

impl Programs for Ours {
    fn echo(&self, listening: Listening<'_>) -> io::Result<()> {
        self.listen(EchoFactory, listening)
    }

    fn poems(&self, poem: Vec<u8>, listening: Listening<'_>) -> io::Result<()> {
        self.listen(PoemFactory { poem: poem.into() }, listening)
    }

    fn fetch(&self, from: SocketAddr, poems: u64, at_once: usize) -> io::Result<u64> {
        let reactor = self.reactor()?;
        let factory = Rc::new(FetchFactory {
            reactor: reactor.clone(),
            to_begin: Cell::new(poems.saturating_sub(at_once as u64)),
            to_finish: Cell::new(poems),
            bytes: Cell::default(),
        });
        for _ in 0..poems.min(at_once as u64) {
            reactor.connect_tcp(&from.ip().to_string(), from.port(), Rc::clone(&factory));
        }
        reactor.run().map_err(io::Error::other)?;
        Ok(factory.bytes.get())
    }
}

impl Ours {
    fn reactor(&self) -> io::Result<Reactor> {
        let backend = backend::from_name(self.0).map_err(io::Error::other)?;
        Reactor::with_backend(backend).map_err(io::Error::other)
    }

    fn listen(&self, factory: impl Factory, listening: Listening<'_>) -> io::Result<()> {
        let reactor = self.reactor()?;
        let options = ListenOptions::new(0)
            .interface(IpAddr::V4(Ipv4Addr::LOCALHOST))
            .backlog(1024);
        let port = reactor
            .listen_tcp_with(options, Rc::new(factory))
            .map_err(io::Error::other)?;
        if let Address::Tcp(address) = port.address() {
            listening(address);
        }
        reactor.run().map_err(io::Error::other)?;
        Ok(())
    }
}

/// Has the system send at once what is written.
fn send_at_once(transport: &dyn Transport) {
    if let Some(tcp) = transport.abilities().tcp {
        tcp.set_no_delay(true)
            .expect("a connection that stands has options");
    }
}

struct Echo;

impl Protocol for Echo {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        send_at_once(&**transport);
    }

    fn data_received(&mut self, transport: &Rc<dyn Transport>, data: &[u8]) {
        transport.write(data);
    }
}

struct EchoFactory;

impl Factory for EchoFactory {
    type Protocol = Echo;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Echo> {
        Some(Echo)
    }
}

struct Poem(Rc<[u8]>);

impl Protocol for Poem {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        send_at_once(&**transport);
        transport.write_shared(Rc::clone(&self.0));
        transport.lose_connection();
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {}
}

struct PoemFactory {
    poem: Rc<[u8]>,
}

impl Factory for PoemFactory {
    type Protocol = Poem;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Poem> {
        Some(Poem(Rc::clone(&self.poem)))
    }
}

/// Counts what it gets.
struct Fetch(Rc<FetchFactory>);

impl Protocol for Fetch {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        send_at_once(&**transport);
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, data: &[u8]) {
        let bytes = &self.0.bytes;
        bytes.set(bytes.get() + data.len() as u64);
    }
}

/// Connects again as long as there is a poem that nobody has begun to get.
struct FetchFactory {
    reactor: Reactor,
    to_begin: Cell<u64>,
    to_finish: Cell<u64>,
    bytes: Cell<u64>,
}

impl Factory for FetchFactory {
    type Protocol = Fetch;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Fetch> {
        Some(Fetch(Rc::clone(self)))
    }
}

impl ClientFactory for FetchFactory {
    fn client_connection_failed(self: &Rc<Self>, _connector: &Connector, reason: Failure) {
        panic!("{reason}");
    }

    fn client_connection_lost(self: &Rc<Self>, connector: &Connector, _reason: Failure) {
        self.to_finish.set(self.to_finish.get() - 1);
        if self.to_begin.get() > 0 {
            self.to_begin.set(self.to_begin.get() - 1);
            connector.connect().expect("it has just been disconnected");
        } else if self.to_finish.get() == 0 {
            self.reactor.stop().expect("it runs");
        }
    }
}
