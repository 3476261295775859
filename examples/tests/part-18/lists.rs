//! The series of lists, `deferred-list-1` to `-7`.

use crate::clients::text;
use crate::common::{Ended, run};

#[test]
fn a_list_of_nothing_has_fired_already() {
    let ended = run_program(env!("CARGO_BIN_EXE_deferred-list-1"));

    assert_printed(&ended, "Empty List.\nAdding Callback.\nWe got: []\n");
}

#[test]
fn a_list_fires_when_its_last_deferred_does() {
    let ended = run_program(env!("CARGO_BIN_EXE_deferred-list-2"));
    let printed = "\
One Deferred.
Adding Callback.
Firing d1.
We got: [Ok(\"d1 result\")]
";
    assert_printed(&ended, printed);

    let ended = run_program(env!("CARGO_BIN_EXE_deferred-list-3"));
    let printed = "\
Two Deferreds.
Adding Callback.
Firing d1.
Firing d2.
We got: [Ok(\"d1 result\"), Ok(\"d2 result\")]
";
    assert_printed(&ended, printed);
}

#[test]
fn results_are_in_the_order_of_the_deferreds() {
    let ended = run_program(env!("CARGO_BIN_EXE_deferred-list-4"));

    let printed = "\
Two Deferreds.
Adding Callback.
Firing d2.
Firing d1.
We got: [Ok(\"d1 result\"), Ok(\"d2 result\")]
";
    assert_printed(&ended, printed);
}

#[test]
fn a_failure_is_an_entry_of_its_list_and_nothing_else() {
    let ended = run_program(env!("CARGO_BIN_EXE_deferred-list-5"));

    let printed = "\
Firing d1.
Firing d2 with errback.
We got: [Ok(\"d1 result\"), Err(\"&str: d2 failure\")]
";
    assert_printed(&ended, printed);
}

#[test]
fn a_failure_is_reported_too_if_that_is_asked_for() {
    // Both outputs in one, so that their order is seen.
    let line = r#"unset RUST_BACKTRACE RUST_LIB_BACKTRACE; "$0" 2>&1"#;
    let ended = run("sh", &["-c", line, env!("CARGO_BIN_EXE_deferred-list-6")]);

    let printed = text(&ended);
    let begin = "Firing d1.\nFiring d2 with errback.\nError in d2:\n";
    let end = "\nWe got: [Ok(\"d1 result\"), Err(\"&str: d2 failure\")]\n";
    assert!(printed.starts_with(begin), "{printed}");
    assert!(printed.contains("&str: d2 failure\n"), "{printed}");
    assert!(printed.ends_with(end), "{printed}");
    assert_eq!(printed.matches("Error in").count(), 1);
    assert!(!printed.contains("Unhandled"), "{printed}");
    assert_eq!(ended.code, 0);
}

#[test]
fn a_failure_that_was_handled_before_is_no_failure_of_the_list() {
    let ended = run_program(env!("CARGO_BIN_EXE_deferred-list-7"));

    let printed = "\
Firing d1.
Firing d2 with errback.
We got: [Ok(\"d1 result\"), Ok(\"d2 failed, never mind\")]
";
    assert_printed(&ended, printed);
}

fn run_program(path: &str) -> Ended {
    run(path, &[""; 0])
}

#[track_caller]
fn assert_printed(ended: &Ended, expected: &str) {
    assert_eq!(text(ended), expected);
    assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
}
