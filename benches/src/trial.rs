//! One trial: the contenders do the same work in turn, round after round.

use std::io;
use std::time::Instant;

use crate::child::Work;
use crate::contenders::{self, Contender};
use crate::cores::Placement;
use crate::load::Load;
use crate::options::Options;
use crate::process::Measured;
use crate::table::{Row, Table};

/// What contenders are measured with.
pub(crate) struct Trial<'a> {
    /// What is done, in few words.
    pub(crate) title: String,
    /// What is counted, such as `message`.
    pub(crate) operation: &'static str,
    /// What the contenders do.
    pub(crate) work: Work,
    /// How many connections each has at a time.
    pub(crate) connections: usize,
    /// How many operations there are in a round.
    pub(crate) operations: u64,
    /// How many rounds there are.
    pub(crate) rounds: usize,
    /// What has them do it, new in each round.
    pub(crate) load: &'a dyn Fn(&Measured) -> io::Result<Box<dyn Load + '_>>,
}

/// A contender, its process, and what it took so far.
pub(crate) struct Entrant {
    pub(crate) contender: &'static Contender,
    pub(crate) process: Measured,
    pub(crate) row: Row,
}

impl Trial<'_> {
    /// Measures all contenders in every placement, a table each.
    pub(crate) fn run(&self, options: &Options) -> io::Result<Vec<Table>> {
        let placements = options.cores.placements()?;
        let tables = placements
            .into_iter()
            .map(|placement| self.run_in(placement, options));
        tables.collect()
    }

    /// Measures all contenders in one placement.
    pub(crate) fn run_in(&self, placement: Placement, options: &Options) -> io::Result<Table> {
        let mut table = Table::new(placement.titled(&self.title), self.operation);
        let mut entrants = enter(self.work, self.connections, placement, options)?;
        for round in 1..=self.rounds {
            show_progress(&table.title, round, self.rounds);
            for entrant in &mut entrants {
                let done = self.round(entrant);
                entrant.named(done)?;
            }
        }
        if !options.check {
            for entrant in &mut entrants {
                entrant.row.calls = entrant.named(self.count(&entrant.process))?;
            }
        }
        table.notes = contenders::left_out(self.connections, options);
        table.rows = entrants.into_iter().map(|entrant| entrant.row).collect();
        Ok(table)
    }

    /// Has it do its work, and takes the time.
    fn round(&self, entrant: &mut Entrant) -> io::Result<()> {
        let operations = entrant.contender.share(self.operations);
        let mut load = (self.load)(&entrant.process)?;
        // The first ones fill caches and pools, and an interpreter learns by very many.
        let known = !entrant.row.nanos.is_empty();
        load.run(if known {
            (operations / 10).max(1)
        } else {
            operations
        })?;
        let (nanos, rate) = measure(&entrant.process, load.as_mut(), operations)?;
        entrant.row.nanos.push(nanos);
        entrant.row.rates.push(rate);
        Ok(())
    }

    /// Has it do a little of its work while its system calls are counted.
    fn count(&self, process: &Measured) -> io::Result<Option<f64>> {
        let operations = (self.operations / 20).clamp(20, 1_000);
        let mut load = (self.load)(process)?;
        load.run(operations / 10)?;
        let calls = process.count_calls(|| load.run(operations))?;
        Ok(calls.map(|calls| calls / operations as f64))
    }
}

impl Entrant {
    /// The same, with an error that says whose it is.
    pub(crate) fn named<T>(&self, done: io::Result<T>) -> io::Result<T> {
        named(self.contender, done)
    }
}

/// Starts the processes of the contenders that are to be measured with this work.
pub(crate) fn enter(
    work: Work,
    connections: usize,
    placement: Placement,
    options: &Options,
) -> io::Result<Vec<Entrant>> {
    let contenders = contenders::chosen(connections, options);
    let enter = |contender: &'static Contender| {
        let process = Measured::start(contender.command(work, options)?, placement);
        Ok(Entrant {
            contender,
            process: named(contender, process)?,
            row: Row {
                contender: contender.name.to_owned(),
                ..Row::default()
            },
        })
    };
    contenders.map(enter).collect()
}

/// The nanoseconds of processor time that each operation takes, and how many are done in a second.
pub(crate) fn measure(
    process: &Measured,
    load: &mut dyn Load,
    operations: u64,
) -> io::Result<(f64, f64)> {
    let (began, before) = (Instant::now(), process.processor_time()?);
    load.run(operations)?;
    let (nanos, seconds) = (process.processor_time()? - before, began.elapsed());
    let operations = operations as f64;
    Ok((nanos / operations, operations / seconds.as_secs_f64()))
}

/// Says on the error output how far it is, for whoever waits.
pub(crate) fn show_progress(title: &str, round: usize, rounds: usize) {
    eprintln!("{title}: round {round} of {rounds}");
}

fn named<T>(contender: &Contender, done: io::Result<T>) -> io::Result<T> {
    done.map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", contender.name)))
}
