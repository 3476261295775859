//! The program to begin with, run as a user runs it: servers and a client in one process.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::Read;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use common::{Ended, PATIENCE, Program, poem_file, run, serve};
use protocols::reactor::backend;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

const POETRY: &str = env!("CARGO_BIN_EXE_poetry");
const SLOWPOETRY: &str = env!("CARGO_BIN_EXE_slowpoetry");
const LAMP: &str = "poems/lamp.txt";
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

#[test]
fn a_terminal_shows_a_bar_for_each_poem() {
    let terminal = Terminal::run(&["--delay=0.001"]);

    let (shown, code) = terminal.end();

    for name in ["river", "letter", "lamp"] {
        assert!(shown.contains(name), "{shown}");
    }
    assert!(shown.contains("651 B of 651 B"), "{shown}");
    assert!(!shown.contains("Task 1: got "), "{shown}");
    assert!(shown.contains("Task 1: 2968 bytes of poetry, byte for byte as it was sent"));
    assert!(shown.contains("Got 3 poems in 0:00:"), "{shown}");
    assert_eq!(code, Some(0));
}

#[test]
fn a_signal_tells_what_has_come_below_the_bars() {
    let mut terminal = Terminal::run(&["--delay=86400", LAMP]);
    terminal.wait_for("30 B of 651 B");

    kill_process(Pid::from_child(&terminal.child), Signal::INT).unwrap();
    let (shown, code) = terminal.end();

    let after_the_bar = shown.rsplit("30 B of 651 B").next().unwrap();
    assert!(after_the_bar.contains("Task 1: interrupted after 30 bytes of poetry from 127.0.0.1:"));
    assert_eq!(code, Some(130));
}

#[test]
fn bad_usage_is_told_in_one_line() {
    let size = "a piece is a whole number of bytes from 1 up";
    let delay = "a delay is a number of seconds from 0 to 86400";
    let timeout = "a time to wait is a number of seconds above 0, up to 86400";
    let port = "a port is a number from 1 to 65535";

    for bad in [
        "0",
        "abc",
        "",
        "-1",
        "1.5",
        "30,0",
        "30,,10",
        "99999999999999999999",
    ] {
        assert_refused(&["--num-bytes", bad], size);
    }
    for bad in ["abc", "", "-1", "nan", "inf", "1e9"] {
        assert_refused(&["--delay", bad], delay);
    }
    for bad in ["abc", "", "-1", "0", "nan", "inf", "1e9"] {
        assert_refused(&["--timeout", bad], timeout);
    }
    for bad in ["abc", "-1", "0", "65536", "1.5", "localhost:http"] {
        assert_refused(&["--servers", bad], port);
        assert_refused(&["--servers", "10000", bad], port);
    }
    assert_refused(&["--servers", "::1"], "an IPv6 address stands in brackets");
    assert_refused(&["--servers"], "Usage: poetry [OPTIONS] [POEM-FILE]...");
    assert_refused(
        &[LAMP, "--servers", "10000"],
        "cannot be used with '--servers",
    );
    assert_refused(&["--delai", "1"], "'--delay'");
}

#[test]
fn a_file_that_cannot_be_read_is_told_in_one_line() {
    let right = "; a poem is a file that you may read";

    assert_refused(&["poems/nowhere.txt"], right);
    assert_refused(&[LAMP, "poems/nowhere.txt"], "\"poems/nowhere.txt\": ");
    assert_refused(&["poems"], right);
    assert_refused(&["two\nlines"], right);
}

#[test]
fn an_unknown_backend_is_told_in_one_line_with_the_ones_that_there_are() {
    let right = format!("there are: {}", backend::NAMES.join(", "));

    for bad in ["nope", "", "two\nlines"] {
        assert_refused(&["--backend", bad], &right);
    }
    for bad in ["nope", "two\nlines"] {
        let variable = format!("REACTOR_BACKEND={bad}");
        let ended = run("env", &[&variable, POETRY]);
        ended.assert_refused("poetry", &format!("in REACTOR_BACKEND; {right}"));
    }
}

#[test]
fn what_the_system_does_not_give_is_told_with_its_reason() {
    for files in ["7", "10"] {
        let line = r#"ulimit -n "$1"; exec "$0""#;
        let ended = run("sh", &["-c", line, POETRY, files]);

        ended.assert_refused("poetry", ": Too many open files");
    }
}

