//! Part 11 of the tutorial, an exercise: `fastpoetry`, slowed down, which keeps nobody waiting all the same.
//!
//! ```sh
//! cargo run --bin fastpoetry-slow -- --port 10000 --num-bytes 30 examples/poems/river.txt
//! ```
//!
//! Then `netcat localhost 10000` in two other terminals. The poem crawls down both of them; with part 2's `slowpoetry`
//! the second would stay empty until the first has it all.
//!
//! What to notice: nothing sleeps. Each connection has a `LoopingCall` of its own, which writes a piece and
//! returns, and the reactor has the time in between for everybody else. Who waits is the call, and not the server.
//! A client that leaves has its call stopped, or that would go on to write to nobody.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;
use examples::{BackendOption, Listening, cli};
use protocols::deferred::Failure;
use protocols::reactor::Reactor;
use protocols::reactor::task::LoopingCall;
use protocols::{Address, Factory, Protocol, Transport};

/// Serves a poem slowly, to any number of clients at a time.
#[derive(Parser)]
#[command(name = "fastpoetry-slow", version)]
struct Options {
    /// The poem, which may be any file.
    #[arg(value_name = "POEM-FILE")]
    poem_file: PathBuf,

    /// The time between two pieces.
    #[arg(long, value_name = "SECONDS", default_value = "0.1")]
    #[arg(value_parser = cli::parse_delay, allow_negative_numbers = true)]
    delay: Duration,

    /// The size of a piece.
    #[arg(long, value_name = "N", default_value = "10")]
    #[arg(value_parser = cli::parse_num_bytes, allow_negative_numbers = true)]
    num_bytes: NonZeroUsize,

    #[command(flatten)]
    listening: Listening,

    #[command(flatten)]
    backend: BackendOption,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = options.backend.reactor();
    let factory = PoetryFactory {
        reactor: reactor.clone(),
        poem: cli::read_poem(&options.poem_file),
        delay: options.delay,
        num_bytes: options.num_bytes.get(),
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
    /// What sends the pieces, once there is a connection.
    pieces: Option<LoopingCall>,
}

impl Protocol for PoetryProtocol {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        let pieces = self.factory.pieces_for(Rc::clone(transport));
        // It is new, so it can be started; the first piece goes at once.
        if let Ok(ended) = pieces.start(self.factory.delay) {
            ended.ignore();
        }
        self.pieces = Some(pieces);
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {
        // A poetry server does not take requests.
    }

    fn connection_lost(&mut self, _reason: Failure) {
        if let Some(pieces) = self.pieces.take() {
            // After the last piece it is not running.
            let _ = pieces.stop();
        }
    }
}

/// Makes the protocol for each client, and has the poem for all of them.
struct PoetryFactory {
    reactor: Reactor,
    poem: Vec<u8>,
    delay: Duration,
    num_bytes: usize,
}

impl PoetryFactory {
    /// A call that sends the next piece each time, and after the last one closes the connection.
    fn pieces_for(self: &Rc<Self>, transport: Rc<dyn Transport>) -> LoopingCall {
        let factory = Rc::clone(self);
        let mut sent = 0;
        LoopingCall::new(&self.reactor, move |pieces| {
            let rest = &factory.poem[sent..];
            if rest.is_empty() {
                transport.lose_connection();
                return Ok(pieces.stop()?);
            }
            let piece = &rest[..rest.len().min(factory.num_bytes)];
            transport.write(piece);
            sent += piece.len();
            Ok::<(), Failure>(())
        })
    }
}

impl Factory for PoetryFactory {
    type Protocol = PoetryProtocol;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<PoetryProtocol> {
        Some(PoetryProtocol {
            factory: Rc::clone(self),
            pieces: None,
        })
    }
}
