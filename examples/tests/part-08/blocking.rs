//! The callback that blocks.

use rustix::process::Signal;

use crate::clients::text;
use crate::common::{Program, run};

const DEFER_BLOCK: &str = env!("CARGO_BIN_EXE_defer-block");

#[test]
fn firing_has_finished_when_the_last_word_has_come() {
    let ended = run(DEFER_BLOCK, &["--delay=0"]);

    let lines: Vec<_> = text(&ended).lines().collect();
    assert_eq!(
        lines[..2],
        ["Firing deferred.", "The start of the callback chain."]
    );
    assert!(lines[2].starts_with("I sleep, and while I sleep "));
    assert_eq!(
        lines[7..],
        ["The end of the callback chain.", "Firing finished."]
    );
    assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
}

#[test]
fn while_it_blocks_nothing_else_happens_and_ctrl_c_ends_it() {
    let program = Program::start(DEFER_BLOCK, &["--delay=86400"]);
    assert_eq!(program.line(), "Firing deferred.");
    assert_eq!(program.line(), "The start of the callback chain.");

    program.signal(Signal::INT);

    let ended = program.end();
    assert_eq!(
        (ended.code, text(&ended), ended.errors.as_str()),
        (130, "", "")
    );
}

#[test]
fn an_output_that_no_one_reads_ends_the_program_quietly() {
    let line = r#"("$0" --delay=0; echo "code $?" >&2) | head -1"#;
    let ended = run("sh", &["-c", line, DEFER_BLOCK]);

    assert_eq!(
        (text(&ended), ended.errors.as_str()),
        ("Firing deferred.\n", "code 0\n")
    );
}
