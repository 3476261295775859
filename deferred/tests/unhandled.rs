//! Failures that nobody handles, and where they are reported.

mod util;

use std::cell::RefCell;
use std::mem;
use std::process::Command;
use std::sync::{Arc, Once};

use deferred::{Abandoned, CancelledError, Deferred, Failure, Panicked, Report, reporting};
use util::{Lost, Shelf, Torn, assert_same, fails_here, failure_of};

thread_local! {
    static REPORTS: RefCell<Vec<(String, Failure, String)>> = const { RefCell::new(Vec::new()) };
}

/// What was reported in one test; each runs in a thread of its own.
struct Reports;

impl Reports {
    /// Begins to collect.
    fn collected() -> Self {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            deferred::set_report_hook(|report: &Report<'_>| {
                let entry = (
                    report.headline.to_owned(),
                    report.failure.clone(),
                    report.to_string(),
                );
                REPORTS.with_borrow_mut(|reports| reports.push(entry));
            });
        });
        Self
    }

    fn taken(&self) -> Vec<(String, Failure, String)> {
        REPORTS.with_borrow_mut(mem::take)
    }

    #[track_caller]
    fn only_one(&self) -> (String, Failure, String) {
        let mut reports = self.taken();
        assert_eq!(reports.len(), 1, "{reports:?}");
        reports.remove(0)
    }

    #[track_caller]
    fn assert_none(&self) {
        assert!(self.taken().is_empty());
    }
}

/// Runs one test of this file again in a process of its own, and returns what that wrote to standard error.
///
/// It asks for backtraces there, and no hook or logger is set but what the test itself sets.
fn in_a_child(test: &str) -> String {
    let output = Command::new(std::env::current_exe().expect("tests know their program"))
        .args(["--exact", test, "--nocapture"])
        .env("IN_A_CHILD", "1")
        .env("RUST_BACKTRACE", "1")
        .output()
        .expect("the program of this test can be run again");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let printed = String::from_utf8_lossy(&output.stdout);
    // A child that finds no test of this name ends well too.
    assert!(
        output.status.success() && printed.contains("running 1 test"),
        "{printed}{errors}"
    );
    errors
}

fn is_a_child() -> bool {
    std::env::var_os("IN_A_CHILD").is_some()
}

// D-060
#[test]
fn one_report_carries_the_headline_and_the_failure_itself() {
    let reports = Reports::collected();
    let failure = Failure::new(Lost);

    drop(Deferred::<()>::fail(failure.clone()));

    let (headline, reported, _) = reports.only_one();
    assert_eq!(headline, "Unhandled error in Deferred");
    assert_same(&reported, &failure);
}

#[test]
fn a_chain_that_has_failed_is_reported_once_when_it_is_dropped_and_not_before() {
    let reports = Reports::collected();
    let (firer, deferred) = Deferred::<u32>::new();
    let chain = deferred.map(|n| n + 1);

    firer.errback(Lost);
    reports.assert_none();
    drop(chain);

    assert!(reports.only_one().1.check::<Lost>().is_some());
}

#[test]
fn a_failure_that_comes_after_the_end_was_dropped_is_reported_when_it_gets_there() {
    let reports = Reports::collected();
    let (firer, deferred) = Deferred::<u32>::new();
    drop(deferred.map(|n| n + 1));

    reports.assert_none();
    firer.errback(Lost);

    assert!(reports.only_one().1.check::<Lost>().is_some());
}

#[test]
fn a_panic_in_the_last_link_of_a_dropped_chain_is_reported() {
    let reports = Reports::collected();
    let (firer, deferred) = Deferred::<u32>::new();
    drop(deferred.map(|_| panic!("out of ink")));

    firer.callback(1);

    assert!(reports.only_one().1.check::<Panicked>().is_some());
}

// D-059
#[test]
fn without_a_hook_a_failure_is_logged_once_as_an_error_when_its_chain_is_dropped() {
    struct Kept;
    thread_local! {
        static RECORDS: RefCell<Vec<(log::Level, String)>> = const { RefCell::new(Vec::new()) };
    }
    impl log::Log for Kept {
        fn enabled(&self, _: &log::Metadata<'_>) -> bool {
            true
        }
        fn log(&self, record: &log::Record<'_>) {
            assert_eq!(record.target(), "deferred");
            let entry = (record.level(), record.args().to_string());
            RECORDS.with_borrow_mut(|records| records.push(entry));
        }
        fn flush(&self) {}
    }
    if !is_a_child() {
        in_a_child("without_a_hook_a_failure_is_logged_once_as_an_error_when_its_chain_is_dropped");
        return;
    }
    log::set_logger(&Kept).expect("there is no other logger");
    log::set_max_level(log::LevelFilter::Error);
    let deferred = Deferred::<()>::fail(Lost);

    assert!(RECORDS.with_borrow(Vec::is_empty));
    drop(deferred);

    // `log` knows no level above that of an error.
    let records = RECORDS.take();
    assert_eq!(records.len(), 1);
    assert_eq!(records[0].0, log::Level::Error);
    assert!(records[0].1.contains("the poem is lost"));
}

