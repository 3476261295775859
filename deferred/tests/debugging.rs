//! What somebody sees who looks for a fault in a chain: how it prints, what is recorded of it, and what is reported.

mod util;

use std::cell::RefCell;
use std::hint::black_box;
use std::panic::Location;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use deferred::{Deferred, Failure, Firer, Report, debugging, set_debugging};
use util::{Lost, in_a_child, is_a_child};

// How a chain prints.

/// A chain, its firer, and the place of the caller, where it was made.
#[track_caller]
fn made() -> (Firer<u32>, Deferred<u32>, &'static Location<'static>) {
    let (firer, deferred) = Deferred::new();
    (firer, deferred, Location::caller())
}

// D-028
#[test]
fn a_chain_that_waits_shows_its_type_and_where_it_was_made() {
    let (_firer, deferred, place) = made();

    assert_eq!(
        format!("{deferred:?}"),
        format!("Deferred(waiting, made at {place})")
    );
}

// D-028
#[test]
fn a_chain_that_has_a_result_shows_that_too() {
    let (firer, succeeded, place) = made();
    let (failing, failed, other_place) = made();
    firer.callback(7);
    failing.errback(Lost);

    assert_eq!(
        format!("{succeeded:?}"),
        format!("Deferred(succeeded with 7, made at {place})")
    );
    assert_eq!(
        format!("{failed:?}"),
        format!(
            "Deferred(failed with debugging::util::Lost: the poem is lost, made at {other_place})"
        )
    );
    failed.ignore();
}

// D-028
#[test]
fn a_chain_that_has_a_result_shows_what_its_last_link_returned() {
    let (firer, deferred, place) = made();
    let chain = deferred.map(|n| format!("page {n}"));

    firer.callback(7);

    assert_eq!(
        format!("{chain:?}"),
        format!("Deferred(succeeded with \"page 7\", made at {place})")
    );
}

// D-028
#[test]
fn a_chain_that_is_paused_with_a_result_shows_both() {
    let (firer, deferred, place) = made();
    let _guard = deferred.pause();

    firer.callback(7);

    assert_eq!(
        format!("{deferred:?}"),
        format!("Deferred(succeeded with 7, paused, made at {place})")
    );
}

// D-028
#[test]
fn a_chain_that_began_with_a_result_shows_the_result_alone() {
    let deferred = Deferred::succeed(7);

    assert_eq!(format!("{deferred:?}"), "Deferred(succeeded with 7)");
}

// D-028, D-051
#[test]
fn a_chain_shows_which_one_it_waits_for_from_when_a_callback_returned_that_one() {
    let (_inner_firer, inner, inner_place) = made();
    let (firer, outer, place) = made();
    let chain = outer.add_callback(move |_| inner);
    let before = format!("{chain:?}");

    firer.callback(7);

    assert_eq!(before, format!("Deferred(waiting, made at {place})"));
    assert_eq!(
        format!("{chain:?}"),
        format!("Deferred(waiting for the one made at {inner_place}, made at {place})")
    );
}

// D-051
#[test]
fn a_chain_names_the_one_it_waits_for_no_more_when_the_wait_is_over() {
    let (inner_firer, inner, _) = made();
    let (last_firer, last, last_place) = made();
    let (firer, outer, place) = made();
    let chain = outer
        .add_callback(move |_| inner)
        .add_callback(move |_| last);
    firer.callback(1);

    inner_firer.callback(2);
    let second_wait = format!("{chain:?}");
    last_firer.callback(3);

    assert_eq!(
        second_wait,
        format!("Deferred(waiting for the one made at {last_place}, made at {place})")
    );
    assert_eq!(
        format!("{chain:?}"),
        format!("Deferred(succeeded with 3, made at {place})")
    );
}

// What is recorded of a chain, and reported.

thread_local! {
    static REPORTS: RefCell<Vec<(Option<&'static Location<'static>>, String)>> =
        const { RefCell::new(Vec::new()) };
}

/// What is reported when `f` gives up one failure: where its chain was made, and the text.
#[track_caller]
fn report_of(f: impl FnOnce()) -> (Option<&'static Location<'static>>, String) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        deferred::set_report_hook(|report: &Report<'_>| {
            let entry = (report.made, report.to_string());
            REPORTS.with_borrow_mut(|reports| reports.push(entry));
        });
    });
    f();
    let mut reports = REPORTS.take();
    assert_eq!(reports.len(), 1, "{reports:?}");
    reports.remove(0)
}

#[test]
fn a_report_says_where_the_chain_was_made_and_where_its_last_link_was_added() {
    let (firer, deferred, place) = made();
    let chain = deferred.map(|n| n + 1);
    let chain = chain.map(|n| n + 1);
    let line = line!() - 1;
    firer.errback(Lost);

    let (made, text) = report_of(|| drop(chain));

    assert_eq!(made, Some(place));
    let made = format!("\n  the chain was made at {place}\n");
    assert!(text.contains(&made), "{text}");
    let last = format!("  its last link was added at {}:{line}:", file!());
    let last_line = text.lines().next_back();
    assert!(last_line.is_some_and(|it| it.starts_with(&last)), "{text}");
}

