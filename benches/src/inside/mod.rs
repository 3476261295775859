//! What is asked of one process: no sockets, only what our crates add to a program by themselves.
//!
//! The rivals are functions of this program. They do the same work in turn, round after round, and each round gives the
//! ratio to the first of them, which is the leanest thing that does the job or the one that is known best.

mod allocations;
pub(crate) mod calls;
pub(crate) mod chains;
pub(crate) mod timers;
pub(crate) mod turns;

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::table::{Row, Table};
use crate::trial::show_progress;

/// One way to do a piece of work.
struct Rival<'a, const PHASES: usize> {
    name: String,
    /// Does it, and returns the nanoseconds that an operation took in each of its phases.
    run: Box<dyn Fn() -> [f64; PHASES] + 'a>,
}

impl<'a, const PHASES: usize> Rival<'a, PHASES> {
    fn new(name: impl Into<String>, run: impl Fn() -> [f64; PHASES] + 'a) -> Self {
        Self {
            name: name.into(),
            run: Box::new(run),
        }
    }
}

/// Has the rivals do the work in turn, and returns a table for each of its phases.
///
/// They do it once before anything is noted, to fill caches and pools.
fn compare<const PHASES: usize>(
    titles: [String; PHASES],
    operation: &'static str,
    rounds: usize,
    rivals: &[Rival<'_, PHASES>],
) -> [Table; PHASES] {
    let progress = titles[0].clone();
    let mut tables = titles.map(|title| Table::new(title, operation));
    for table in &mut tables {
        table.rows = rivals.iter().map(row_of).collect();
    }
    for rival in rivals {
        (rival.run)();
    }
    for round in 1..=rounds {
        if round % rounds.div_ceil(5) == 0 {
            show_progress(&progress, round, rounds);
        }
        for (index, rival) in rivals.iter().enumerate() {
            for (table, nanos) in tables.iter_mut().zip((rival.run)()) {
                table.rows[index].nanos.push(nanos);
            }
        }
    }
    tables
}

fn row_of<const PHASES: usize>(rival: &Rival<'_, PHASES>) -> Row {
    Row {
        contender: rival.name.clone(),
        ..Row::default()
    }
}

/// The time that this thread has spent on a processor, from which others that want it take nothing away.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("it is not below zero")
}

/// How many nanoseconds each of so many operations took.
fn each(time: Duration, operations: usize) -> f64 {
    time.as_nanos() as f64 / operations as f64
}

/// A number in groups of three digits.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join(",")
}
