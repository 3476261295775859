//! What a client takes.

use std::io;

use crate::child::Work;
use crate::contenders;
use crate::load::Load;
use crate::options::Options;
use crate::process::Measured;
use crate::table::Table;
use crate::trial::Trial;

/// The bytes of a poem.
const POEM: usize = 4 * 1024;

/// How many poems are on the way at a time.
const AT_ONCE: usize = 10;

/// The contender gets poems from a bare server.
pub(super) fn client(options: &Options) -> io::Result<Vec<Table>> {
    let mut tables = Vec::new();
    for placement in options.cores.placements()? {
        let bare = contenders::ALL[0].command(Work::Poems(POEM), options)?;
        let server = Measured::start(bare, placement.swapped())?;
        let trial = Trial {
            title: "A client of poems of 4 KiB, 10 at a time".to_owned(),
            operation: "poem",
            work: Work::Fetch {
                from: server.address(),
                at_once: AT_ONCE,
            },
            connections: AT_ONCE,
            operations: options.operations(1_000, 25),
            rounds: options.rounds(9),
            load: &|client| Ok(Box::new(Fetches(client))),
        };
        tables.push(trial.run_in(placement, options)?);
    }
    Ok(tables)
}

/// A client that is asked for poems.
struct Fetches<'a>(&'a Measured);

impl Load for Fetches<'_> {
    fn run(&mut self, operations: u64) -> io::Result<()> {
        let bytes = self.0.ask(operations)?;
        if bytes == (operations * POEM as u64).to_string() {
            Ok(())
        } else {
            let wrong = format!("{operations} poems had {bytes} bytes");
            Err(io::Error::new(io::ErrorKind::InvalidData, wrong))
        }
    }
}
