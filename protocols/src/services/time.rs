//! Says what time it is, for programs.

use std::time::{SystemTime, UNIX_EPOCH};

use super::AnswerFactory;

/// How many seconds 1970 is after 1900: 70 years, of which 17 have a day more.
const SECONDS_TO_1970: u64 = (70 * 365 + 17) * 24 * 60 * 60;

/// Answers with the seconds since 1900, in four bytes, the highest first. RFC 868.
///
/// The count begins anew in 2036; who reads it has to know in which round it is. A clock that stands before 1970 is
/// taken to stand there. The clock is [`SystemTime::now`], but in tests.
///
/// *Twisted's `wire.Time`.*
pub fn time(now: impl Fn() -> SystemTime + 'static) -> AnswerFactory {
    AnswerFactory::new(move || {
        let since_1970 = now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let seconds = SECONDS_TO_1970.wrapping_add(since_1970.as_secs());
        let [.., a, b, c, d] = seconds.to_be_bytes();
        vec![a, b, c, d]
    })
}
