//! A failure: what it holds, and what it keeps on its way.

mod util;

use std::backtrace::Backtrace;
use std::error::Error;
use std::hint::black_box;
use std::mem::size_of;

use deferred::{Deferred, Failure};
use util::{
    Lost, Torn, assert_same, fails_here, failure_of, in_a_child as with_backtraces,
    is_a_child as has_backtraces,
};

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
