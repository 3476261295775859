//! The programs that the README and the book have to themselves, run as a reader runs them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use docs::tables::root;

/// Longer than any of this takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(20);

#[test]
fn the_lists_tell_of_all_of_each_and_of_the_first() {
    let printed = "\
all: slow, quick
each: a verse
each: failed: nothing rhymes
first: poet 1, in time
race: the other one was told: cancelled
race: poet 1, at once
";
    assert_eq!(printed_by(env!("CARGO_BIN_EXE_many")), printed);
}

#[test]
fn a_chain_and_a_coroutine_come_to_the_same() {
    let printed = "\
chain: A POEM ON THE RIVER
coroutine: A POEM ON THE RIVER
at once: a poem on the river and a poem on the lamp
";
    assert_eq!(printed_by(env!("CARGO_BIN_EXE_coroutine")), printed);
}

#[test]
fn a_producer_stops_when_it_is_given_up() {
    let printed = "\
the producer stops its work
cancelled: there is no poem, and that is fine
the producer stops its work
timed out: no result after 5ms
";
    assert_eq!(printed_by(env!("CARGO_BIN_EXE_giving-up")), printed);
}

#[test]
fn the_loop_turns_while_a_thread_works() {
    let printed = "\
tick 1
tick 2
tick 3
found: moon, June
told on the loop's thread: true
";
    assert_eq!(printed_by(env!("CARGO_BIN_EXE_blocking-work")), printed);
}

#[test]
fn lines_come_back_louder_however_they_are_cut() {
    let server = Server::start(env!("CARGO_BIN_EXE_shout"), &[]);
    let mut client = server.client();

    client.write_all(b"hel").unwrap();
    client.write_all(b"lo\nis there").unwrap();
    client.write_all(b" anybody\n").unwrap();
    client.shutdown(Shutdown::Write).unwrap();

    let mut heard = String::new();
    client.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "Speak up.\nHELLO\nIS THERE ANYBODY\n");
}

#[test]
fn the_readme_shows_its_programs_whole() {
    let read = |path: &str| std::fs::read_to_string(root().join(path)).unwrap();
    let readme = read("README.md");

    for program in ["docs/programs/echo.rs", "docs/programs/greet.rs"] {
        let source = read(program);
        let (_about, code) = source.split_once("\n\n").unwrap();
        let shown = readme.contains(&format!("```rust,no_run\n{code}```\n"));
        assert!(shown, "the README shows something else than {program}");
    }
}

#[test]
fn the_poetry_server_serves_two_at_once() {
    let poem = root().join("examples/poems/lamp.txt");
    let poem = poem.to_str().unwrap();
    let server = Server::start(env!("CARGO_BIN_EXE_poetry-server"), &[poem]);
    let (mut first, mut second) = (server.client(), server.client());

    let mut piece = [0; 30];
    first.read_exact(&mut piece).unwrap();
    // The first one has not read its poem to the end.
    second.read_exact(&mut piece).unwrap();

    let whole = std::fs::read(poem).unwrap();
    assert_eq!(piece, whole[..30]);
    let mut rest = Vec::new();
    second.read_to_end(&mut rest).unwrap();
    assert_eq!(rest, whole[30..]);
}

fn printed_by(program: &str) -> String {
    let ended = Command::new(program).output().unwrap();
    assert_eq!(str::from_utf8(&ended.stderr).unwrap(), "");
    assert!(ended.status.success());
    String::from_utf8(ended.stdout).unwrap()
}

/// A server in a process of its own, which ends with the test.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    /// Starts a server whose first line ends in its address.
    fn start(program: &str, arguments: &[&str]) -> Self {
        let mut process = Command::new(program)
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let output = process.stdout.as_mut().unwrap();
        BufReader::new(output).read_line(&mut line).unwrap();
        let address = line.trim().rsplit(' ').next().unwrap().to_owned();
        Self { process, address }
    }

    fn client(&self) -> TcpStream {
        let client = TcpStream::connect(&self.address).unwrap();
        client.set_read_timeout(Some(LIMIT)).unwrap();
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
