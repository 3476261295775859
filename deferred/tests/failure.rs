//! A failure: what it holds, how it is told from others, and how it prints.

mod util;

use std::backtrace::Backtrace;
use std::cell::Cell;
use std::error::Error;
use std::future::Future;
use std::hint::black_box;
use std::mem::size_of;
use std::num::ParseIntError;
use std::panic::{catch_unwind, resume_unwind};
use std::pin::pin;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;

use deferred::testing::{failure_result_of, success_result_of};
use deferred::{Deferred, Failure, Kind, Panicked};
use util::{Lost, Shelf, Torn, assert_same, fails_here, failure_of};

/// Runs one test of this file again in a process of its own, where backtraces are asked for.
fn with_backtraces(test: &str) {
    let output = Command::new(std::env::current_exe().expect("tests know their program"))
        .args(["--exact", test, "--nocapture"])
        .env("IN_A_CHILD", "1")
        .env("RUST_BACKTRACE", "1")
        .output()
        .expect("the program of this test can be run again");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
}

fn has_backtraces() -> bool {
    std::env::var_os("IN_A_CHILD").is_some()
}

/// The frames that a failure prints, the outermost first.
#[track_caller]
fn backtrace_of(failure: &Failure) -> Vec<String> {
    let text = format!("{failure:?}");
    assert!(!text.contains("no backtrace was captured"), "{text}");
    let frames = text
        .lines()
        .skip(1)
        .take_while(|line| !line.starts_with("  raised at "));
    // The lines that are indented deeper are the program's.
    frames
        .filter(|line| !line.starts_with("    "))
        .map(String::from)
        .collect()
}

fn page_number(text: &str) -> Result<u32, Failure> {
    Ok(text.parse()?)
}

#[inline(never)]
fn calls_what_fails() -> Failure {
    black_box(fails_here())
}

// F-001
#[test]
fn a_failure_holds_the_error_with_its_own_type_and_reports_its_type_and_message() {
    let failure = Failure::new(Torn(3));

    let text = failure.to_string();

    assert_eq!(failure.check(), Some(&Torn(3)));
    assert!(text.contains("Torn"), "{text}");
    assert!(text.contains("page 3 is torn"), "{text}");
}

// F-002
#[test]
fn a_failure_made_where_the_error_is_caught_holds_the_backtrace_of_that_place() {
    if !has_backtraces() {
        with_backtraces(
            "a_failure_made_where_the_error_is_caught_holds_the_backtrace_of_that_place",
        );
        return;
    }

    let frames = backtrace_of(&calls_what_fails());

    let [.., caller, innermost] = &frames[..] else {
        panic!("there are frames: {frames:?}")
    };
    assert!(
        innermost.ends_with(" in failure::util::fails_here"),
        "{frames:?}"
    );
    assert!(
        caller.ends_with(" in failure::calls_what_fails"),
        "{frames:?}"
    );
    assert!(!frames.iter().any(|frame| frame.contains("deferred::")));
}

// F-002
#[test]
fn the_backtrace_of_a_panic_ends_where_it_was_raised() {
    #[inline(never)]
    fn panics_here() -> u32 {
        assert!(black_box(false), "out of ink");
        7
    }
    if !has_backtraces() {
        with_backtraces("the_backtrace_of_a_panic_ends_where_it_was_raised");
        return;
    }

    let failure = Failure::catch(panics_here).unwrap_err();

    let text = format!("{failure:#}");
    let innermost = text.lines().next_back().expect("there are frames");
    assert!(innermost.ends_with("::panics_here"), "{text}");
}

// F-002
#[test]
fn the_backtrace_of_a_chain_made_with_an_error_ends_where_the_program_made_it() {
    #[inline(never)]
    fn fails_a_chain() -> Deferred<u32> {
        black_box(Deferred::fail(Lost))
    }
    if !has_backtraces() {
        with_backtraces(
            "the_backtrace_of_a_chain_made_with_an_error_ends_where_the_program_made_it",
        );
        return;
    }

    let failure = failure_of(fails_a_chain());

    let frames = backtrace_of(&failure);
    let innermost = frames.last().expect("there are frames");
    assert!(innermost.ends_with("::fails_a_chain"), "{frames:?}");
}

// F-003
#[test]
fn a_failure_made_of_a_failure_is_that_failure() {
    fn made_of(error: impl Into<Failure>) -> Failure {
        error.into()
    }
    let failure = Failure::new(Lost);

    let again = made_of(failure.clone());

    assert_same(&again, &failure);
}