#[test]
fn the_option_goes_before_the_environment() {
    let args = [
        "REACTOR_BACKEND=nope",
        POETRY,
        "--backend=polling",
        "--delay=0",
    ];

    assert_eq!(run("env", &args).code, 0);
}

#[test]
fn help_and_version_are_no_errors() {
    let help = run(POETRY, &["--help"]);
    assert!(text(&help).contains("Usage: poetry [OPTIONS] [POEM-FILE]..."));
    assert_eq!((help.code, help.errors.as_str()), (0, ""));

    let version = run(POETRY, &["--version"]);
    assert!(text(&version).starts_with("poetry "));
    assert_eq!((version.code, version.errors.as_str()), (0, ""));
}

/// Checks that the program refuses these arguments in one line that has `part` in it.
#[track_caller]
fn assert_refused(args: &[&str], part: &str) {
    run(POETRY, args).assert_refused("poetry", part);
}

fn text(ended: &Ended) -> &str {
    str::from_utf8(&ended.output).unwrap()
}

/// What one of the tutorial's lines says.
#[derive(Debug)]
struct Piece {
    task: usize,
    bytes: usize,
    server: String,
}

/// Reads `Task 1: got 30 bytes of poetry from 127.0.0.1:40213`, and no other line.
fn piece(line: &str) -> Option<Piece> {
    let (task, rest) = line.strip_prefix("Task ")?.split_once(": got ")?;
    let (bytes, server) = rest.split_once(" bytes of poetry from ")?;
    Some(Piece {
        task: task.parse().ok()?,
        bytes: bytes.parse().ok()?,
        server: server.to_owned(),
    })
}

/// The pieces that a successful run tells before anything else.
#[track_caller]
fn pieces_of(ended: &Ended) -> Vec<Piece> {
    assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
    text(ended).lines().map_while(piece).collect()
}

/// How much came of each poem.
fn sums(pieces: &[Piece]) -> BTreeMap<usize, usize> {
    let mut sums = BTreeMap::new();
    for piece in pieces {
        *sums.entry(piece.task).or_default() += piece.bytes;
    }
    sums
}

fn server_of(pieces: &[Piece], task: usize) -> &str {
    &pieces
        .iter()
        .find(|piece| piece.task == task)
        .unwrap()
        .server
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

/// The program on a terminal, which is 100 columns wide; it ends when its test does.
struct Terminal {
    child: Child,
    screen: Receiver<Vec<u8>>,
    shown: Vec<u8>,
}

impl Terminal {
    #[track_caller]
    fn run(args: &[&str]) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        let theirs = OpenOptions::new()
            .read(true)
            .write(true)
            .open(name)
            .unwrap();
        let size = Winsize {
            ws_row: 24,
            ws_col: 100,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&theirs, size).unwrap();
        let child = Command::new(POETRY)
            .args(args)
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .stdin(Stdio::null())
            .stdout(theirs.try_clone().unwrap())
            .stderr(theirs)
            .spawn()
            .unwrap();
        Self {
            child,
            screen: bytes_of(File::from(ours)),
            shown: Vec::new(),
        }
    }

    fn shown(&self) -> String {
        String::from_utf8_lossy(&self.shown).into_owned()
    }

    /// Waits until this text stands on the screen.
    #[track_caller]
    fn wait_for(&mut self, text: &str) {
        while !self.shown().contains(text) {
            let more = self.screen.recv_timeout(PATIENCE);
            self.shown.extend(more.expect("the program shows more"));
        }
    }

    /// Waits until the program ends: all that it showed, and its exit code.
    #[track_caller]
    fn end(mut self) -> (String, Option<i32>) {
        let deadline = Instant::now() + PATIENCE;
        let left = || deadline.saturating_duration_since(Instant::now());
        while let Ok(more) = self.screen.recv_timeout(left()) {
            self.shown.extend(more);
        }
        assert!(!left().is_zero(), "the program did not end");
        (self.shown(), self.child.wait().unwrap().code())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Both fail only for a program that has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads what comes, in a thread of its own, so that a test can stop waiting for it.
fn bytes_of(mut screen: File) -> Receiver<Vec<u8>> {
    let (sender, bytes) = mpsc::channel();
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        // A terminal that no one writes to any more ends with an error on some systems.
        while let Ok(count @ 1..) = screen.read(&mut buffer) {
            if sender.send(buffer[..count].to_vec()).is_err() {
                break;
            }
        }
    });
    bytes
}
