//! Poems that arrive: their pieces, their sizes, and what is told at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use protocols::reactor::backend;

use crate::common::{Program, poem_file, run, serve};
use crate::{LAMP, POETRY, Piece, SLOWPOETRY, piece, pieces_of, sums, text};

const LETTER: &str = "poems/letter.txt";

/// How long the poems are that come with the program.
const LENGTHS: [usize; 3] = [2968, 627, 651];

#[test]
fn three_poems_arrive_interleaved_on_every_backend() {
    for name in backend::NAMES {
        let by_option = run(POETRY, &["--delay=0.001", "--backend", name]);
        let variable = format!("REACTOR_BACKEND={name}");
        let by_environment = run("env", &[&variable, POETRY, "--delay=0.001"]);

        for ended in [by_option, by_environment] {
            let pieces = pieces_of(&ended);

            assert_eq!(sums(&pieces), BTreeMap::from([1, 2, 3].map(with_length)));
            for task in 1..=3 {
                assert!(is_interleaved(&pieces, task), "{name}: {pieces:?}");
            }
        }
    }
}

#[test]
fn each_poem_comes_from_an_address_of_its_own() {
    let pieces = pieces_of(&run(POETRY, &["--delay=0"]));

    let servers: BTreeSet<_> = pieces
        .iter()
        .map(|piece| (piece.task, &piece.server))
        .collect();
    let addresses: BTreeSet<_> = pieces.iter().map(|piece| &piece.server).collect();

    assert_eq!((servers.len(), addresses.len()), (3, 3));
    assert!(
        addresses
            .iter()
            .all(|address| address.starts_with("127.0.0.1:"))
    );
}

#[test]
fn the_end_tells_the_poems_and_the_time_which_is_less_than_their_sum() {
    let ended = run(POETRY, &["--delay=0.001"]);

    let output = text(&ended);
    let lines: Vec<_> = output
        .lines()
        .skip_while(|line| line.contains(": got "))
        .collect();
    let [first, second, third, total, in_turn] = lines[..] else {
        panic!("there are five lines at the end of: {output}");
    };
    for (line, (task, length)) in [first, second, third]
        .iter()
        .zip([1, 2, 3].map(with_length))
    {
        let whole = format!("Task {task}: {length} bytes of poetry, byte for byte as it was sent");
        assert_eq!(*line, whole);
    }
    let total = time(total.strip_prefix("Got 3 poems in ").unwrap());
    let would_have = "One after the other, they would have taken ";
    let in_turn = time(in_turn.strip_prefix(would_have).unwrap());
    assert!(total < in_turn, "{output}");
    // The longest poem has 99 pieces, each a thousandth of a second after the one before.
    assert!(total >= Duration::from_millis(98), "{output}");
    assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
}

#[test]
fn any_file_is_a_poem_also_an_empty_one_and_a_long_one() {
    let bytes: Vec<u8> = (0..=255).rev().cycle().take(1 << 20).collect();
    let long = poem_file("poetry_long", &bytes);
    let empty = poem_file("poetry_empty", b"");
    let binary = poem_file("poetry_binary", b"\0\xff\r\n\xc3\x28");

    for name in backend::NAMES {
        let sizes = "--num-bytes=50000,10,2";
        let args = [
            "--delay=0",
            "--backend",
            name,
            sizes,
            &long,
            &empty,
            &binary,
        ];
        let ended = run(POETRY, &args);

        let sums = sums(&pieces_of(&ended));
        assert_eq!(sums, BTreeMap::from([(1, 1 << 20), (3, 6)]));
        let output = text(&ended);
        for (task, length) in [(1, 1 << 20), (2, 0), (3, 6)] {
            let line =
                format!("Task {task}: {length} bytes of poetry, byte for byte as it was sent\n");
            assert!(output.contains(&line), "{name}: {output}");
        }
        assert!(output.contains("Got 3 poems in 0:00:"));
    }
}

#[test]
fn one_poem_is_not_compared_with_a_sum() {
    let ended = run(POETRY, &["--delay=0", LAMP]);

    let output = text(&ended);
    assert!(
        output
            .lines()
            .last()
            .unwrap()
            .starts_with("Got 1 poems in 0:00:")
    );
    assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
}

#[test]
fn the_sizes_of_the_pieces_are_told_in_order_and_the_last_is_for_all_further_poems() {
    // The first pieces come alone: there is a day until the next ones.
    let args = [
        "--delay=86400",
        "--num-bytes=300,7",
        LAMP,
        LETTER,
        LAMP,
        LETTER,
    ];
    let client = Program::start(POETRY, &args);

    let first: Vec<_> = (0..4).map(|_| piece(&client.line()).unwrap()).collect();

    let sums = sums(&first);
    assert_eq!(sums, BTreeMap::from([(1, 300), (2, 7), (3, 7), (4, 7)]));
}

#[test]
fn poems_come_from_other_servers_too() {
    let (_lamp, lamp) = serve(SLOWPOETRY, &["--delay=0.001", LAMP]);
    let (_letter, letter) = serve(SLOWPOETRY, &["--delay=0.001", "--iface=localhost", LETTER]);

    for name in backend::NAMES {
        let letter = format!("localhost:{}", letter.port());
        let lamp = lamp.port().to_string();
        let ended = run(POETRY, &["--backend", name, "--servers", &lamp, &letter]);

        let sums = sums(&pieces_of(&ended));
        assert_eq!(sums, BTreeMap::from([(1, 651), (2, 627)]));
        let output = text(&ended);
        // There is nothing here to compare them with.
        assert!(
            output.contains("\nTask 1: 651 bytes of poetry\n"),
            "{output}"
        );
        assert!(
            output.contains("\nTask 2: 627 bytes of poetry\n"),
            "{output}"
        );
        assert!(output.contains("\nGot 2 poems in 0:00:"), "{output}");
        assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
    }
}

/// Whether a line of another task stands between two lines of this one.
fn is_interleaved(pieces: &[Piece], task: usize) -> bool {
    let of_task = |piece: &Piece| piece.task == task;
    let first = pieces.iter().position(of_task).unwrap();
    let last = pieces.iter().rposition(of_task).unwrap();
    !pieces[first..=last].iter().all(of_task)
}

fn with_length(task: usize) -> (usize, usize) {
    (task, LENGTHS[task - 1])
}

/// Reads a time such as `0:00:10.133169`.
#[track_caller]
fn time(shown: &str) -> Duration {
    let places: Vec<_> = shown.split([':', '.']).collect();
    assert_eq!(shown.len(), "0:00:00.000000".len(), "{shown}");
    let [hours, minutes, seconds, micros] = places[..] else {
        panic!("{shown} is no time");
    };
    let number = |place: &str| place.parse::<u64>().unwrap();
    let seconds = number(hours) * 3600 + number(minutes) * 60 + number(seconds);
    Duration::from_secs(seconds) + Duration::from_micros(number(micros))
}
