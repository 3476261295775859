//! The programs of part 3, run as a user runs them: the loop, its first callbacks, and those that fail.

#[path = "common/clients.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod clients;
#[allow(dead_code, reason = "this part has no poems")]
mod common;
#[path = "common/servers.rs"]
#[allow(dead_code, reason = "this part has no servers")]
mod servers;

use clients::{start, text};
use common::run;
use protocols::reactor::backend;
use rustix::process::Signal;

const SIMPLE: &str = env!("CARGO_BIN_EXE_simple");
const SIMPLE_POLL: &str = env!("CARGO_BIN_EXE_simple-poll");
const HELLO: &str = env!("CARGO_BIN_EXE_hello");
const STACK: &str = env!("CARGO_BIN_EXE_stack");
const COUNTDOWN: &str = env!("CARGO_BIN_EXE_countdown");
const COUNTDOWN_THREE: &str = env!("CARGO_BIN_EXE_countdown-three");
const COUNTDOWN_LOOPING: &str = env!("CARGO_BIN_EXE_countdown-looping");
const EXCEPTION: &str = env!("CARGO_BIN_EXE_exception");
const LOG: &str = env!("CARGO_BIN_EXE_log");

#[test]
fn a_loop_that_does_nothing_says_nothing() {
    for program in [SIMPLE, SIMPLE_POLL] {
        let program = start(program, &[]);

        program.signal(Signal::INT);
        let ended = program.end();

        assert_eq!((text(&ended), ended.errors.as_str()), ("", ""));
    }
}

#[test]
fn a_callback_runs_when_the_loop_does() {
    for name in backend::NAMES {
        let hello = start(HELLO, &["--backend", name]);

        assert_eq!(hello.line(), "Starting the reactor.");
        assert_eq!(hello.line(), "Hello from the reactor loop!");
        assert_eq!(hello.line(), "Lately I feel like I'm stuck in a rut.");

        hello.signal(Signal::INT);
        let ended = hello.end();
        assert_eq!(
            (ended.code, text(&ended), ended.errors.as_str()),
            (130, "", "")
        );
    }
}

#[test]
fn the_stack_goes_from_main_by_the_reactor_to_the_callback() {
    let stack = start(STACK, &[]);

    assert_eq!(stack.line(), "The stack:");
    let mut lines = vec![stack.line()];
    while !lines.last().unwrap().contains("stack::print_stack") {
        lines.push(stack.line());
    }

    assert!(lines[0].contains("stack::main"), "{lines:?}");
    assert!(
        lines[1..]
            .iter()
            .any(|line| line.contains("reactor::running::"))
    );
    stack.signal(Signal::INT);
    assert_eq!(stack.end().code, 130);
}

#[test]
fn a_countdown_stops_by_itself() {
    for program in [COUNTDOWN, COUNTDOWN_LOOPING] {
        for name in backend::NAMES {
            let ended = run(program, &["--delay=0.01", "--backend", name]);

            let lines = "Start!\n5 ...\n4 ...\n3 ...\n2 ...\n1 ...\nStop!\n";
            assert_eq!(
                (ended.code, text(&ended), ended.errors.as_str()),
                (0, lines, "")
            );
        }
    }
}

#[test]
fn three_countdowns_go_at_their_own_rates_and_the_last_one_stops() {
    let ended = run(COUNTDOWN_THREE, &["--delay=0.05"]);

    assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
    let lines: Vec<_> = text(&ended).lines().collect();
    assert_eq!((lines[0], lines[16], lines.len()), ("Start!", "Stop!", 17));
    for name in ["first", "second", "third"] {
        let counted: Vec<_> = lines.iter().filter(|line| line.starts_with(name)).collect();
        let numbers = (1..=5).rev().map(|n| format!("{name}: {n} ..."));
        assert!(counted.into_iter().eq(&numbers.collect::<Vec<_>>()));
    }
    // They begin together, and however busy the machine is, the first has long ended when the third does.
    assert_eq!(
        lines[1..4],
        ["first: 5 ...", "second: 5 ...", "third: 5 ..."]
    );
    let at = |line| lines.iter().position(|it| *it == line);
    assert!(at("first: 1 ...") < at("third: 1 ..."), "{lines:?}");
}

#[test]
fn ctrl_c_ends_a_countdown_between_two_numbers() {
    for program in [COUNTDOWN, COUNTDOWN_THREE, COUNTDOWN_LOOPING] {
        let countdown = start(program, &["--delay=86400"]);
        assert_eq!(countdown.line(), "Start!");
        assert!(countdown.line().ends_with("5 ..."));

        countdown.signal(Signal::INT);
        let ended = countdown.end();

        assert_eq!((ended.code, ended.errors.as_str()), (130, ""));
        assert!(text(&ended).ends_with("Stop!\n"));
    }
}

#[test]
fn callbacks_that_fail_are_reported_and_do_not_stop_the_loop() {
    for name in backend::NAMES {
        let ended = run(EXCEPTION, &["--backend", name]);

        assert_eq!(ended.code, 0);
        assert_eq!(text(&ended), "Starting the reactor.\nBut I get up again.\n");
        for (place, message) in [
            ("part-03/exception.rs", "I fall down."),
            ("part-03/exception.rs", "I fall flat on my face."),
        ] {
            assert!(ended.errors.contains(place), "{}", ended.errors);
            assert!(ended.errors.contains(message), "{}", ended.errors);
        }
        let reports = ended.errors.matches("Unhandled error in ").count();
        assert_eq!(reports, 2, "{}", ended.errors);
    }
}

#[test]
fn what_is_logged_goes_to_the_logger_as_soon_as_there_is_one() {
    let ended = run::<&str>(LOG, &[]);

    assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
    let mut rest = text(&ended);
    for part in [
        " [INFO] This is logged.\n",
        " [ERROR] This is logged as an error.\n",
        " [ERROR] The next line logs the failure that was returned.\n",
        ": the callback is bad\n",
        " [ERROR] The next line logs the failure that came down the chain.\n",
        "passed the callback added at ",
        " [ERROR] Unhandled error in Deferred:\n",
        ": the callback is bad\n",
        " [INFO] End of example.\n",
    ] {
        let (_, after) = rest
            .split_once(part)
            .unwrap_or_else(|| panic!("no {part:?} in {rest}"));
        rest = after;
    }
    assert_eq!(rest, "");
    assert!(!text(&ended).contains("This is not logged"));
}

#[test]
fn a_countdown_that_no_one_reads_to_its_end_ends_quietly() {
    for program in [COUNTDOWN, COUNTDOWN_THREE, COUNTDOWN_LOOPING] {
        clients::assert_ends_quietly_when_no_one_reads(program, &["--delay=0.01"]);
    }
}
