//! Standard output that no one reads, as in `hello | true`, or no longer reads, as in `fastpoetry … | head -1`.

use std::io::{self, BufRead, BufReader, PipeWriter, Read};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};

use crate::common::{PATIENCE, serve};
use crate::netcat::{connect, rest_of};
use crate::table::{PROGRAMS, Row, Setting};

const FROM_THE_START: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/unread.pid");
const NO_LONGER: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/no_longer_read.pid");

/// They have nothing to say.
const SILENT: [&str; 2] = ["simple", "simple-poll"];

#[test]
fn a_program_whose_output_no_one_reads_ends_quietly() {
    let slow = env!("CARGO_BIN_EXE_slowpoetry");
    let (_poems, server) = serve(slow, &["--delay=0", "--num-bytes=999", "poems/lamp.txt"]);
    let (_xform, xform) = serve(env!("CARGO_BIN_EXE_transformedpoetry"), &[""; 0]);
    let (server, xform) = (server.to_string(), xform.to_string());
    let setting = Setting {
        server: &server,
        xform: &xform,
        pid_file: FROM_THE_START,
        ..Setting::ALONE
    };

    let with_words = |row: &&Row| !SILENT.contains(&row.name());
    for row in PROGRAMS.iter().filter(with_words) {
        let (code, mut errors) = Unread::start(row, &setting).end();

        if row.name() == "failure-examples" {
            // A panic is one of its examples.
            assert!(errors.contains("RhymeSchemeViolation"), "{errors}");
            errors.clear();
        }
        assert_eq!((code, errors.as_str()), (0, ""), "{}", row.name());
    }
}

#[test]
fn help_that_no_one_reads_is_no_error() {
    for row in PROGRAMS {
        let program = Unread::spawn(Command::new(row.path()).arg("--help"), closed());

        assert_eq!(program.end(), (0, String::new()), "{}", row.name());
    }
}

#[test]
fn a_server_ends_quietly_when_it_has_more_to_say_than_is_read() {
    for name in [
        "slowpoetry",
        "poetry-proxy-1",
        "poetry-proxy-2",
        "poetry-proxy-2-once",
        "poetry-proxy-3",
        "fastpoetry-service",
    ] {
        let (mut server, address) = read_the_first_line_of(name);

        // There is a line about each client. The first ones may still find a reader: what another test starts has a copy
        // of all descriptors, until it is another program.
        let begun = Instant::now();
        while server.runs() && begun.elapsed() < PATIENCE {
            drop(TcpStream::connect(address));
            thread::yield_now();
        }

        assert_eq!(server.end(), (0, String::new()), "{name}");
    }
}

#[test]
fn a_server_that_has_said_all_goes_on_when_its_output_is_no_longer_read() {
    for name in ["fastpoetry", "fastpoetry-slow", "transformedpoetry"] {
        let (server, address) = read_the_first_line_of(name);

        let client = connect(address);
        if name != "transformedpoetry" {
            assert!(!rest_of(client).is_empty());
        }
        server.signal(Signal::TERM);

        assert_eq!(server.end(), (143, String::new()), "{name}");
    }
}

/// Starts a server, and reads where it listens, and nothing more.
#[track_caller]
fn read_the_first_line_of(name: &str) -> (Unread, SocketAddr) {
    let row = PROGRAMS.iter().find(|row| row.name() == name).unwrap();
    let setting = Setting {
        pid_file: NO_LONGER,
        ..Setting::ALONE
    };
    let (reader, writer) = io::pipe().unwrap();
    let server = Unread::spawn(Command::new(row.path()).args(row.args(&setting)), writer);
    let mut line = String::new();
    BufReader::new(reader).read_line(&mut line).unwrap();
    let address = line.trim_end().trim_end_matches('.').rsplit(' ').next();
    (server, address.unwrap().parse().expect("it tells where"))
}

/// A pipe that no one reads.
fn closed() -> PipeWriter {
    io::pipe().unwrap().1
}

/// A running program, which ends when its test does.
struct Unread(Child);

impl Unread {
    fn start(row: &Row, setting: &Setting<'_>) -> Self {
        Self::spawn(Command::new(row.path()).args(row.args(setting)), closed())
    }

    fn spawn(command: &mut Command, output: PipeWriter) -> Self {
        let command = command.stdin(Stdio::null()).stderr(Stdio::piped());
        Self(command.stdout(output).spawn().unwrap())
    }

    #[track_caller]
    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.0), signal).unwrap();
    }

    fn runs(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }

    /// Waits for the end: the code, and what there was on standard error.
    #[track_caller]
    fn end(mut self) -> (i32, String) {
        let mut errors = self.0.stderr.take().unwrap();
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            let mut text = String::new();
            let read = errors.read_to_string(&mut text);
            sender.send(read.map(|_| text))
        });
        let errors = receiver.recv_timeout(PATIENCE);
        let errors = errors.expect("the program ends").unwrap();
        // It has closed its standard error, so it is ending.
        let status = self.0.wait().unwrap();
        let code = status.code().or_else(|| Some(128 + status.signal()?));
        (code.expect("a code or a signal ended it"), errors)
    }
}

impl Drop for Unread {
    fn drop(&mut self) {
        // Both fail only for a program that has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
