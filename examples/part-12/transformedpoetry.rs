//! Part 12 of the tutorial: a server that transforms poems.
//!
//! ```sh
//! cargo run --bin transformedpoetry -- --port 11000
//! ```
//!
//! Then, in a second terminal, `printf '28:cummingsify.Once Upon A Time,' | netcat localhost 11000`. The answer is
//! a poem as e e cummings would have it, as a netstring too. What is no request gets none.
//!
//! What to notice: a stream has no pieces of its own, so that a request has to say where it ends. A netstring
//! is its length, a colon, the string and a comma, and the receiver calls `string_received` for each, however the
//! bytes came. The protocol knows how requests are written, the factory which ones there are, and the service
//! only poems: it could be called by another protocol tomorrow.

use std::process::ExitCode;
use std::rc::Rc;

use clap::Parser;
use examples::{BackendOption, Listening, cli};
use protocols::strings::{NetstringReceiver, StringHandler, Strings};
use protocols::{Address, Factory};

/// Serves transformations of poems.
#[derive(Parser)]
#[command(name = "transformedpoetry", version)]
struct Options {
    #[command(flatten)]
    listening: Listening,

    #[command(flatten)]
    backend: BackendOption,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = options.backend.reactor();
    let factory = TransformFactory {
        service: TransformService,
    };

    let port = options.listening.listen(&reactor, Rc::new(factory));
    cli::say(format!("Serving transforms on {}.", port.address()));

    cli::exit_code(cli::run(&reactor), true)
}

/// Transforms poems.
struct TransformService;

impl TransformService {
    /// The poem in small letters. Only those of ASCII have any, as a poem may be written in any encoding.
    fn cummingsify(&self, poem: &[u8]) -> Vec<u8> {
        poem.to_ascii_lowercase()
    }
}

/// Answers one request: the name of a transformation, a full stop, and the poem.
struct TransformProtocol {
    factory: Rc<TransformFactory>,
}

impl StringHandler for TransformProtocol {
    fn string_received(&mut self, strings: &Strings, request: &[u8]) {
        if let Some(stop) = request.iter().position(|&byte| byte == b'.') {
            self.xform_request_received(strings, &request[..stop], &request[stop + 1..]);
        }
        strings.lose_connection();
    }
}

impl TransformProtocol {
    fn xform_request_received(&self, strings: &Strings, xform_name: &[u8], poem: &[u8]) {
        if let Some(new_poem) = self.factory.transform(xform_name, poem) {
            // A netstring may be of any length.
            let _ = strings.send_string(&new_poem);
        }
    }
}

/// Makes the protocol for each client, and knows the transformations by their names.
struct TransformFactory {
    service: TransformService,
}

impl TransformFactory {
    fn transform(&self, xform_name: &[u8], poem: &[u8]) -> Option<Vec<u8>> {
        match xform_name {
            b"cummingsify" => Some(self.service.cummingsify(poem)),
            _ => None, // There is no such transformation.
        }
    }
}

impl Factory for TransformFactory {
    type Protocol = NetstringReceiver<TransformProtocol>;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Self::Protocol> {
        Some(NetstringReceiver::new(TransformProtocol {
            factory: Rc::clone(self),
        }))
    }
}
