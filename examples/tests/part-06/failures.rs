//! The programs about failures, which need neither arguments nor a network.

use crate::clients::text;
use crate::common::{Ended, run};

#[test]
fn only_an_error_that_was_raised_has_a_stack_and_only_if_it_is_asked_for() {
    let ended = with_backtrace(&["-u", "RUST_BACKTRACE"], FAILURE_EXAMPLES);

    let [made, caught, with_stack, panicked] = sections(&ended);
    let headline = "failure_examples::RhymeSchemeViolation: nothing rhymes with orange\n";
    for section in [&made, &caught, &with_stack] {
        assert!(section.contains(headline), "{section}");
        assert!(section.contains("raised at examples/part-06/failure-examples.rs:"));
    }
    for section in [&made, &caught, &panicked] {
        assert!(section.contains("(no backtrace was captured)"), "{section}");
    }
    assert!(with_stack.contains("analyze_poem_with_care"));
    assert!(panicked.contains("panicked: all poems rhyme: RhymeSchemeViolation, at "));
    assert_eq!(ended.code, 0);
}

#[test]
fn where_the_environment_asks_for_it_whatever_was_raised_has_a_stack() {
    let ended = with_backtrace(&["RUST_BACKTRACE=1"], FAILURE_EXAMPLES);

    let [made, caught, with_stack, panicked] = sections(&ended);
    assert!(made.contains("(no backtrace was captured)"), "{made}");
    assert!(caught.contains("failure_examples::analyze_poem\n"));
    assert!(with_stack.contains("failure_examples::analyze_poem_with_care"));
    assert!(panicked.contains("failure_examples::analyze_poem_in_a_hurry"));
}

#[test]
fn trap_does_what_a_match_does() {
    let ended = run(TRAP, &[""; 0]);

    let expected = "\
A poem of 16 letters:
  match: a rose is a rose, read aloud
  trap:  a rose is a rose, read aloud
A poem of 7 letters:
  match: a cough, and the next poem
  trap:  a cough, and the next poem
A poem of 0 letters:
  match: trap::NoPoem: there is no poem
  trap:  trap::NoPoem: there is no poem
";
    assert_eq!(text(&ended), expected);
    assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
}

const FAILURE_EXAMPLES: &str = env!("CARGO_BIN_EXE_failure-examples");
const TRAP: &str = env!("CARGO_BIN_EXE_trap");

/// Runs a program with this said to `env`, and nothing else about backtraces.
fn with_backtrace(environment: &[&str], program: &str) -> Ended {
    let environment = [&["-u", "RUST_LIB_BACKTRACE"], environment, &[program]];
    run("env", &environment.concat())
}

/// What is below each title.
#[track_caller]
fn sections(ended: &Ended) -> [String; 4] {
    let mut rest = text(ended);
    let mut next = |title: &str, following: &str| {
        let (before, section) = rest.split_once(title).expect("each title is there");
        assert_eq!(before, "");
        let end = section.find(following).expect("each title is there");
        rest = &section[end..];
        section[..end].to_owned()
    };
    let titles = [
        "Just making an error:\n",
        "Catching an error:\n",
        "Catching an error with its stack:\n",
        "Catching a panic:\n",
    ];
    [
        next(titles[0], titles[1]),
        next(titles[1], titles[2]),
        next(titles[2], titles[3]),
        rest.strip_prefix(titles[3])
            .expect("it is the last")
            .to_owned(),
    ]
}
