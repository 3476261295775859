//! Ends before all the poems have come: silence, a signal, an output that takes no more.

use std::net::TcpListener;
use std::path::Path;

use protocols::reactor::backend;
use rustix::process::Signal;

use crate::common::{Program, poem_file, run, serve};
use crate::{LAMP, POETRY, Piece, SLOWPOETRY, piece, sums, text};

#[test]
fn a_server_that_stays_silent_costs_its_own_poem_only() {
    let (_lamp, lamp) = serve(SLOWPOETRY, &["--delay=0", LAMP]);
    // The system answers for a server that does not accept.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = listener.local_addr().unwrap().to_string();

    // Long enough for the other server, however busy the machine is.
    let args = ["--timeout=3", "--servers", &silent, &lamp.to_string()];
    let ended = run(POETRY, &args);

    let line = format!("Task 1: no poetry from {silent}: the server was silent for 3s\n");
    assert_eq!((ended.code, ended.errors), (1, line));
    assert!(ended.output.starts_with(b"Task 2: got "));
    assert!(
        String::from_utf8(ended.output)
            .unwrap()
            .contains("\nGot 1 poems in 0:00:03.")
    );
}

#[test]
fn a_pace_slower_than_the_timeout_is_silence() {
    let ended = run(POETRY, &["--delay=86400", "--timeout=0.2"]);

    assert_eq!(ended.code, 1);
    for task in 1..=3 {
        let line = format!("Task {task}: no poetry from 127.0.0.1:");
        assert_eq!(ended.errors.matches(&line).count(), 1, "{}", ended.errors);
    }
    assert_eq!(
        ended
            .errors
            .matches(": the server was silent for 200ms\n")
            .count(),
        3
    );
    assert!(
        String::from_utf8(ended.output)
            .unwrap()
            .contains("Got 0 poems in 0:00:")
    );
}

#[test]
fn a_signal_ends_the_wait_and_tells_what_has_come() {
    for name in backend::NAMES {
        for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
            let client = Program::start(POETRY, &["--backend", name]);
            let mut pieces: Vec<_> = (0..7).map(|_| piece(&client.line()).unwrap()).collect();

            client.signal(signal);
            let ended = client.end();

            assert_eq!(ended.code, code, "{name}: {}", ended.errors);
            pieces.extend(text(&ended).lines().map_while(piece));
            let lines: String = sums(&pieces)
                .into_iter()
                .map(|(task, bytes)| {
                    let server = server_of(&pieces, task);
                    format!(
                        "Task {task}: interrupted after {bytes} bytes of poetry from {server}\n"
                    )
                })
                .collect();
            assert_eq!(ended.errors, lines, "{name}");
            assert_eq!(lines.lines().count(), 3, "{lines}");
            assert!(text(&ended).contains("Got 0 poems in 0:00:"));
        }
    }
}

#[test]
fn a_signal_does_not_wait_for_the_next_piece() {
    let client = Program::start(POETRY, &["--delay=86400", "--timeout=86400"]);
    for _ in 0..3 {
        client.line();
    }

    client.signal(Signal::INT);
    let ended = client.end();

    assert_eq!(ended.code, 130);
    assert_eq!(ended.errors.matches(": interrupted after ").count(), 3);
}

#[test]
fn only_the_unfinished_poems_are_interrupted() {
    let short = poem_file("poetry_short", b"short");
    let client = Program::start(POETRY, &["--num-bytes=10", &short, LAMP]);
    // The short poem ends before the second piece of the other one.
    while piece(&client.line()).is_some_and(|piece| piece.task == 1) {}
    for _ in 0..4 {
        client.line();
    }

    client.signal(Signal::INT);
    let ended = client.end();

    assert_eq!(ended.code, 130);
    assert!(text(&ended).contains("Task 1: 5 bytes of poetry, byte for byte as it was sent\n"));
    assert!(text(&ended).contains("Got 1 poems in 0:00:"));
    assert!(
        ended.errors.starts_with("Task 2: interrupted after "),
        "{}",
        ended.errors
    );
    assert_eq!(ended.errors.lines().count(), 1);
}

#[test]
fn an_output_that_no_one_reads_ends_the_program_quietly() {
    for name in backend::NAMES {
        let line = r#"("$0" --backend "$1"; echo "code $?" >&2) | head -1"#;
        let ended = run("sh", &["-c", line, POETRY, name]);

        assert!(ended.output.starts_with(b"Task 1: got 30 bytes of poetry"));
        assert_eq!(text(&ended).lines().count(), 1);
        assert_eq!(ended.errors, "code 0\n", "{name}");
    }
}

#[test]
fn an_output_that_is_full_is_told_in_one_line() {
    if !Path::new("/dev/full").exists() {
        return println!("not tested, this system has no /dev/full");
    }

    let ended = run("sh", &["-c", r#""$0" --delay 0 > /dev/full"#, POETRY]);

    ended.assert_refused("poetry", "cannot write to standard output: ");
}

fn server_of(pieces: &[Piece], task: usize) -> &str {
    &pieces
        .iter()
        .find(|piece| piece.task == task)
        .unwrap()
        .server
}
