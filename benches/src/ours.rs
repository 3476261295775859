//! An echo server on our crates, as their documentation would write it.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::rc::Rc;

use protocols::reactor::{Reactor, backend};
use protocols::{Address, Factory, ListenOptions, Protocol, ReactorTcp, Transport};

struct Echo;

impl Protocol for Echo {
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

pub(crate) fn serve(backend: &str, listening: fn(SocketAddr)) -> io::Result<()> {
    let backend = backend::from_name(backend).map_err(io::Error::other)?;
    let reactor = Reactor::with_backend(backend).map_err(io::Error::other)?;
    let options = ListenOptions::new(0).interface(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let port = reactor
        .listen_tcp_with(options, Rc::new(EchoFactory))
        .map_err(io::Error::other)?;
    if let Address::Tcp(address) = port.address() {
        listening(address);
    }
    reactor.run().map_err(io::Error::other)?;
    Ok(())
}
