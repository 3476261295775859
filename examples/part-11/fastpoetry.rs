//! Part 11 of the tutorial: a server that sends poetry fast, to all who come.
//!
//! ```sh
//! cargo run --bin fastpoetry -- --port 10000 examples/poems/river.txt
//! ```
//!
//! Then any of the clients in a second terminal, or `netcat localhost 10000`. Without `--port` the system chooses
//! a free one, which the line that the server prints tells. Ctrl-C ends it.
//!
//! What to notice: a server is what a client is, a factory and a protocol, and only `listen_tcp` stands where
//! `connect_tcp` stood. The factory makes a protocol for everybody who connects. `write` does not wait, and
//! `lose_connection` loses the connection when all has been sent; so `connection_made` returns at once, be the
//! poem long and the client slow, and the next client need not wait for the one before.

use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;

use clap::Parser;
use examples::{BackendOption, Listening, cli};
use protocols::{Address, Factory, Protocol, Transport};

/// Serves a poem, to any number of clients at a time.
#[derive(Parser)]
#[command(name = "fastpoetry", version)]
struct Options {
    /// The poem, which may be any file.
    #[arg(value_name = "POEM-FILE")]
    poem_file: PathBuf,

    #[command(flatten)]
    listening: Listening,

    #[command(flatten)]
    backend: BackendOption,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = options.backend.reactor();
    let factory = PoetryFactory {
        poem: cli::read_poem(&options.poem_file),
    };

    let port = options.listening.listen(&reactor, Rc::new(factory));
    cli::say(format!(
        "Serving {} on {}.",
        options.poem_file.display(),
        port.address()
    ));

    cli::exit_code(cli::run(&reactor), true)
}

/// Sends the poem to one client.
struct PoetryProtocol {
    factory: Rc<PoetryFactory>,
}

impl Protocol for PoetryProtocol {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        transport.write(&self.factory.poem);
        transport.lose_connection();
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {
        // A poetry server does not take requests.
    }
}

/// Makes the protocol for each client, and has the poem for all of them.
struct PoetryFactory {
    poem: Vec<u8>,
}

impl Factory for PoetryFactory {
    type Protocol = PoetryProtocol;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<PoetryProtocol> {
        Some(PoetryProtocol {
            factory: Rc::clone(self),
        })
    }
}