#[test]
fn without_a_hook_and_a_logger_a_failure_is_written_to_standard_error() {
    if is_a_child() {
        drop(Deferred::<()>::fail(Lost));
        return;
    }

    let errors = in_a_child("without_a_hook_and_a_logger_a_failure_is_written_to_standard_error");

    let lines: Vec<&str> = errors.lines().collect();
    let heading = lines
        .iter()
        .position(|line| *line == "Unhandled error in Deferred:");
    let report = &lines[heading.expect("the heading is there")..];
    assert_eq!(report[1], "Traceback, outermost first:");
    let error = report[2..].iter().find(|line| !line.starts_with("  "));
    assert_eq!(error, Some(&"unhandled::util::Lost: the poem is lost"));
}

#[test]
fn an_error_whose_text_panics_does_not_make_the_drop_panic() {
    #[derive(Debug)]
    struct Unprintable;
    impl std::fmt::Display for Unprintable {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("out of ink")
        }
    }
    impl std::error::Error for Unprintable {}
    if !is_a_child() {
        in_a_child("an_error_whose_text_panics_does_not_make_the_drop_panic");
        return;
    }
    let deferred = Deferred::<()>::fail(Unprintable);

    let dropped = Failure::catch(|| drop(deferred));

    assert!(dropped.is_ok());
}

// D-061
#[test]
fn the_text_of_a_report_is_the_heading_and_the_traceback_and_no_dump_of_the_failure() {
    if !is_a_child() {
        in_a_child(
            "the_text_of_a_report_is_the_heading_and_the_traceback_and_no_dump_of_the_failure",
        );
        return;
    }
    let reports = Reports::collected();

    drop(Deferred::<()>::fail(fails_here()));

    let (_, _, text) = reports.only_one();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("Unhandled error in Deferred:"));
    assert_eq!(lines.next(), Some("Traceback, outermost first:"));
    assert!(text.contains(" in unhandled::util::fails_here"), "{text}");
    assert_eq!(
        lines.next_back(),
        Some("unhandled::util::Lost: the poem is lost")
    );
    assert!(
        !text.contains("Failure(") && !text.contains("Inner {"),
        "{text}"
    );
}

// D-041
#[test]
fn an_inner_chain_whose_failure_was_taken_by_the_outer_is_not_reported() {
    let reports = Reports::collected();
    let (firer, waiting) = Deferred::<u32>::new();
    let outer_of = |inner| {
        let (firer, outer) = Deferred::<()>::new();
        let outer = outer.add_callback(move |()| inner);
        firer.callback(());
        outer.add_errback(|_| Ok(7))
    };

    let at_once = outer_of(Deferred::fail(Lost));
    let later = outer_of(waiting);
    firer.errback(Lost);
    drop((at_once, later));

    reports.assert_none();
}

// D-062
#[test]
fn a_failure_that_an_errback_turned_into_a_value_is_not_reported() {
    let reports = Reports::collected();
    let (firer, deferred) = Deferred::<u32>::new();
    let chain = deferred.add_errback(|_| Ok(7));

    firer.errback(Lost);
    drop(chain);

    reports.assert_none();
}

// D-063
#[test]
fn a_failed_chain_is_freed_and_reported_at_its_drop_whatever_else_of_it_is_kept() {
    #[derive(Debug, thiserror::Error)]
    #[error("held")]
    struct Holding(Arc<()>);
    let reports = Reports::collected();
    let held = Arc::new(());
    let (inner_firer, inner) = Deferred::<u32>::with_canceller(|_| ());
    let inner_handle = inner.cancel_handle();
    let (firer, outer) = Deferred::<()>::with_canceller(|_| ());
    let handle = outer.cancel_handle();
    let chain = outer.add_callback(move |()| inner).map(|n| n + 1);
    firer.callback(());
    inner_firer.errback(Holding(Arc::clone(&held)));

    drop(chain);

    assert!(reports.only_one().1.check::<Holding>().is_some());
    assert_eq!(Arc::strong_count(&held), 1);
    drop((inner_handle, handle));
}

// D-067
#[test]
fn a_cancelled_chain_without_an_errback_is_reported_when_it_is_dropped() {
    let reports = Reports::collected();
    let (_firer, deferred) = Deferred::<u32>::new();

    deferred.cancel();
    reports.assert_none();
    drop(deferred);

    assert!(reports.only_one().1.check::<CancelledError>().is_some());
}

