//! The lines in which the clients say what they got, and when.
//!
//! Every client of the tutorial reports in the same words, so that their output can be compared:
//! what differs from one client to the next is the order of the lines, and the time in the last.
//!
//! ```text
//! Task 1: got 30 bytes of poetry from 127.0.0.1:10000
//! Task 2: got 10 bytes of poetry from 127.0.0.1:10001
//! …
//! Task 1: 3003 bytes of poetry
//! Task 2: 623 bytes of poetry
//! Got 2 poems in 0:00:10.133169
//! ```

use std::error::Error;
use std::fmt;
use std::time::Duration;

use protocols::deferred::Failure;

/// Says that a piece of a poem has arrived.
pub fn piece(task: usize, bytes: usize, server: impl fmt::Display) -> String {
    format!("Task {task}: got {bytes} bytes of poetry from {server}")
}

/// Says how long a poem is, once all of it is there.
pub fn poem(task: usize, bytes: usize) -> String {
    format!("Task {task}: {bytes} bytes of poetry")
}

/// Says how many poems came, and how long that took.
pub fn total(poems: usize, elapsed: Duration) -> String {
    format!("Got {poems} poems in {}", Elapsed(elapsed))
}

/// Says why a poem could not be had: the error, and behind it what caused it.
pub fn no_poem(task: usize, server: impl fmt::Display, why: &Failure) -> String {
    let why = with_causes(why.error());
    format!("Task {task}: no poetry from {server}: {why}")
}

/// Says what went wrong, and behind it what caused it.
pub fn with_causes(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line += &format!(": {error}");
        cause = error.source();
    }
    line
}

/// Says how much of a poem had come when the user had enough.
pub fn interrupted(task: usize, bytes: usize, server: impl fmt::Display) -> String {
    format!("Task {task}: interrupted after {bytes} bytes of poetry from {server}")
}

/// Shows a duration as hours, minutes, seconds and microseconds: `0:00:10.133169`.
///
/// *Python's `timedelta`, which leaves out the fraction of a whole second and counts days; here
/// the fraction always shows and the hours go on past 24.*
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed(pub Duration);

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
        let (seconds, micros) = (seconds % 60, self.0.subsec_micros());
        write!(f, "{hours}:{minutes:02}:{seconds:02}.{micros:06}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_poem_is_told_with_all_its_causes() {
        let cause = std::io::Error::other("no such river");
        let address: std::net::SocketAddr = "127.0.0.1:10000".parse().unwrap();
        let error = protocols::ConnectError::ConnectionRefused(address.into(), cause);

        assert_eq!(
            no_poem(2, address, &Failure::new(error)),
            "Task 2: no poetry from 127.0.0.1:10000: \
             the connection to 127.0.0.1:10000 was refused: no such river"
        );
    }

    #[test]
    fn the_lines_are_those_of_the_tutorial() {
        assert_eq!(
            piece(1, 30, "127.0.0.1:10000"),
            "Task 1: got 30 bytes of poetry from 127.0.0.1:10000"
        );
        assert_eq!(poem(1, 3003), "Task 1: 3003 bytes of poetry");
        assert_eq!(
            total(3, Duration::from_micros(10_133_169)),
            "Got 3 poems in 0:00:10.133169"
        );
    }

    #[test]
    fn every_place_but_the_hours_keeps_its_width() {
        let shown = |duration| Elapsed(duration).to_string();

        assert_eq!(shown(Duration::ZERO), "0:00:00.000000");
        assert_eq!(shown(Duration::from_micros(7)), "0:00:00.000007");
        assert_eq!(shown(Duration::from_secs(3_599)), "0:59:59.000000");
        assert_eq!(shown(Duration::from_secs(90_061)), "25:01:01.000000");
    }

    #[test]
    fn a_microsecond_that_has_not_passed_is_not_shown() {
        assert_eq!(
            Elapsed(Duration::from_nanos(1_999)).to_string(),
            "0:00:00.000001"
        );
    }
}
