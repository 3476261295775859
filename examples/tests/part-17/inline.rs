//! The functions that wait, `inline-callbacks-1`, `-2` and `-tb`.

use protocols::reactor::backend;
use rustix::process::Signal;

use crate::clients::{assert_ends_quietly_when_no_one_reads, start, text};
use crate::common::{Ended, run};

const ONE: &str = env!("CARGO_BIN_EXE_inline-callbacks-1");
const TWO: &str = env!("CARGO_BIN_EXE_inline-callbacks-2");
const TB: &str = env!("CARGO_BIN_EXE_inline-callbacks-tb");

#[test]
fn each_piece_gets_what_the_one_before_it_has_waited_for() {
    for name in backend::NAMES {
        let ended = run(ONE, &["--second=0.01", "--backend", name]);

        let printed = "\
first callback
second callback got 1
third callback got 2
fourth callback got Err(\"i32: 3\")
";
        assert_printed(&ended, printed);
    }
}

#[test]
fn two_functions_take_turns_and_end_as_any_deferred_does() {
    for name in backend::NAMES {
        let ended = run(TWO, &["--second=0.05", "--backend", name]);

        let printed = "\
my_callbacks_1 first callback
my_callbacks_err first callback
my_callbacks_1 second callback
my_callbacks_err second callback
my_callbacks_1 third callback
got result: 1
my_callbacks_err third callback
got error: &str: uh oh
all done
";
        assert_printed(&ended, printed);
    }
}

#[test]
fn a_function_that_has_waited_is_called_by_the_loop() {
    for name in backend::NAMES {
        let ended = run(TB, &["--backend", name]);

        let printed = text(&ended);
        let (before, after) = printed.split_once("After it has waited:").unwrap();
        let ours = |stack: &str| stack.matches("inline-callbacks-tb.rs:").count();
        // `main` and the function itself; and before it has waited, whoever has spawned it.
        assert_eq!((ours(before), ours(after)), (3, 2), "{printed}");
        assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
    }
}

#[test]
fn a_signal_ends_what_waits_without_a_word_on_every_backend() {
    for (program, waiting) in [
        (ONE, "second callback got 1"),
        (TWO, "my_callbacks_err first callback"),
    ] {
        for name in backend::NAMES {
            for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
                let program = start(program, &["--second=8640", "--backend", name]);
                while program.line() != waiting {}

                program.signal(signal);

                let ended = program.end();
                assert_eq!((ended.code, ended.errors.as_str()), (code, ""), "{name}");
                assert_eq!(text(&ended), "", "{name}");
            }
        }
    }
}

#[test]
fn an_output_that_no_one_reads_ends_the_programs_quietly() {
    for program in [ONE, TWO] {
        assert_ends_quietly_when_no_one_reads(program, &["--second=0.01"]);
    }
    assert_ends_quietly_when_no_one_reads(TB, &[]);
}

#[track_caller]
fn assert_printed(ended: &Ended, expected: &str) {
    assert_eq!(text(ended), expected);
    assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
}