// D-069
#[test]
fn a_failure_fired_after_a_cancel_is_not_reported() {
    let reports = Reports::collected();
    let (firer, deferred) = Deferred::<u32>::new();
    deferred.cancel();
    deferred.ignore();

    firer.errback(Lost);

    reports.assert_none();
}

// D-084
#[test]
fn a_chain_without_a_firer_fails_but_is_reported_only_if_its_end_outlived_the_firer() {
    let reports = Reports::collected();
    let (firer, first_the_end) = Deferred::<u32>::new();
    let (other_firer, first_the_firer) = Deferred::<u32>::new();
    let first_the_end =
        first_the_end
            .map(|n| n + 1)
            .add_errback(|failure| match failure.check::<Abandoned>() {
                Some(_) => Err(failure),
                None => Ok(0),
            });

    drop(first_the_end);
    drop(firer);
    reports.assert_none();

    drop(other_firer);
    drop(first_the_firer);
    assert!(reports.only_one().1.check::<Abandoned>().is_some());
}

#[test]
fn an_ignored_failure_is_not_reported() {
    let reports = Reports::collected();
    let (firer, deferred) = Deferred::<u32>::new();
    deferred.ignore();

    firer.errback(Lost);

    reports.assert_none();
}

#[test]
fn a_logged_failure_is_reported_once_with_its_own_headline() {
    let reports = Reports::collected();
    let (firer, deferred) = Deferred::<u32>::new();
    deferred.log_failure("The poem did not come");

    firer.errback(Lost);

    assert_eq!(reports.only_one().0, "The poem did not come");
}

// D-064
#[test]
fn a_reporting_errback_reports_the_failure_and_lets_the_same_one_go_on() {
    let reports = Reports::collected();
    let failure = Failure::new(Lost);
    let chain = Deferred::<u32>::fail(failure.clone()).add_errback(reporting("No page number"));

    let result = failure_of(chain);

    let (headline, reported, _) = reports.only_one();
    assert_eq!(headline, "No page number");
    assert_same(&reported, &failure);
    assert_same(&result, &failure);
}

// D-064
#[test]
fn a_failure_that_was_reported_on_its_way_and_stays_unhandled_is_reported_again_at_the_drop() {
    let reports = Reports::collected();
    let chain = Deferred::<u32>::fail(Lost).add_errback(reporting("No page number"));
    reports.only_one();

    drop(chain);

    assert_eq!(reports.only_one().0, "Unhandled error in Deferred");
}

#[test]
fn an_errback_that_returns_a_new_failure_leaves_only_that_one_to_report() {
    let reports = Reports::collected();
    let (firer, deferred) = Deferred::<u32>::new();
    drop(deferred.add_errback(|_| Err(Failure::new(Torn(3)))));

    firer.errback(Lost);

    assert!(reports.only_one().1.check::<Torn>().is_some());
}

#[test]
fn a_circular_chain_whose_end_is_gone_by_that_is_reported() {
    let reports = Reports::collected();
    let own = Shelf::<Deferred<()>>::empty();
    let end = own.clone();
    let (firer, deferred) = Deferred::<()>::new();
    end.put(deferred.add_callback(move |()| own.take()));

    firer.callback(());

    let (_, failure, _) = reports.only_one();
    assert!(failure.check::<deferred::CircularChain>().is_some());
}

#[test]
fn a_panic_of_a_canceller_that_had_fired_before_is_reported() {
    let reports = Reports::collected();
    let (_firer, deferred) = Deferred::<u32>::with_canceller(|firer| {
        firer.callback(7);
        panic!("cannot hang up");
    });

    deferred.cancel();

    assert!(reports.only_one().1.check::<Panicked>().is_some());
}

// D-066
#[test]
fn a_failure_at_the_end_of_a_chain_keeps_its_whole_backtrace_for_an_errback_added_later() {
    if !is_a_child() {
        in_a_child(
            "a_failure_at_the_end_of_a_chain_keeps_its_whole_backtrace_for_an_errback_added_later",
        );
        return;
    }
    let backtrace = |failure: &Failure| {
        let text = format!("{failure:?}");
        let (frames, _) = text
            .split_once("\n  raised at ")
            .expect("the backtrace is followed by the way");
        frames.to_owned()
    };
    let failure = fails_here();
    let original = backtrace(&failure);
    let (firer, deferred) = Deferred::<u32>::new();
    let chain = deferred.map(|n| n + 1);
    firer.errback(failure);

    let late = Shelf::empty();
    let seen = late.clone();
    let chain = chain.add_errback(move |failure| {
        seen.put(failure);
        Ok(0)
    });

    assert!(chain.has_result());
    assert!(original.contains("fails_here"), "{original}");
    assert_eq!(backtrace(&late.take()), original);
}
