//! The README's server: it says again what it hears.
//!
//! ```sh
//! cargo run -p docs --bin echo
//! ```

use std::rc::Rc;

use protocols::reactor::Reactor;
use protocols::{Address, Factory, Protocol, ReactorTcp, Transport};

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

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let reactor = Reactor::new()?;
    let port = reactor.listen_tcp(8007, Rc::new(EchoFactory))?;
    println!("Echoing on {}", port.address());
    reactor.run()?;
    Ok(())
}
