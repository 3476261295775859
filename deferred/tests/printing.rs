//! How a failure prints.

mod util;

use std::backtrace::Backtrace;
use std::error::Error;
use std::fmt;
use std::hint::black_box;

use deferred::Failure;
use util::{Lost, Torn, fails_here, in_a_child, is_a_child};

#[inline(never)]
fn calls_what_fails() -> Failure {
    black_box(fails_here())
}

#[inline(never)]
fn panics_here() {
    let none: Option<u32> = black_box(None);
    black_box(none.expect("there is a poem"));
}

/// The texts of a failure at the three levels that have more than one line: brief, default, verbose.
fn long_texts(failure: &Failure) -> [String; 3] {
    [
        format!("{failure:#}"),
        format!("{failure:?}"),
        format!("{failure:#?}"),
    ]
}

/// The number of the only line that ends so.
#[track_caller]
fn line_that_ends(lines: &[&str], end: &str) -> usize {
    let found: Vec<usize> = (0..lines.len())
        .filter(|n| lines[*n].ends_with(end))
        .collect();
    assert_eq!(found.len(), 1, "{end}: {lines:#?}");
    found[0]
}

// F-025
#[test]
fn the_one_line_form_names_the_full_type_and_the_message() {
    let failure = Failure::new(Torn(3));

    assert_eq!(failure.to_string(), "printing::util::Torn: page 3 is torn");
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

// F-021
#[test]
fn the_brief_text_is_the_error_and_then_a_line_for_each_frame_the_outermost_first() {
    if !is_a_child() {
        in_a_child(
            "the_brief_text_is_the_error_and_then_a_line_for_each_frame_the_outermost_first",
        );
        return;
    }

    let text = format!("{:#}", calls_what_fails());

    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "printing::util::Lost: the poem is lost");
    let caller = line_that_ends(&lines, " in printing::calls_what_fails");
    let innermost = line_that_ends(&lines, " in printing::util::fails_here");
    assert_eq!((caller + 1, innermost + 1), (innermost, lines.len()));
    assert!(lines[caller].contains("tests/printing.rs:"), "{text}");
    assert!(lines[innermost].contains("tests/util/mod.rs:"), "{text}");
    assert!(!lines.iter().any(|line| line.starts_with("    ")), "{text}");
}

#[test]
fn no_text_has_functions_of_the_standard_library_between_those_of_the_program() {
    if !is_a_child() {
        in_a_child("no_text_has_functions_of_the_standard_library_between_those_of_the_program");
        return;
    }

    let failure = Failure::catch(panics_here).unwrap_err();

    for text in long_texts(&failure) {
        let innermost = line_that_ends(
            &text.lines().collect::<Vec<_>>(),
            " in printing::panics_here",
        );
        assert!(innermost > 1, "{text}");
        for library in [
            "__rust",
            "/library/core/",
            "/library/std/",
            "std::panicking",
        ] {
            assert!(!text.contains(library), "{library}: {text}");
        }
    }
}

// F-022
#[test]
fn the_default_text_has_places_with_their_lines_of_source_and_ends_with_type_and_message() {
    if !is_a_child() {
        in_a_child(
            "the_default_text_has_places_with_their_lines_of_source_and_ends_with_type_and_message",
        );
        return;
    }

    let text = format!("{:?}", calls_what_fails());

    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "Traceback, outermost first:");
    let caller = line_that_ends(&lines, " in printing::calls_what_fails");
    let innermost = line_that_ends(&lines, " in printing::util::fails_here");
    assert!(lines[caller].contains("tests/printing.rs:"), "{text}");
    assert_eq!(lines[caller + 1], "    black_box(fails_here())");
    assert_eq!(innermost, caller + 2);
    assert!(lines[innermost].contains("tests/util/mod.rs:"), "{text}");
    assert_eq!(lines[innermost + 1], "    black_box(Failure::new(Lost))");
    assert!(lines[innermost + 2].starts_with("  raised at "), "{text}");
    assert_eq!(
        lines[innermost + 3..],
        ["printing::util::Lost: the poem is lost"]
    );
}

// F-005, F-021
#[test]
fn a_backtrace_that_the_error_brings_is_printed_the_outermost_first_as_any() {
    #[inline(never)]
    fn captured_here() -> Backtrace {
        black_box(Backtrace::force_capture())
    }
    if !is_a_child() {
        in_a_child("a_backtrace_that_the_error_brings_is_printed_the_outermost_first_as_any");
        return;
    }

    let text = format!("{:#}", Failure::with_backtrace(Lost, &captured_here()));

    let innermost = text.lines().next_back().expect("there are frames");
    assert!(innermost.contains("tests/printing.rs:"), "{text}");
    assert!(innermost.ends_with("::captured_here"), "{text}");
}

