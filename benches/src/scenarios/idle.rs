//! What connections cost that do nothing.

use std::io;

use crate::child::Work;
use crate::contenders;
use crate::load::{Exchange, Exchanges, Load};
use crate::options::Options;
use crate::process;
use crate::table::{Row, Table, median, rounded};
use crate::trial::{Entrant, enter, measure, show_progress};

/// Those that talk.
const ACTIVE: Exchange = Exchange {
    connections: 100,
    message: 64,
    in_flight: 1,
};

/// Descriptors for everything that is no connection of the crowd.
const RESERVE: u64 = 500;

/// Some connections talk, first alone and then among many that are silent.
pub(super) fn idle(options: &Options) -> io::Result<Vec<Table>> {
    let limit = process::raise_descriptor_limit()?;
    let wanted = options.operations(10_000, 50);
    let silent = wanted.min(limit.saturating_sub(RESERVE));
    let mut tables = Vec::new();
    for placement in options.cores.placements()? {
        let title = format!(
            "100 connections talk, {} are silent",
            rounded(silent as f64)
        );
        let mut table = Table::new(placement.titled(&title), "message");
        table.more = vec![
            "alone, ns/message",
            "ratio to alone",
            "bytes/silent connection",
        ];
        let connections = silent as usize + ACTIVE.connections;
        let mut pairs: Vec<_> = enter(Work::Echo, connections, placement, options)?
            .into_iter()
            .map(|entrant| (entrant, Beside::default()))
            .collect();
        let rounds = options.rounds(5);
        for round in 1..=rounds {
            show_progress(&table.title, round, rounds);
            for (entrant, beside) in &mut pairs {
                let done = round_of(entrant, beside, silent as usize, options);
                entrant.named(done)?;
            }
        }
        table.notes = contenders::left_out(connections, options);
        if silent < wanted {
            table.notes.push(format!(
                "Of {wanted} silent connections, {silent} are what the limit on open descriptors ({limit}) allows."
            ));
        }
        table.rows = pairs
            .into_iter()
            .map(|(entrant, beside)| beside.complete(entrant.row))
            .collect();
        tables.push(table);
    }
    Ok(tables)
}

/// What is measured beside the usual.
#[derive(Default)]
struct Beside {
    /// The nanoseconds of a message before the others came, a sample a round.
    alone: Vec<f64>,
    /// How many bytes the process grew for each that came, in the first round: later ones use memory again.
    growth: Option<u64>,
}

impl Beside {
    fn complete(self, mut row: Row) -> Row {
        let among = row.nanos.iter().zip(&self.alone);
        let ratio = median(among.map(|(among, alone)| among / alone));
        row.more = vec![
            rounded(median(self.alone.iter().copied())),
            format!("{ratio:.2}"),
            rounded(self.growth.unwrap_or_default() as f64),
        ];
        row
    }
}

fn round_of(
    entrant: &mut Entrant,
    beside: &mut Beside,
    silent: usize,
    options: &Options,
) -> io::Result<()> {
    let operations = entrant.contender.share(options.operations(40_000, 200));
    let process = &entrant.process;
    let mut active = Exchanges::connect(process.address(), ACTIVE)?;
    active.run(operations / 4)?;
    let (alone, _) = measure(process, &mut active, operations)?;
    let before = process.resident()?;
    let crowd = Exchange {
        connections: silent,
        ..ACTIVE
    };
    let crowd = Exchanges::connect(process.address(), crowd)?;
    let growth = process.resident()?.saturating_sub(before);
    active.run(operations / 10)?;
    let (nanos, rate) = measure(process, &mut active, operations)?;
    crowd.reset_at_the_end()?;
    beside.alone.push(alone);
    beside.growth.get_or_insert(growth / silent as u64);
    entrant.row.nanos.push(nanos);
    entrant.row.rates.push(rate);
    Ok(())
}
