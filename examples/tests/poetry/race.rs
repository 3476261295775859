//! The clients raced against each other, and the drawings of it.

use std::fs;
use std::path::Path;

use protocols::reactor::backend;
use rustix::process::Signal;

use crate::common::{Program, poem_file, run};
use crate::{POETRY, text};

#[test]
fn the_client_that_blocks_takes_one_poem_after_the_other_and_the_others_all_at_once() {
    let ended = run(POETRY, &["race", "--delay=0.003"]);

    assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
    let lines: Vec<_> = text(&ended).lines().skip(4).collect();
    let [blocking, with_select, reactor] = [&lines[..4], &lines[4..8], &lines[8..]];
    assert!(blocking[0].starts_with("blocking-client "), "{lines:?}");
    assert!(
        last_mark(blocking[1]) <= first_mark(blocking[2]),
        "{lines:?}"
    );
    assert!(
        last_mark(blocking[2]) <= first_mark(blocking[3]),
        "{lines:?}"
    );
    for (name, at_once) in [("async-client ", with_select), ("client-1 ", reactor)] {
        assert!(at_once[0].starts_with(name), "{lines:?}");
        let begins = at_once[1..].iter().map(|lane| first_mark(lane)).max();
        let ends = at_once[1..].iter().map(|lane| last_mark(lane)).min();
        assert!(begins < ends, "{lines:?}");
    }
    assert_eq!(lines.len(), 12);
}

#[test]
fn the_drawing_replaces_what_is_in_its_file() {
    let file = poem_file("race.svg", &b"an older drawing ".repeat(100_000));

    let ended = run(POETRY, &["race", "--delay=0", "--svg", &file]);

    assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
    let drawing = fs::read_to_string(file).unwrap();
    assert!(drawing.starts_with("<svg ") && drawing.ends_with("</svg>\n"));
    for client in ["blocking-client", "async-client", "client-1"] {
        assert!(drawing.contains(&format!(">{client}, 0:00:0")), "{client}");
    }
    // The pieces of three poems, for three clients; their lanes; and the ground.
    let pieces = 2968_usize.div_ceil(30) + 627_usize.div_ceil(10) + 651_usize.div_ceil(10);
    assert_eq!(drawing.matches("<rect ").count(), 3 * pieces + 3 * 3 + 1);
}

#[test]
fn every_backend_can_race() {
    for name in backend::NAMES {
        let ended = run(POETRY, &["race", "--delay=0", "--backend", name]);

        assert_eq!((ended.code, ended.errors.as_str()), (0, ""), "{name}");
    }
}

#[test]
fn a_signal_ends_the_race_and_its_clients() {
    let file = poem_file("race_signal.svg", b"an older drawing");
    let race = Program::start(POETRY, &["race", "--delay=86400", "--svg", &file]);

    assert_eq!(race.line(), "Running blocking-client ...");

    race.signal(Signal::INT);
    // A client that went on would keep standard error open.
    let ended = race.end();

    assert_eq!(
        (ended.code, text(&ended), ended.errors.as_str()),
        (130, "", "")
    );
    assert_eq!(fs::read(file).unwrap(), b"an older drawing");
}

#[test]
fn clients_that_were_not_built_are_told_in_one_line() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("race_alone");
    fs::create_dir_all(&folder).unwrap();
    let alone = folder.join("poetry");
    // A link, since a copy cannot be run while a test that starts a program meanwhile has it open for writing.
    let _ = fs::remove_file(&alone);
    fs::hard_link(POETRY, &alone).unwrap();

    let ended = run::<&str>(alone.to_str().unwrap(), &["race"]);

    ended.assert_refused("poetry", "`cargo build` builds all programs");
}

#[test]
fn bad_usage_of_the_race_is_told_in_one_line() {
    let refused = |args: &[&str], part| {
        run(POETRY, &[&["race"], args].concat()).assert_refused("poetry", part);
    };

    refused(
        &["--delay=-1"],
        "a delay is a number of seconds from 0 to 86400",
    );
    refused(
        &["--svg", "no/such/folder.svg"],
        "--svg is a file in a folder that there is",
    );
    refused(
        &["--svg", "poems"],
        "--svg is a file in a folder that there is",
    );
    refused(&["--backend", "nope"], "there are: polling");
    refused(&["poems/lamp.txt"], "unexpected argument");
}

/// The column of a lane's first mark.
#[track_caller]
fn first_mark(lane: &str) -> usize {
    lane.chars()
        .position(|c| c == '█')
        .expect("a piece was sent")
}

/// The column of a lane's last mark.
fn last_mark(lane: &str) -> usize {
    lane.chars().count() - 1
}
