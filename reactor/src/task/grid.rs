//! The points of time at which a loop runs.
//!
//! *Twisted reckons with floats, and has to mend what their rounding does; these are whole nanoseconds.*

use std::time::Duration;

/// Points of time that are an interval apart. An interval of zero makes all time one point.
pub(super) struct Grid {
    pub(super) interval: Duration,
    /// The first point.
    pub(super) begun: Duration,
    /// The time up to which points were counted; `None` if not even the first one was.
    pub(super) counted: Option<Duration>,
}

impl Grid {
    /// How long it is from `now` to the first point after it.
    pub(super) fn rest(&self, now: Duration) -> Duration {
        let interval = self.interval.as_nanos();
        if interval == 0 {
            return Duration::ZERO;
        }
        let passed = now.saturating_sub(self.begun).as_nanos();
        from_nanos(interval - passed % interval)
    }

    /// How many points there are up to `now` that were not counted, and counts them; `None` if there are none.
    pub(super) fn count(&mut self, now: Duration) -> Option<u64> {
        let count = if self.interval.is_zero() {
            1
        } else {
            let until_now = self.points_until(now);
            match self.counted {
                Some(counted) => until_now.saturating_sub(self.points_until(counted)),
                None => until_now + 1,
            }
        };
        if count == 0 {
            return None;
        }
        self.counted = Some(now);
        Some(u64::try_from(count).unwrap_or(u64::MAX))
    }

    /// How many points there are after the first one, up to `time`.
    fn points_until(&self, time: Duration) -> u128 {
        time.saturating_sub(self.begun).as_nanos() / self.interval.as_nanos()
    }
}

/// The duration of so many nanoseconds, which are no more than an interval has.
fn from_nanos(nanos: u128) -> Duration {
    const NANOS_PER_SECOND: u128 = 1_000_000_000;
    let seconds = u64::try_from(nanos / NANOS_PER_SECOND).unwrap_or(u64::MAX);
    // The remainder is less than a second.
    Duration::new(seconds, (nanos % NANOS_PER_SECOND) as u32)
}
