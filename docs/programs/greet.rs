//! The README's client: it says one thing, and goes when it has an answer.
//!
//! ```sh
//! cargo run -p docs --bin greet
//! ```

use std::process::ExitCode;
use std::rc::Rc;

use protocols::endpoints::ClientEndpoint;
use protocols::reactor::task::react;
use protocols::{ConnectOptions, Protocol, Transport};

struct Greeter;

impl Protocol for Greeter {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        transport.write(b"Is there anybody?\n");
    }

    fn data_received(&mut self, transport: &Rc<dyn Transport>, data: &[u8]) {
        print!("{}", String::from_utf8_lossy(data));
        transport.lose_connection();
    }
}

fn main() -> ExitCode {
    react(|reactor| {
        let server = ClientEndpoint::tcp(reactor, "localhost", 8007, ConnectOptions::new());
        let connected = server.connect_protocol(Greeter);
        let over = connected.add_callback(|connection| connection.transport().when_lost());
        over.map(drop)
    })
}
