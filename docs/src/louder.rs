//! The server that says everything louder, by lines that somebody else cuts: shown by the book's chapter "In ten
//! minutes".

use std::rc::Rc;

use protocols::line::{LineOnlyHandler, LineOnlyReceiver, LinesOnly};
use protocols::{Address, Factory};

// ANCHOR: handler
/// Says each line louder.
#[derive(Debug)]
pub struct Louder;

impl LineOnlyHandler for Louder {
    fn line_received(&mut self, lines: &LinesOnly, line: &[u8]) {
        lines.send_line(&line.to_ascii_uppercase());
    }
}

/// Makes a `Louder` for each connection, with the receiver that cuts its lines.
#[derive(Debug)]
pub struct LouderFactory;

impl Factory for LouderFactory {
    type Protocol = LineOnlyReceiver<Louder>;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Self::Protocol> {
        Some(LineOnlyReceiver::new(Louder).max_length(1024))
    }
}
// ANCHOR_END: handler

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use protocols::testing::StringConnection;

    use super::*;

    // ANCHOR: test
    #[test]
    fn lines_come_back_louder_however_they_are_cut() {
        let peer = Address::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 10000)));
        let protocol = Rc::new(LouderFactory).build_protocol(&peer).unwrap();
        let connection = StringConnection::new(protocol);

        connection.receive(b"hel");
        connection.receive(b"lo\r\nis there anybody\r\n");

        let written = connection.transport().value();
        assert_eq!(written, b"HELLO\r\nIS THERE ANYBODY\r\n");
    }
    // ANCHOR_END: test

    #[test]
    fn a_line_without_an_end_loses_the_connection() {
        let peer = Address::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 10000)));
        let protocol = Rc::new(LouderFactory).build_protocol(&peer).unwrap();
        let connection = StringConnection::new(protocol);

        connection.receive(&[b'x'; 2000]);

        assert!(connection.is_over());
    }
}