// F-004
#[test]
fn a_failure_without_a_backtrace_says_so() {
    let failure = Failure::without_backtrace(Lost);

    for text in [
        format!("{failure:#}"),
        format!("{failure:?}"),
        format!("{failure:#?}"),
    ] {
        let mut lines = text.lines();
        assert!(
            lines.any(|line| line == "  (no backtrace was captured)"),
            "{text}"
        );
        assert!(!text.contains(" in failure::"), "{text}");
    }
}

// F-003
#[test]
fn a_failure_that_went_through_a_boxed_error_is_that_failure() {
    let failure = failure_of(Deferred::<u32>::fail(Torn(3)).map(|n| n));
    let boxed: Box<dyn Error + Send + Sync> = failure.clone().into_error();
    assert_eq!(boxed.to_string(), "page 3 is torn");

    let again = Failure::from_boxed(boxed);

    assert_same(&again, &failure);
    assert_eq!(format!("{again:?}"), format!("{failure:?}"));
}

// F-005
#[test]
fn a_failure_of_an_error_that_brings_its_backtrace_uses_that_one_and_records_no_second() {
    #[inline(never)]
    fn captured_here() -> Backtrace {
        black_box(Backtrace::force_capture())
    }
    #[inline(never)]
    fn wrapped_here(backtrace: &Backtrace) -> Failure {
        black_box(Failure::with_backtrace(Lost, backtrace))
    }
    if !has_backtraces() {
        with_backtraces(
            "a_failure_of_an_error_that_brings_its_backtrace_uses_that_one_and_records_no_second",
        );
        return;
    }

    let failure = wrapped_here(&captured_here());

    let text = format!("{failure:?}");
    let frame_of = |function| text.lines().any(|line| line.ends_with(function));
    assert!(frame_of("::captured_here"), "{text}");
    assert!(!frame_of("::wrapped_here"), "{text}");
}

// F-004, F-005
#[test]
fn a_backtrace_that_was_not_captured_counts_as_none() {
    let failure = Failure::with_backtrace(Lost, &Backtrace::disabled());

    let text = format!("{failure:#}");
    assert!(!text.contains("disabled backtrace"), "{text}");
}

