//! Says what time it is, for people.

use std::time::{SystemTime, UNIX_EPOCH};

use super::AnswerFactory;

const SECONDS_A_DAY: u64 = 24 * 60 * 60;

/// After so many days, which are whole weeks and 400 years, all dates begin anew on the same days of the week.
const DAYS_IN_400_YEARS: u64 = 400 * 365 + 97;

/// From the one on which 1970 began.
const WEEKDAYS: [&str; 7] = [
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
];

const MONTHS: [(&str, u64); 12] = [
    ("January", 31),
    ("February", 28),
    ("March", 31),
    ("April", 30),
    ("May", 31),
    ("June", 30),
    ("July", 31),
    ("August", 31),
    ("September", 30),
    ("October", 31),
    ("November", 30),
    ("December", 31),
];

/// Answers with the date and the time in UTC, as one line. RFC 867.
///
/// It is written in the first of the ways that the RFC gives, `Sunday, March 1, 2026 08:05:09-UTC`. A clock that stands
/// before 1970 is taken to stand there. The clock is [`SystemTime::now`], but in tests.
///
/// *Twisted's `wire.Daytime`.*
pub fn daytime(now: impl Fn() -> SystemTime + 'static) -> AnswerFactory {
    AnswerFactory::new(move || {
        let since_1970 = now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (days, seconds) = (
            since_1970.as_secs() / SECONDS_A_DAY,
            since_1970.as_secs() % SECONDS_A_DAY,
        );
        format!("{} {}-UTC\r\n", date(days), time_of_day(seconds)).into_bytes()
    })
}

/// The date so many days after the first one of 1970.
fn date(days: u64) -> String {
    let weekday = WEEKDAYS[(days % 7) as usize];
    let mut year = 1970 + 400 * (days / DAYS_IN_400_YEARS);
    let mut day = days % DAYS_IN_400_YEARS;
    while day >= 365 + leap_days(year) {
        day -= 365 + leap_days(year);
        year += 1;
    }
    let mut name = "";
    for (month, length) in MONTHS {
        name = month;
        let length = length
            + if month == "February" {
                leap_days(year)
            } else {
                0
            };
        if day < length {
            break;
        }
        day -= length;
    }
    format!("{weekday}, {name} {}, {year}", day + 1)
}

fn time_of_day(seconds: u64) -> String {
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hour:02}:{minute:02}:{second:02}")
}

/// How many days a year has more than 365.
fn leap_days(year: u64) -> u64 {
    let divides = |years| year.is_multiple_of(years);
    let is_leap = divides(4) && (!divides(100) || divides(400));
    u64::from(is_leap)
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates_are_those_of_the_calendar() {
        // Days as GNU date counts them: `date -ud 2000-02-29 +%s`, divided by 86,400.
        let dates = [
            (0, "Thursday, January 1, 1970"),
            (364, "Thursday, December 31, 1970"),
            (365, "Friday, January 1, 1971"),
            (789, "Tuesday, February 29, 1972"),
            (11_016, "Tuesday, February 29, 2000"),
            (11_017, "Wednesday, March 1, 2000"),
            (20_778, "Saturday, November 21, 2026"),
            (47_540, "Sunday, February 28, 2100"),
            (47_541, "Monday, March 1, 2100"),
            (146_097, "Thursday, January 1, 2370"),
        ];
        for (days, expected) in dates {
            assert_eq!(date(days), expected);
        }
    }
}
