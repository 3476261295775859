//! A chain with its two lines, and the ways of three results through it.

use std::cell::RefCell;
use std::rc::Rc;

use protocols::deferred::{Deferred, Failure};

use super::svg::{Align, Sheet, Tone};

/// What the engine of the picture may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// The download fails: the chain is fired with a failure.
    NoPoem,
    /// All is well.
    Success,
    /// The engine breaks down, which an errback mends.
    Bug,
}

#[derive(Debug, thiserror::Error)]
#[error("the engine broke down")]
struct BrokenDown;

#[derive(Debug, thiserror::Error)]
#[error("no poem")]
struct NoPoem;

/// What was noted of a link that ran: its row, and the lines on which it was given its input and left its result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Ran {
    row: usize,
    failed_before: bool,
    failed_after: bool,
}

/// The links of the chain: what stands on the callback line, and what on the errback line.
const ROWS: [(&str, &str); 4] = [
    ("engine", ""),
    ("", "mend"),
    ("got_poem", "poem_failed"),
    ("poem_done", "poem_done"),
];

/// Runs the chain, and returns what its links have noted.
fn run(fate: Fate) -> Vec<Ran> {
    let noted = Rc::new(RefCell::new(Vec::new()));
    let noting = |row| {
        let noted = Rc::clone(&noted);
        move |failed_before, failed_after| {
            noted.borrow_mut().push(Ran {
                row,
                failed_before,
                failed_after,
            });
        }
    };
    let (engine, mend, pair, done) = (noting(0), noting(1), noting(2), noting(3));
    let failed = pair.clone();
    let (firer, poem) = Deferred::<&str>::new();
    poem.add_callback(move |poem| {
        engine(false, fate == Fate::Bug);
        if fate == Fate::Bug {
            return Err(BrokenDown.into());
        }
        Ok(poem)
    })
    .add_errback(move |failure| {
        let mended = failure.trap::<BrokenDown>().map(|_| "the poem as it was");
        mend(true, mended.is_err());
        mended
    })
    .add_callbacks(
        move |_poem| pair(false, false),
        move |_failure| failed(true, false),
    )
    .add_both(move |result| done(result.is_err(), false))
    .ignore();

    firer.fire(match fate {
        Fate::NoPoem => Err(Failure::without_backtrace(NoPoem)),
        Fate::Success | Fate::Bug => Ok("a poem"),
    });
    noted.take()
}

const PANEL: i32 = 272;
const BOX: (i32, i32) = (112, 30);
const FIRST_ROW: i32 = 104;
const ROW: i32 = 62;

/// Draws the three ways side by side.
#[must_use]
pub(super) fn rails() -> String {
    let panels = [
        (Fate::Success, "all is well"),
        (Fate::Bug, "the engine breaks down"),
        (Fate::NoPoem, "there is no poem"),
    ];
    let height = FIRST_ROW + 4 * ROW + 18;
    let title = "One chain, fired three times: callbacks on one line, errbacks on the other";
    let mut sheet = Sheet::new(3 * PANEL + 20, height, title);
    for (number, (fate, caption)) in (0..).zip(panels) {
        panel(&mut sheet, 10 + number * PANEL, caption, &run(fate));
    }
    sheet.finish()
}

fn panel(sheet: &mut Sheet, left: i32, caption: &str, ran: &[Ran]) {
    let line = |failed: bool| left + if failed { 200 } else { 72 };
    let top = |row: usize| FIRST_ROW + i32::try_from(row).unwrap_or(0) * ROW;
    let middle = left + PANEL / 2;
    sheet.text(middle, 28, Align::Middle, "head", caption);
    for (failed, name) in [(false, "callbacks"), (true, "errbacks")] {
        sheet.text(line(failed), 54, Align::Middle, "small", name);
        sheet.line(
            &[(line(failed), 66), (line(failed), top(4) - 6)],
            Tone::Faint,
        );
    }

    way(sheet, &line, &top, ran);
    for (row, (callback, errback)) in ROWS.iter().enumerate() {
        for (failed, name) in [(false, callback), (true, errback)] {
            if name.is_empty() {
                continue;
            }
            let runs = ran
                .iter()
                .any(|ran| ran.row == row && ran.failed_before == failed);
            let tone = match (runs, failed) {
                (false, _) => Tone::Plain,
                (true, false) => Tone::Callback,
                (true, true) => Tone::Errback,
            };
            let (width, height) = BOX;
            sheet.code_box(
                line(failed) - width / 2,
                top(row),
                width,
                height,
                tone,
                name,
            );
        }
    }
}

/// Draws the way that the result took.
fn way(sheet: &mut Sheet, line: &impl Fn(bool) -> i32, top: &impl Fn(usize) -> i32, ran: &[Ran]) {
    let tone = |failed| {
        if failed {
            Tone::Errback
        } else {
            Tone::Callback
        }
    };
    let mut failed = ran[0].failed_before;
    let mut from = 66;
    for ran in ran {
        let (begin, end) = (top(ran.row), top(ran.row) + BOX.1);
        sheet.fat_line(&[(line(failed), from), (line(failed), begin)], tone(failed));
        from = end;
        if ran.failed_after != failed {
            let turn = end + 12;
            let way = [
                (line(failed), end),
                (line(failed), turn),
                (line(ran.failed_after), turn),
            ];
            sheet.fat_line(&way, tone(ran.failed_after));
            failed = ran.failed_after;
            from = turn;
        }
    }
    let end = top(4) - 6;
    sheet.fat_line(
        &[(line(failed), from), (line(failed), end - 8)],
        tone(failed),
    );
    sheet.arrow(
        &[(line(failed), end - 8), (line(failed), end)],
        tone(failed),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_errback_that_mends_puts_the_chain_back_on_the_callback_line() {
        let ran = run(Fate::Bug);

        let sides: Vec<_> = ran.iter().map(|ran| (ran.row, ran.failed_before)).collect();
        assert_eq!(sides, [(0, false), (1, true), (2, false), (3, false)]);
    }

    #[test]
    fn an_errback_that_traps_lets_other_failures_go_on() {
        let ran = run(Fate::NoPoem);

        let sides: Vec<_> = ran.iter().map(|ran| (ran.row, ran.failed_before)).collect();
        assert_eq!(sides, [(1, true), (2, true), (3, false)]);
    }
}