#[test]
fn a_report_of_a_chain_that_had_no_making_and_no_links_says_nothing_of_them() {
    let chain = Deferred::<u32>::fail(Lost);

    let (made, text) = report_of(|| drop(chain));

    assert_eq!(made, None);
    assert!(
        text.ends_with("\ndebugging::util::Lost: the poem is lost"),
        "{text}"
    );
}

/// Keeps the recording of stacks off for all other tests, and turns it off when it is dropped.
struct Recording(#[expect(dead_code, reason = "it is a guard")] MutexGuard<'static, ()>);

impl Recording {
    fn is_off() -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        Self(ALONE.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn is_on() -> Self {
        let recording = Self::is_off();
        set_debugging(true);
        recording
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        set_debugging(false);
    }
}

#[inline(never)]
fn makes_a_chain() -> (Firer<u32>, Deferred<u32>) {
    black_box(Deferred::new())
}

#[inline(never)]
fn fires_with_a_failure(firer: Firer<u32>) -> bool {
    black_box(firer.errback(Lost))
}

#[inline(never)]
fn cancels(chain: &Deferred<u32>) -> bool {
    chain.cancel();
    black_box(chain.has_result())
}

/// The stacks in the text of a report: where the chain was made, and where it was first fired.
#[track_caller]
fn stacks_in(text: &str) -> (&str, &str) {
    let (_, stacks) = text
        .split_once("\n  the chain was made at, innermost first:\n")
        .expect("the creation was recorded");
    stacks
        .split_once("\n  and first fired at, innermost first:\n")
        .expect("the firing was recorded")
}

// D-181
#[test]
fn debugging_is_off_at_first_and_can_be_turned_on_read_back_and_turned_off() {
    if !is_a_child() {
        in_a_child("debugging_is_off_at_first_and_can_be_turned_on_read_back_and_turned_off");
        return;
    }
    let at_first = debugging();

    set_debugging(true);
    let turned_on = debugging();
    set_debugging(false);

    assert_eq!((at_first, turned_on, debugging()), (false, true, false));
}

// D-065, D-182
#[test]
fn with_debugging_on_a_report_shows_where_the_chain_was_made_and_where_it_was_fired() {
    let _on = Recording::is_on();
    let (firer, chain) = makes_a_chain();
    fires_with_a_failure(firer);

    let (_, text) = report_of(|| drop(chain));

    let (made, fired) = stacks_in(&text);
    assert!(made.contains("debugging::makes_a_chain"), "{text}");
    assert!(!made.contains("debugging::fires_with_a_failure"), "{text}");
    assert!(fired.contains("debugging::fires_with_a_failure"), "{text}");
    assert!(!fired.contains("debugging::makes_a_chain"), "{text}");
}

// D-065
#[test]
fn the_stacks_of_a_report_begin_in_the_program() {
    let _on = Recording::is_on();
    let (firer, chain) = makes_a_chain();
    fires_with_a_failure(firer);

    let (_, text) = report_of(|| drop(chain));

    let (made, fired) = stacks_in(&text);
    let begins_in = |stack: &str, function| {
        let innermost = stack.lines().next();
        innermost.is_some_and(|line| line.ends_with(function))
    };
    assert!(begins_in(made, "::makes_a_chain"), "{text}");
    assert!(begins_in(fired, "::fires_with_a_failure"), "{text}");
}

// D-065, D-182
#[test]
fn with_debugging_on_a_firing_that_was_refused_is_not_shown_as_the_first() {
    let _on = Recording::is_on();
    let (firer, chain) = makes_a_chain();
    assert!(cancels(&chain));
    assert!(!fires_with_a_failure(firer));

    let (_, text) = report_of(|| drop(chain));

    let (_, fired) = stacks_in(&text);
    assert!(fired.contains("debugging::cancels"), "{text}");
    assert!(!text.contains("debugging::fires_with_a_failure"), "{text}");
}

// D-065
#[test]
fn a_report_shows_what_was_recorded_also_when_debugging_was_turned_off_since() {
    let on = Recording::is_on();
    let (firer, chain) = makes_a_chain();
    set_debugging(false);
    fires_with_a_failure(firer);

    let (_, text) = report_of(|| drop(chain));

    drop(on);
    let (made, _) = stacks_in(&text);
    assert!(made.contains("debugging::makes_a_chain"), "{text}");
}

// D-183
#[test]
fn with_debugging_off_a_report_shows_no_stacks_of_the_chain() {
    let _off = Recording::is_off();
    let (firer, chain) = makes_a_chain();
    firer.errback(Failure::without_backtrace(Lost));

    let (made, text) = report_of(|| drop(chain));

    assert!(made.is_some());
    assert!(!text.contains("innermost first"), "{text}");
    assert!(!text.contains("makes_a_chain"), "{text}");
}

// D-183
#[test]
fn a_chain_that_was_made_while_debugging_was_off_has_no_stacks_to_show() {
    let _off = Recording::is_off();
    let (firer, chain) = makes_a_chain();
    set_debugging(true);
    firer.errback(Failure::without_backtrace(Lost));

    let (_, text) = report_of(|| drop(chain));

    assert!(!text.contains("innermost first"), "{text}");
}
