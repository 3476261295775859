//! The series of Deferreds, `defer-1` to `defer-11`, and `defer-unhandled`, run as a user runs them.

#[expect(
    dead_code,
    reason = "these programs serve nothing, and no one waits for a line of theirs"
)]
mod common;

use common::{Ended, run};
use protocols::reactor::backend;

#[test]
fn a_deferred_calls_the_callback_with_a_result() {
    let ended = run_program(env!("CARGO_BIN_EXE_defer-1"));

    assert_printed(
        &ended,
        "Your poem is served:\nThis poem is short.\nFinished\n",
    );
}

#[test]
fn a_deferred_calls_the_errback_with_a_failure() {
    let ended = run_program(env!("CARGO_BIN_EXE_defer-2"));

    assert_printed(&ended, "No poetry for you.\nFinished\n");
}

#[test]
fn an_error_becomes_a_failure_and_keeps_its_type() {
    let ended = run_program(env!("CARGO_BIN_EXE_defer-3"));

    let printed =
        "deferred::failure::Failure\ndefer_3::NoPoem: I have failed.\nNo poetry for you.\n";
    assert_printed(&ended, printed);
}

#[test]
fn what_fires_first_counts_and_nothing_fires_after_it() {
    for (program, first) in [
        (env!("CARGO_BIN_EXE_defer-4"), "First result"),
        (env!("CARGO_BIN_EXE_defer-5"), "First result"),
        (env!("CARGO_BIN_EXE_defer-6"), "First error"),
        (env!("CARGO_BIN_EXE_defer-7"), "First error"),
    ] {
        let ended = run_program(program);

        assert_printed(
            &ended,
            &format!("{first}\nThe firer is used up.\nFinished\n"),
        );
    }
}

#[test]
fn the_reactor_fires_and_is_stopped_by_the_chain_on_every_backend() {
    for (program, name) in with_a_reactor() {
        let ended = run(program, &["--backend", name]);

        assert_printed(&ended, "Another short poem.\n");
    }
}

#[test]
fn a_chain_waits_for_the_deferred_that_a_callback_returned() {
    let ended = run_program(env!("CARGO_BIN_EXE_defer-10"));

    let lines: Vec<_> = text(&ended)
        .lines()
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(
        lines[1..4],
        ["callback_1 got 0", "callback_2 got 1", "callback_3 got 2"]
    );
    assert_eq!(lines[5..7], ["callback_1 got 0", "callback_2 got 1"]);
    assert_eq!(
        lines[7],
        "The third one has not run: the outer Deferred waits for the inner one."
    );
    assert_eq!(
        lines[8..],
        ["Now the inner one is fired:", "callback_3 got 2"]
    );
    assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
}

#[test]
fn a_callback_that_is_added_late_runs_at_once_unless_the_chain_is_paused() {
    let ended = run_program(env!("CARGO_BIN_EXE_defer-11"));

    let printed = "\
Firing empty deferred.
Adding first callback.
callback_1 got 0
Adding second callback.
callback_2 got 1
Adding third callback.
callback_3 got 2

Each callback ran when it was added. Now a deferred that is paused before it is fired:

Pausing, then firing deferred.
Adding callbacks.
Unpausing the deferred.
callback_1 got 0
callback_2 got 1
callback_3 got 2
";
    assert_printed(&ended, printed);
}

#[test]
fn a_failure_that_no_one_handles_is_reported_when_its_chain_is_dropped() {
    // Both outputs in one, so that their order is seen.
    let line = r#"unset RUST_BACKTRACE RUST_LIB_BACKTRACE; "$0" 2>&1"#;
    let ended = run("sh", &["-c", line, env!("CARGO_BIN_EXE_defer-unhandled")]);

    let printed = text(&ended);
    let report = "Finished\nUnhandled error in Deferred:\n";
    assert!(printed.starts_with(report), "{printed}");
    assert!(printed.contains("\n&str: oops\n"), "{printed}");
    assert!(printed.contains("passed the callback added at examples/part-09/defer-unhandled.rs:"));
    assert_eq!(ended.code, 0);
}

/// The two programs that run a reactor, on each backend.
fn with_a_reactor() -> impl Iterator<Item = (&'static str, &'static str)> {
    let programs = [env!("CARGO_BIN_EXE_defer-8"), env!("CARGO_BIN_EXE_defer-9")];
    let on_each = |program| backend::NAMES.iter().map(move |name| (program, *name));
    programs.into_iter().flat_map(on_each)
}

fn run_program(path: &str) -> Ended {
    run(path, &[""; 0])
}

#[track_caller]
fn assert_printed(ended: &Ended, expected: &str) {
    assert_eq!(text(ended), expected);
    assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
}

fn text(ended: &Ended) -> &str {
    str::from_utf8(&ended.output).unwrap()
}
