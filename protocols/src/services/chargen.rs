//! Sends characters without end.

use std::fmt;
use std::rc::Rc;

use crate::{Address, Factory, Producer, Protocol, PullProducer, Transport};

/// The characters that are seen, from the space to the tilde.
const FIRST: u8 = b' ';
const COUNT: usize = 95;

/// How many of them are in a line.
const WIDTH: usize = 72;

/// Makes a [`Chargen`] for each connection. RFC 864.
#[derive(Debug, Clone)]
pub struct ChargenFactory {
    pattern: Rc<[u8]>,
}

impl ChargenFactory {
    /// A factory whose connections all send the same pattern.
    #[must_use]
    pub fn new() -> Self {
        let lines = (0..COUNT).flat_map(line).collect();
        Self { pattern: lines }
    }
}

impl Default for ChargenFactory {
    fn default() -> Self {
        Self::new()
    }
}

impl Factory for ChargenFactory {
    type Protocol = Chargen;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Chargen> {
        let pattern = Rc::clone(&self.pattern);
        Some(Chargen { pattern })
    }
}

/// One line, which begins with this character; after as many lines as there are characters they begin anew.
fn line(first: usize) -> impl Iterator<Item = u8> {
    let characters = (FIRST..).take(COUNT).cycle();
    characters.skip(first).take(WIDTH).chain(*b"\r\n")
}

/// Sends lines of characters as long as its peer reads them, and drops what comes.
///
/// It writes when all that it wrote before has been sent, so that a peer which reads slowly, or not at all, costs
/// no more than the pattern once.
pub struct Chargen {
    pattern: Rc<[u8]>,
}

impl Protocol for Chargen {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        let generator = Producer::Pull(Rc::new(Generator {
            pattern: Rc::clone(&self.pattern),
            transport: Rc::clone(transport),
        }));
        if transport.register_producer(generator).is_err() {
            // Somebody else feeds this connection, and the pattern would be in pieces.
            transport.abort_connection();
        }
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {}
}

impl fmt::Debug for Chargen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chargen").finish_non_exhaustive()
    }
}

/// What the transport asks for more.
struct Generator {
    pattern: Rc<[u8]>,
    transport: Rc<dyn Transport>,
}

impl PullProducer for Generator {
    fn resume_producing(&self) {
        self.transport.write(&self.pattern);
    }

    fn stop_producing(&self) {}
}
