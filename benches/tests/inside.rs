//! Every way to do the work of one process does it right: a broken one must not have a figure.

use std::process::Command;

/// Has all rivals do a scenario once, with small numbers.
#[track_caller]
fn check(scenario: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_benches"));

    let output = command.args(["--check", scenario]).output().unwrap();

    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(said, format!("{scenario}: every contender does it right\n"));
}

#[test]
fn each_link_adds_one_or_is_cancelled() {
    check("chains");
}

#[test]
fn each_loop_ends_with_its_last_turn() {
    check("turns");
}

#[test]
fn a_tenth_of_the_timers_fires() {
    check("timers");
}

#[test]
fn all_calls_are_made_and_all_answers_come_back() {
    check("calls");
}
