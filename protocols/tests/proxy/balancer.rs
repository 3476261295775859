//! Headers, and a connection from a balancer, in memory.

use std::rc::Rc;

use protocols::proxy::{BehindProxy, Proxied};
use protocols::testing::{StringConnection, StringTransport};
use protocols::{Factory, Transport};

use crate::common::{Kept, Script};

pub(crate) const LINE: &[u8] = b"PROXY TCP4 203.0.113.7 198.51.100.1 56324 443\r\n";

pub(crate) const LINE_OF_IPV6: &[u8] = b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n";

pub(crate) const CLIENT: &str = "203.0.113.7:56324";

pub(crate) const SERVER: &str = "198.51.100.1:443";

/// The addresses of a [`StringTransport`].
pub(crate) const SOCKET: [&str; 2] = ["192.0.2.2:12345", "192.0.2.1:54321"];

/// A header of version 2.
pub(crate) fn block(command: u8, form: u8, addresses: &[u8]) -> Vec<u8> {
    let length = u16::try_from(addresses.len()).unwrap().to_be_bytes();
    let signature = b"\r\n\r\n\0\r\nQUIT\n";
    [&signature[..], &[command, form], &length, addresses].concat()
}

/// A header of version 2 for two UNIX sockets.
pub(crate) fn unix_block(source: &str, destination: &str) -> Vec<u8> {
    let mut names = [0; 216];
    names[..source.len()].copy_from_slice(source.as_bytes());
    names[108..][..destination.len()].copy_from_slice(destination.as_bytes());
    block(0x21, 0x31, &names)
}

pub(crate) type Connection = StringConnection<Proxied<<Script as Factory>::Protocol>>;

/// A connection from a balancer to the protocol of this script.
pub(crate) fn connection(script: Script) -> Connection {
    let transport = StringTransport::new();
    let factory = Rc::new(BehindProxy::new(Rc::new(script)));
    let protocol = factory.build_protocol(&transport.peer());
    StringConnection::on(transport, protocol.expect("scripts decline nothing"))
}

/// A connection, and the transport that its protocol has.
pub(crate) fn kept_connection() -> (Connection, Rc<dyn Transport>) {
    let kept = Kept::default();
    let keep = kept.clone();
    let connection = connection(Script::unnoted().on_made(move |transport| keep.keep(transport)));
    (connection, kept.get())
}

pub(crate) fn ends(transport: &Rc<dyn Transport>) -> [String; 2] {
    [transport.peer(), transport.host()].map(|end| end.to_string())
}
