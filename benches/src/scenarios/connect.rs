//! What a connection takes that lives for one message.

use std::io;

use crate::child::Work;
use crate::load::{Visit, Visits};
use crate::options::Options;
use crate::table::Table;
use crate::trial::Trial;

/// Connects, has a message echoed, and closes.
pub(super) fn connect(options: &Options) -> io::Result<Vec<Table>> {
    let visit = Visit {
        at_once: 16,
        says: 64,
        gets: 64,
    };
    let trial = Trial {
        title: "Connect, one message to and fro, close; 16 at a time".to_owned(),
        operation: "connection",
        work: Work::Echo,
        connections: visit.at_once,
        operations: options.operations(5_000, 50),
        rounds: options.rounds(9),
        load: &|server| Ok(Box::new(Visits::new(server.address(), visit))),
    };
    trial.run(options)
}