// F-008
#[test]
fn a_failure_of_a_text_has_the_type_and_message_of_the_text() {
    let borrowed = Failure::msg("rain");
    let owned = Failure::msg(String::from("more rain"));

    assert_eq!(borrowed.to_string(), "&str: rain");
    assert_eq!(borrowed.error().to_string(), "rain");
    assert_eq!(format!("{:?}", borrowed.error()), r#""rain""#);
    assert_eq!(owned.to_string(), "alloc::string::String: more rain");
}

// F-001
#[test]
fn a_failure_of_a_boxed_error_still_holds_the_error_with_its_own_type() {
    let boxed: Box<dyn Error + Send + Sync> = Box::new(Torn(3));

    let failure = Failure::from_boxed(boxed);

    assert_eq!(failure.check(), Some(&Torn(3)));
    assert_eq!(failure.error().to_string(), "page 3 is torn");
}

// F-014
#[test]
fn checking_against_several_types_says_which_of_them_it_is_or_none_and_changes_nothing() {
    let failure = Failure::new(Torn(3));
    let before = failure.clone();
    let kinds = [Kind::of::<Lost>(), Kind::of::<Torn>()];

    assert_eq!(failure.which(&kinds), Some(1));
    assert_eq!(failure.which(&kinds[..1]), None);
    assert_eq!(failure.which(&[]), None);

    assert_same(&failure, &before);
    assert_eq!(format!("{failure:?}"), format!("{before:?}"));
}

// F-015
#[test]
fn of_several_types_that_fit_the_first_in_the_list_is_the_answer() {
    let failure = Failure::new(Torn(3));

    let which = failure.which(&[Kind::of::<Lost>(), Kind::of::<Torn>(), Kind::of::<Torn>()]);

    assert_eq!(which, Some(1));
}

#[test]
fn finding_looks_at_the_error_first_and_then_at_what_caused_it() {
    #[derive(Debug, thiserror::Error)]
    #[error("page {page} cannot be read")]
    struct Unreadable {
        page: u32,
        #[source]
        cause: Option<Box<Self>>,
    }
    let cause = Some(Box::new(Unreadable {
        page: 2,
        cause: None,
    }));
    let failure = Failure::new(Unreadable { page: 1, cause });

    let found = failure.find::<Unreadable>().expect("it is one");

    assert_eq!(found.page, 1);
    assert!(found.cause.is_some());
}

#[test]
fn finding_goes_down_to_the_last_cause() {
    #[derive(Debug, thiserror::Error)]
    #[error("the anthology cannot be read")]
    struct Unreadable(#[source] Half);
    #[derive(Debug, thiserror::Error)]
    #[error("one half is missing")]
    struct Half(#[source] Torn);

    let failure = Failure::new(Unreadable(Half(Torn(3))));

    assert_eq!(failure.find(), Some(&Torn(3)));
    assert_eq!(failure.find::<Lost>(), None);
    assert_eq!(failure.check::<Torn>(), None);
}

#[test]
fn finding_looks_into_a_failure_that_was_boxed_as_the_cause_of_another_error() {
    #[derive(Debug, thiserror::Error)]
    #[error("the anthology cannot be read")]
    struct Unreadable(#[source] Box<dyn Error + Send + Sync>);

    let failure = Failure::new(Unreadable(Failure::new(Torn(3)).into_error()));

    assert_eq!(failure.find(), Some(&Torn(3)));
}

// F-014
#[test]
fn checking_says_whether_the_error_is_of_a_type_and_changes_nothing() {
    let failure = Failure::new(Torn(3));
    let before = failure.clone();

    assert_eq!(failure.check::<Torn>(), Some(&Torn(3)));
    assert_eq!(failure.check::<Lost>(), None);

    assert_same(&failure, &before);
    assert_eq!(format!("{failure:?}"), format!("{before:?}"));
}

// F-017
#[test]
fn trapping_the_right_type_gives_the_error_and_lets_the_errback_go_on() {
    let chain = Deferred::fail(Torn(3)).add_errback(|failure| {
        let Torn(page) = failure.trap()?;
        Ok(*page)
    });

    assert_eq!(success_result_of(chain), 3);
}

// F-018
#[test]
fn trapping_another_type_sends_the_same_failure_on_to_the_next_link() {
    let failure = Failure::new(Lost);
    let original = failure.clone();
    let chain = Deferred::fail(failure).add_errback(|failure| {
        let Torn(page) = failure.trap()?;
        Ok(*page)
    });

    assert_same(&failure_of(chain), &original);
}

// D-011, F-019
#[test]
fn a_failure_that_an_errback_returns_goes_on_with_the_same_error_serial_and_backtrace() {
    if !has_backtraces() {
        with_backtraces(
            "a_failure_that_an_errback_returns_goes_on_with_the_same_error_serial_and_backtrace",
        );
        return;
    }
    let failure = fails_here();
    let original = failure.clone();
    let (firer, deferred) = Deferred::<u32>::new();
    let chain = deferred.add_errback(Err);

    firer.errback(failure);

    let failure = failure_of(chain);
    assert_same(&failure, &original);
    assert_eq!(backtrace_of(&failure), backtrace_of(&original));
}

// F-020
#[test]
fn an_error_raised_while_another_is_handled_is_the_one_that_the_new_failure_holds() {
    let chain = Deferred::<u32>::fail(Lost).add_errback(|_| page_number("many"));

    failure_result_of::<ParseIntError, _>(chain);
}

// F-019
#[test]
fn a_failure_raised_again_through_a_boxed_error_keeps_the_backtrace_of_where_it_was_raised() {
    fn reraises(failure: Failure) -> Result<u32, Box<dyn Error + Send + Sync>> {
        Err(failure.into_error())
    }
    if !has_backtraces() {
        with_backtraces(
            "a_failure_raised_again_through_a_boxed_error_keeps_the_backtrace_of_where_it_was_raised",
        );
        return;
    }
    let original = fails_here();
    let reraised = original.clone();

    let chain = Deferred::succeed(())
        .add_callback(move |()| reraises(reraised).map_err(Failure::from_boxed));

    let failure = failure_of(chain);
    assert_same(&failure, &original);
    assert_eq!(backtrace_of(&failure), backtrace_of(&original));
    assert!(format!("{failure:?}").contains("passed the callback added at"));
}

// F-020
#[test]
fn an_error_raised_by_an_async_block_that_handles_another_is_the_one_that_the_new_failure_holds() {
    let mut handling = pin!(async {
        match Deferred::<u32>::fail(Lost).await {
            Err(_) => page_number("many"),
            number => number,
        }
    });

    let polled = handling
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));

    let Poll::Ready(Err(failure)) = polled else {
        panic!("expected a failure, but got {polled:?}")
    };
    assert!(failure.check::<ParseIntError>().is_some());
    assert!(failure.find::<Lost>().is_none());
}

// F-025
#[test]
fn the_one_line_form_names_the_full_type_and_the_message() {
    let failure = Failure::new(Torn(3));

    assert_eq!(failure.to_string(), "failure::util::Torn: page 3 is torn");
}

// F-028
#[test]
fn the_sources_of_the_error_are_printed_after_it() {
    #[derive(Debug, thiserror::Error)]
    #[error("the anthology cannot be read")]
    struct Unreadable(#[source] Half);
    #[derive(Debug, thiserror::Error)]
    #[error("one half is missing")]
    struct Half(#[source] Lost);
    let failure = Failure::new(Unreadable(Half(Lost)));

    for text in [
        format!("{failure:#}"),
        format!("{failure:?}"),
        format!("{failure:#?}"),
    ] {
        let error = text
            .lines()
            .skip_while(|line| !line.ends_with("the anthology cannot be read"));
        let causes: Vec<&str> = error.skip(1).take(2).collect();
        assert_eq!(
            causes,
            [
                "  caused by: one half is missing",
                "  caused by: the poem is lost"
            ]
        );
    }
}

#[test]
fn a_failure_is_one_word_wide_also_when_it_is_optional() {
    assert_eq!(size_of::<Failure>(), size_of::<usize>());
    assert_eq!(size_of::<Option<Failure>>(), size_of::<usize>());
}

#[test]
fn a_failure_may_be_sent_to_and_shared_with_other_threads() {
    fn promises<T: Send + Sync + 'static>() {}

    promises::<Failure>();
}

#[test]
fn the_trail_names_every_link_that_the_failure_passed() {
    let (firer, deferred) = Deferred::<u32>::new();
    let here = line!();
    let chain = deferred
        .add_callback(|n| Ok(n + 1))
        .map(|n| n + 1)
        .add_errback(Err)
        .add_callbacks(|n| Ok(n + 1), Err)
        .add_both(|result| result);
    firer.errback(Lost);

    let text = format!("{:#}", failure_of(chain));

    let trail: Vec<&str> = text
        .lines()
        .filter_map(|line| {
            let (kind, place) = line.trim_start().split_once(" at ")?;
            place.contains("tests/failure.rs:").then_some(kind)
        })
        .collect();
    let kinds = [
        "raised",
        "fired",
        "passed the callback added",
        "passed the callback added",
        "passed the errback added",
        "passed the callbacks added",
        "passed the both-callback added",
    ];
    assert_eq!(trail, kinds, "{text}");
    assert!(
        text.contains(&format!("tests/failure.rs:{}:", here + 2)),
        "{text}"
    );
}

#[test]
fn the_trail_names_the_link_that_returned_a_chain_which_had_failed() {
    let (firer, inner) = Deferred::<u32>::new();
    firer.errback(Lost);
    let chain = Deferred::succeed(()).add_callback(move |()| inner);

    let text = format!("{:#}", failure_of(chain));

    assert!(text.contains("passed the callback added at"), "{text}");
}

#[test]
fn the_trail_of_a_long_way_shows_its_first_and_last_links_and_how_many_are_between() {
    let mut chain = Deferred::<u32>::fail(Lost);
    for _ in 0..1_000 {
        chain = chain.map(|n| n);
    }

    let text = format!("{:#}", failure_of(chain));

    assert!(text.contains("… 968 links more …"), "{text}");
    assert_eq!(text.matches("passed the callback").count(), 32);
}

#[test]
fn a_failure_that_the_crate_makes_itself_claims_no_line_of_the_crate() {
    let (firer, abandoned) = Deferred::<u32>::new();
    let (_firer, cancelled) = Deferred::<u32>::new();
    let panicked = Deferred::succeed(1).map(|_: u32| -> u32 { panic!("out of ink") });
    drop(firer);
    cancelled.cancel();

    for chain in [abandoned, cancelled, panicked] {
        let text = format!("{:#}", failure_of(chain));

        // The frames of a backtrace, `file:line in function`, are no claims.
        let mut claims = text.lines().filter(|line| line.contains(" at "));
        assert!(!claims.any(|line| line.contains("deferred/src/")), "{text}");
    }
}

#[test]
fn a_panic_with_a_payload_that_is_no_text_is_a_failure_too() {
    let failure = Failure::catch(|| std::panic::panic_any(7_u32)).unwrap_err();

    let panicked = failure.check::<Panicked>().expect("it was a panic");
    assert_eq!(panicked.message(), "(a payload that is no text)");
    assert!(panicked.source().is_none());
}

// D-030
#[test]
fn a_panic_that_is_caught_knows_its_message_and_its_place() {
    let failure = Failure::catch(|| panic!("out of ink")).unwrap_err();
    let here = format!("{}:{}:", file!(), line!() - 1);

    let panicked = failure.check::<Panicked>().expect("it was a panic");
    let place = panicked.place().expect("the place was noted");
    assert_eq!(panicked.message(), "out of ink");
    assert!(place.starts_with(&here), "{place}");
    assert_eq!(
        panicked.to_string(),
        format!("panicked: out of ink, at {place}")
    );
}

#[test]
fn a_panic_that_this_thread_did_not_see_has_a_message_and_no_place() {
    let failure = Failure::from_panic(Box::new("out of ink"));

    let panicked = failure.check::<Panicked>().expect("it was a panic");
    assert_eq!(panicked.message(), "out of ink");
    assert_eq!(panicked.place(), None);
    assert_eq!(panicked.to_string(), "panicked: out of ink");
}

// D-030
#[test]
fn a_panic_that_was_resumed_does_not_claim_the_place_of_an_earlier_one() {
    let _ = Failure::catch(|| ());
    let _ = catch_unwind(|| panic!("first"));

    let failure = Failure::catch(|| resume_unwind(Box::new("second"))).unwrap_err();

    let panicked = failure.check::<Panicked>().expect("it was a panic");
    assert_eq!(panicked.place(), None);
}

// D-030
#[test]
fn a_panic_does_not_claim_the_place_of_one_that_was_caught_while_it_unwound() {
    struct Loud;
    impl Drop for Loud {
        fn drop(&mut self) {
            let _ = catch_unwind(|| panic!("inner"));
        }
    }

    let failure = Failure::catch(|| {
        let _loud = Loud;
        panic!("outer")
    })
    .unwrap_err();

    let panicked = failure.check::<Panicked>().expect("it was a panic");
    assert_eq!((panicked.message(), panicked.place()), ("outer", None));
}

#[test]
fn a_panic_that_is_caught_while_the_thread_ends_does_not_end_the_program() {
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            let _ = catch_unwind(|| panic!("caught"));
        }
    }
    thread_local! {
        static LATE: Cell<Option<Late>> = const { Cell::new(None) };
    }
    if !has_backtraces() {
        with_backtraces("a_panic_that_is_caught_while_the_thread_ends_does_not_end_the_program");
        return;
    }

    let thread = thread::spawn(|| {
        LATE.set(Some(Late));
        Failure::catch(|| panic!("first")).is_err_and(|it| it.check::<Panicked>().is_some())
    });

    assert!(thread.join().expect("it ends well"));
}

#[test]
fn noting_the_places_of_panics_leaves_the_hook_that_was_set_in_use() {
    if !has_backtraces() {
        with_backtraces("noting_the_places_of_panics_leaves_the_hook_that_was_set_in_use");
        return;
    }
    static SEEN: AtomicU32 = AtomicU32::new(0);
    std::panic::set_hook(Box::new(|_| {
        SEEN.fetch_add(1, Ordering::Relaxed);
    }));

    for _ in 0..2 {
        let failure = Failure::catch(|| panic!("out of ink")).unwrap_err();
        let panicked = failure.check::<Panicked>().expect("it was a panic");
        assert!(panicked.place().is_some());
    }

    assert_eq!(SEEN.load(Ordering::Relaxed), 2);
}

#[test]
fn a_clone_of_a_failure_goes_a_way_of_its_own() {
    let failure = Failure::new(Lost);
    let kept = failure.clone();
    let shelf = Shelf::empty();
    let seen = shelf.clone();
    drop(
        Deferred::<u32>::fail(failure)
            .map(|n| n)
            .add_errback(move |failure| {
                seen.put(failure);
                Ok(0)
            }),
    );

    let travelled = shelf.take();

    assert_same(&travelled, &kept);
    assert!(format!("{travelled:#}").contains("passed the callback"));
    assert!(!format!("{kept:#}").contains("passed the callback"));
}
