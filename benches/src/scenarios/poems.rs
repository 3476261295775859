//! What a server takes that sends something and closes.

use std::io;

use crate::child::Work;
use crate::load::{Visit, Visits};
use crate::options::Options;
use crate::table::Table;
use crate::trial::Trial;

/// Poems that the system takes at once.
pub(super) fn small(options: &Options) -> io::Result<Vec<Table>> {
    let operations = options.operations(5_000, 130);
    downloads(
        "Poems of 4 KiB, 64 at a time",
        4 * 1024,
        operations,
        options,
    )
}

/// Poems that nobody takes at once.
pub(super) fn large(options: &Options) -> io::Result<Vec<Table>> {
    let operations = options.operations(64, 4);
    let large = 8 * 1024 * 1024;
    downloads("Poems of 8 MiB, 64 at a time", large, operations, options)
}

fn downloads(
    title: &str,
    bytes: usize,
    operations: u64,
    options: &Options,
) -> io::Result<Vec<Table>> {
    let visit = Visit {
        at_once: 64,
        says: 0,
        gets: bytes,
    };
    let trial = Trial {
        title: title.to_owned(),
        operation: "poem",
        work: Work::Poems(bytes),
        connections: visit.at_once,
        operations,
        rounds: options.rounds(9),
        load: &|server| Ok(Box::new(Visits::new(server.address(), visit))),
    };
    trial.run(options)
}
