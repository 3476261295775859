//! The series of cancelled Deferreds, `defer-cancel-1` to `-12`.

use protocols::reactor::backend;
use rustix::process::Signal;

use crate::clients::{start, text};
use crate::common::{Ended, run};

const NINE: &str = env!("CARGO_BIN_EXE_defer-cancel-9");
const TEN: &str = env!("CARGO_BIN_EXE_defer-cancel-10");
const ELEVEN: &str = env!("CARGO_BIN_EXE_defer-cancel-11");

/// What an errback gets when nothing else is said.
const CANCELLED: &str = "deferred::cancel::CancelledError: cancelled";

#[test]
fn without_an_errback_being_cancelled_is_an_unhandled_failure() {
    // Both outputs in one, so that their order is seen.
    let line = r#"unset RUST_BACKTRACE RUST_LIB_BACKTRACE; "$0" 2>&1"#;
    let ended = run("sh", &["-c", line, env!("CARGO_BIN_EXE_defer-cancel-1")]);

    let printed = text(&ended);
    let report = "done\nUnhandled error in Deferred:\n";
    assert!(printed.starts_with(report), "{printed}");
    assert!(printed.contains(CANCELLED), "{printed}");
    assert!(!printed.contains("callback got"), "{printed}");
    assert_eq!(ended.code, 0);
}

#[test]
fn the_errback_has_run_when_cancel_returns() {
    let ended = run_program(env!("CARGO_BIN_EXE_defer-cancel-2"));

    assert_printed(&ended, &format!("errback got: {CANCELLED}\ndone\n"));
}

#[test]
fn what_has_fired_is_not_cancelled_and_what_was_cancelled_is_not_fired() {
    let ended = run_program(env!("CARGO_BIN_EXE_defer-cancel-3"));
    assert_printed(&ended, "callback got: result\ndone\n");

    let ended = run_program(env!("CARGO_BIN_EXE_defer-cancel-4"));
    let printed = format!("errback got: {CANCELLED}\naccepted: false\ndone\n");
    assert_printed(&ended, &printed);
}

#[test]
fn a_canceller_may_fire_with_what_it_wants_or_not_at_all() {
    let called = "I need to cancel this deferred.\n";

    let ended = run_program(env!("CARGO_BIN_EXE_defer-cancel-5"));
    let printed = format!("{called}errback got: {CANCELLED}\ndone\n");
    assert_printed(&ended, &printed);

    let ended = run_program(env!("CARGO_BIN_EXE_defer-cancel-6"));
    let firing = "Firing the deferred with a result.\n";
    let printed = format!("{called}{firing}callback got: result\ndone\n");
    assert_printed(&ended, &printed);

    let ended = run_program(env!("CARGO_BIN_EXE_defer-cancel-7"));
    let firing = "Firing the deferred with an error.\n";
    let printed = format!("{called}{firing}errback got: &str: error!\ndone\n");
    assert_printed(&ended, &printed);
}

#[test]
fn a_canceller_is_not_called_when_there_is_a_result() {
    let ended = run_program(env!("CARGO_BIN_EXE_defer-cancel-8"));

    assert_printed(&ended, "callback got: result\ndone\n");
}

#[test]
fn the_canceller_of_the_one_that_is_waited_for_is_called() {
    let ended = run_program(env!("CARGO_BIN_EXE_defer-cancel-12"));

    let printed = format!(
        "\
first outer callback, returning inner deferred
canceling outer deferred.
inner cancel callback.
outer errback got: {CANCELLED}
done
"
    );
    assert_printed(&ended, &printed);
}

#[test]
fn only_a_canceller_stops_the_work_for_a_result_that_no_one_wants() {
    let failed = format!("get_poem failed: {CANCELLED}\n");
    let got = "Sending poem\nI got a poem: Once upon a midnight dreary\n";
    for name in backend::NAMES {
        for (program, printed) in [
            (NINE, got.to_owned()),
            (TEN, format!("{failed}Sending poem\n")),
            (ELEVEN, failed.clone()),
        ] {
            let ended = run(program, &["--second=0.01", "--backend", name]);

            assert_printed(&ended, &printed);
        }
    }
}

#[test]
fn a_signal_ends_the_programs_that_wait_without_a_word() {
    for (program, second, before) in [(NINE, "8640", 0), (TEN, "0.5", 1), (ELEVEN, "0.5", 1)] {
        for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
            let program = start(program, &["--second", second]);
            (0..before).for_each(|_| drop(program.line()));

            program.signal(signal);

            let ended = program.end();
            assert_eq!(
                (ended.code, text(&ended), ended.errors.as_str()),
                (code, "", "")
            );
        }
    }
}

fn run_program(path: &str) -> Ended {
    run(path, &[""; 0])
}

#[track_caller]
fn assert_printed(ended: &Ended, expected: &str) {
    assert_eq!(text(ended), expected);
    assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
}