// F-023
#[test]
fn the_verbose_text_is_the_default_text_between_two_lines_with_the_serial() {
    let failure = Failure::new(Torn(3));
    let serial = failure.serial();

    let text = format!("{failure:#?}");

    let first = format!("*--- Failure #{serial} ---\n");
    let last = format!("\nprinting::util::Torn: page 3 is torn\n*--- End of Failure #{serial} ---");
    assert!(text.starts_with(&first), "{text}");
    assert!(text.ends_with(&last), "{text}");
    assert_eq!(
        text,
        format!("{first}{failure:?}\n*--- End of Failure #{serial} ---")
    );
}

// F-026
#[test]
fn a_failure_prints_the_same_after_its_symbols_were_looked_up() {
    if !is_a_child() {
        in_a_child("a_failure_prints_the_same_after_its_symbols_were_looked_up");
        return;
    }
    let mut failure = calls_what_fails();
    let clone = failure.clone();
    let before = long_texts(&failure);

    failure.resolve();

    assert!(before[0].contains("fails_here"), "{}", before[0]);
    assert_eq!(long_texts(&failure), before);
    assert_eq!(long_texts(&clone), before);
}

// F-026
#[test]
fn looking_up_symbols_changes_nothing_where_there_is_no_backtrace() {
    let mut failure = Failure::without_backtrace(Lost);
    let before = long_texts(&failure);

    failure.resolve();

    assert_eq!(long_texts(&failure), before);
}

mod foreign {
    #![expect(
        unsafe_code,
        reason = "a function of another language can be called in no other way"
    )]

    use std::cell::Cell;
    use std::ffi::{c_int, c_void};

    use super::{Failure, fails_here};

    unsafe extern "C" {
        fn qsort(
            base: *mut c_void,
            count: usize,
            size: usize,
            compare: extern "C" fn(*const c_void, *const c_void) -> c_int,
        );
    }

    thread_local! {
        static RAISED: Cell<Option<Failure>> = const { Cell::new(None) };
    }

    extern "C" fn compares_by_failing(_: *const c_void, _: *const c_void) -> c_int {
        RAISED.set(Some(fails_here()));
        0
    }

    /// A failure with frames of the C library on its stack.
    #[inline(never)]
    pub(super) fn fails_below_c() -> Failure {
        let mut pair = [2_u8, 1];
        // SAFETY: The array has two elements of one byte each, and lives until `qsort` returns.
        unsafe { qsort(pair.as_mut_ptr().cast(), 2, 1, compares_by_failing) };
        RAISED.take().expect("two elements were compared")
    }
}

// F-009
#[test]
fn a_failure_with_foreign_frames_on_its_stack_is_made_checked_and_printed_as_any() {
    if !is_a_child() {
        in_a_child("a_failure_with_foreign_frames_on_its_stack_is_made_checked_and_printed_as_any");
        return;
    }

    let mut failure = foreign::fails_below_c();

    assert!(failure.check::<Lost>().is_some());
    failure.resolve();
    for text in long_texts(&failure) {
        assert!(text.contains(" in printing::util::fails_here"), "{text}");
        assert!(text.contains(" in printing::foreign::fails_below_c"));
    }
}

/// An error whose text cannot be made.
struct Unsayable(fn(&mut fmt::Formatter<'_>) -> fmt::Result);

impl fmt::Display for Unsayable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (self.0)(f)
    }
}

impl fmt::Debug for Unsayable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("a failure does not ask an error for its dump")
    }
}

impl Error for Unsayable {}

#[track_caller]
fn assert_says_that_it_cannot_say(failure: &Failure, line: &str) {
    for text in long_texts(failure) {
        assert!(text.lines().any(|it| it == line), "{text}");
    }
}

#[test]
fn an_error_whose_text_fails_still_prints_at_every_level() {
    let failure = Failure::new(Unsayable(|_| Err(fmt::Error)));

    let line = "printing::Unsayable: (an error that cannot say what it is)";
    assert_eq!(failure.to_string(), line);
    assert_says_that_it_cannot_say(&failure, line);
}

#[test]
fn an_error_whose_text_fails_half_way_prints_without_that_half() {
    let failure = Failure::new(Unsayable(|f| {
        f.write_str("the half")?;
        Err(fmt::Error)
    }));

    let line = "printing::Unsayable: (an error that cannot say what it is)";
    assert_eq!(failure.to_string(), line);
}

#[test]
fn an_error_whose_text_panics_still_prints_at_every_level() {
    let failure = Failure::new(Unsayable(|_| panic!("out of ink")));

    let line = "printing::Unsayable: (an error that cannot say what it is)";
    assert_eq!(failure.to_string(), line);
    assert_says_that_it_cannot_say(&failure, line);
}

#[test]
fn a_cause_whose_text_fails_does_not_keep_the_error_from_printing() {
    #[derive(Debug, thiserror::Error)]
    #[error("the anthology cannot be read")]
    struct Unreadable(#[source] Unsayable);

    let failure = Failure::new(Unreadable(Unsayable(|_| Err(fmt::Error))));

    assert_says_that_it_cannot_say(
        &failure,
        "  caused by: (an error that cannot say what it is)",
    );
}
