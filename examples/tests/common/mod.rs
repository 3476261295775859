//! Programs run as a user runs them, with an end to every wait.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// How long a test waits for what should come at once: only a broken program needs all of it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running program, which ends when its test does.
pub(crate) struct Program {
    child: Child,
    lines: Receiver<String>,
}

impl Program {
    /// Starts a program. Its standard error goes where the test's does.
    #[track_caller]
    pub(crate) fn start<S: AsRef<OsStr>>(path: &str, args: &[S]) -> Self {
        let mut child = Command::new(path)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let output = child.stdout.take().expect("the output is piped");
        Self {
            child,
            lines: lines_of(output),
        }
    }

    /// Waits for the next line of standard output.
    #[track_caller]
    pub(crate) fn line(&self) -> String {
        let line = self.lines.recv_timeout(PATIENCE);
        line.expect("the program prints another line")
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only for a program that has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Starts a poetry server on a port of its choice, and tells where it listens.
///
/// The first line, which tells the port, is read.
#[track_caller]
pub(crate) fn serve<S: AsRef<OsStr>>(path: &str, args: &[S]) -> (Program, SocketAddr) {
    let server = Program::start(path, args);
    let line = server.line();
    let address = line.trim_end_matches('.').rsplit(' ').next();
    let address = address.and_then(|address| address.parse().ok());
    (
        server,
        address.expect("the first line ends with the address"),
    )
}

/// Runs a program to its end: its exit code, its standard output, its standard error.
#[track_caller]
pub(crate) fn run<S: AsRef<OsStr>>(path: &str, args: &[S]) -> (i32, String, String) {
    let mut child = Command::new(path)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let output = text_of(child.stdout.take().expect("the output is piped"));
    let errors = text_of(child.stderr.take().expect("the errors are piped"));

    let (Ok(output), Ok(errors)) = (output.recv_timeout(PATIENCE), errors.recv_timeout(PATIENCE))
    else {
        let _ = child.kill();
        let _ = child.wait();
        panic!("the program did not end");
    };
    // It has closed both its outputs, so it is ending.
    let status = child.wait().expect("the program can be waited for");
    (
        status.code().expect("no signal ended the program"),
        output,
        errors,
    )
}

/// Reads lines in a thread of their own, so that a test can stop waiting for one.
fn lines_of(output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        // An error says that the test is over.
        let _ = lines.map(|line| sender.send(line)).find(Result::is_err);
    });
    lines
}

/// Reads to the end in a thread of its own, so that a test can stop waiting for it.
fn text_of(mut output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, text) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        if output.read_to_string(&mut text).is_ok() {
            let _ = sender.send(text);
        }
    });
    text
}
