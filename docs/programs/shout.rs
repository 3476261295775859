//! A server that says everything louder: the program of the book's chapter "In ten minutes".
//!
//! ```sh
//! cargo run -p docs --bin shout -- 10000
//! ```
//!
//! and in a second terminal, `nc localhost 10000`.

// ANCHOR: uses
use std::env;
use std::error::Error;
use std::rc::Rc;

use protocols::reactor::Reactor;
use protocols::{Address, Factory, ListenOptions, Protocol, ReactorTcp, Transport};
// ANCHOR_END: uses

// ANCHOR: protocol
/// No line is longer.
const LONGEST_LINE: usize = 1024;

/// What one connection has said since its last end of line.
#[derive(Default)]
struct Shout {
    line: Vec<u8>,
}

impl Protocol for Shout {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        transport.write(b"Speak up.\n");
    }

    fn data_received(&mut self, transport: &Rc<dyn Transport>, data: &[u8]) {
        for piece in data.split_inclusive(|&byte| byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.ends_with(b"\n") {
                self.line.make_ascii_uppercase();
                transport.write(&self.line);
                self.line.clear();
            } else if self.line.len() > LONGEST_LINE {
                transport.abort_connection();
                return;
            }
        }
    }
}
// ANCHOR_END: protocol

// ANCHOR: factory
/// Makes a `Shout` for each connection.
struct ShoutFactory;

impl Factory for ShoutFactory {
    type Protocol = Shout;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Shout> {
        Some(Shout::default())
    }
}
// ANCHOR_END: factory

// ANCHOR: main
fn main() -> Result<(), Box<dyn Error>> {
    let port = env::args()
        .nth(1)
        .unwrap_or_else(|| "0".to_owned())
        .parse()?;
    let reactor = Reactor::new()?;

    let options = ListenOptions::new(port).interface("127.0.0.1".parse()?);
    let port = reactor.listen_tcp_with(options, Rc::new(ShoutFactory))?;
    println!("Shouting on {}", port.address());

    reactor.run()?;
    Ok(())
}
// ANCHOR_END: main
