//! What a client was sent when, drawn as text.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::time::Duration;

use examples::report::Elapsed;

/// The run of one client.
pub(crate) struct Timeline {
    pub(crate) name: &'static str,
    pub(crate) took: Duration,
    pub(crate) pieces: Vec<Piece>,
}

/// A piece of a poem that was sent.
#[derive(Clone, Copy)]
pub(crate) struct Piece {
    /// The time since the run began.
    pub(crate) at: Duration,
    pub(crate) task: usize,
}

impl Timeline {
    /// The times at which pieces of this task were sent.
    pub(crate) fn times(&self, task: usize) -> impl Iterator<Item = Duration> {
        let of_task = self.pieces.iter().filter(move |piece| piece.task == task);
        of_task.map(|piece| piece.at)
    }

    /// The numbers of the tasks.
    pub(crate) fn tasks(&self) -> impl Iterator<Item = usize> {
        1..=self
            .pieces
            .iter()
            .map(|piece| piece.task)
            .max()
            .unwrap_or(0)
    }
}

/// How many columns the longest run has.
const COLUMNS: usize = 60;

/// Draws a line a task, with a mark where a piece was sent and a dot where its server was waited for.
///
/// All runs have the same scale: the longest one takes the whole width.
pub(crate) fn text(timelines: &[Timeline]) -> String {
    let longest = longest(timelines);
    let mut text = String::new();
    for timeline in timelines {
        let took = Elapsed(timeline.took);
        let _ = writeln!(text, "{:<55}{took:>15}", timeline.name);
        for task in timeline.tasks() {
            let lane = lane(timeline.times(task), longest);
            let _ = writeln!(text, "  task {task}  {}", lane.trim_end());
        }
    }
    text
}

/// How long the longest run took, in seconds.
pub(crate) fn longest(timelines: &[Timeline]) -> f64 {
    let longest = timelines.iter().map(|timeline| timeline.took).max();
    // No run is so short, and nothing may be divided by zero.
    longest.unwrap_or_default().as_secs_f64().max(1e-9)
}

fn lane(times: impl Iterator<Item = Duration>, longest: f64) -> String {
    let column = |at: Duration| {
        let part = (at.as_secs_f64() / longest).min(1.0);
        ((part * COLUMNS as f64) as usize).min(COLUMNS - 1)
    };
    let sent: BTreeSet<_> = times.map(column).collect();
    let asked = match (sent.first(), sent.last()) {
        (Some(&first), Some(&last)) => first..last,
        _ => 0..0,
    };
    let mark = |column| match column {
        _ if sent.contains(&column) => '█',
        _ if asked.contains(&column) => '·',
        _ => ' ',
    };
    (0..COLUMNS).map(mark).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    #[test]
    fn the_longest_run_takes_the_whole_width_and_waiting_shows_as_dots() {
        let slow = timeline("slow", 60, &[(0, 1), (2, 1), (30, 2), (60, 2)]);
        let fast = timeline("fast", 2, &[(0, 1), (1, 2)]);

        let text = text(&[slow, fast]);

        let lines: Vec<_> = text.lines().collect();
        assert!(lines[0].starts_with("slow ") && lines[0].ends_with(" 0:01:00.000000"));
        assert_eq!(lines[1], "  task 1  █·█");
        assert_eq!(
            lines[2],
            format!("  task 2  {}█{}█", " ".repeat(30), "·".repeat(28))
        );
        assert!(lines[3].starts_with("fast "));
        assert_eq!(lines[4..], ["  task 1  █", "  task 2   █"]);
    }

    #[test]
    fn a_run_in_which_nothing_was_sent_has_no_lanes() {
        assert_eq!(text(&[timeline("none", 0, &[])]).lines().count(), 1);
    }

    /// A run of so many seconds, in which pieces were sent then, and of this task.
    pub(crate) fn timeline(name: &'static str, took: u64, pieces: &[(u64, usize)]) -> Timeline {
        let piece = |&(at, task)| Piece {
            at: Duration::from_secs(at),
            task,
        };
        Timeline {
            name,
            took: Duration::from_secs(took),
            pieces: pieces.iter().map(piece).collect(),
        }
    }
}
