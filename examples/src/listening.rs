//! Where a server listens, as its command line says it.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, ToSocketAddrs};
use std::rc::Rc;

use clap::Args;
use protocols::reactor::Reactor;
use protocols::{Factory, ListenOptions, Port, ReactorTcp};

use crate::cli;

/// The options of a server, to be flattened into a program's own.
#[derive(Debug, Clone, Args)]
pub struct Listening {
    /// The port to listen on, or 0 for any that is free.
    #[arg(long, value_name = "N", default_value = "0")]
    #[arg(value_parser = cli::parse_port, allow_negative_numbers = true)]
    port: u16,

    /// The interface to listen on, by name or address.
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    iface: String,
}

impl Listening {
    /// Listens there, with `factory` for those who connect; or ends the program.
    pub fn listen<F: Factory>(&self, reactor: &Reactor, factory: Rc<F>) -> Port {
        listen(reactor, &self.iface, self.port, factory)
    }
}

/// Listens on a port of an interface, which is a name or an address; or ends the program.
pub fn listen<F: Factory>(reactor: &Reactor, iface: &str, port: u16, factory: Rc<F>) -> Port {
    try_listen(reactor, iface, port, factory).unwrap_or_else(|error| cli::die(error))
}

/// Listens on a port of an interface, for a program that has something to do before it ends.
///
/// # Errors
///
/// If the interface is none of this machine, or the port is taken.
pub fn try_listen<F: Factory>(
    reactor: &Reactor,
    iface: &str,
    port: u16,
    factory: Rc<F>,
) -> Result<Port, CannotListen> {
    let listened = interface(iface).and_then(|interface| {
        let options = ListenOptions::new(port).interface(interface);
        let listened = reactor.listen_tcp_with(options, factory);
        listened.map_err(|error| error.source)
    });
    listened.map_err(|error| CannotListen {
        port,
        iface: iface.to_owned(),
        error,
    })
}

/// A server cannot listen where it was told to.
///
/// *The system's error stands in the line itself, as what would be right follows from it.*
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on port {port} of {iface:?}: {error}; {}", self.right())]
pub struct CannotListen {
    port: u16,
    iface: String,
    error: io::Error,
}

impl CannotListen {
    fn right(&self) -> &'static str {
        match self.error.kind() {
            ErrorKind::AddrInUse => "--port 0 takes one that is free",
            ErrorKind::PermissionDenied => "a port from 1024 up is open to all",
            _ => "--iface is a name or an address of this machine",
        }
    }
}

/// The address of an interface. A name is looked up, and its first address counts.
///
/// # Errors
///
/// If nobody knows the name.
fn interface(iface: &str) -> io::Result<IpAddr> {
    let mut addresses = (iface, 0).to_socket_addrs()?;
    let address = addresses.next().ok_or(ErrorKind::NotFound)?;
    Ok(address.ip())
}
