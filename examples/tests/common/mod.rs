//! Programs run as a user runs them, with an end to every wait.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// How long a test waits for what should come at once: only a broken program needs all of it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A running program, which ends when its test does.
pub(crate) struct Program {
    child: Child,
    output: Receiver<Vec<u8>>,
    errors: Receiver<Vec<u8>>,
}

/// What a program that has ended left behind.
pub(crate) struct Ended {
    /// Its exit code, or what a shell shows for one that a signal ended.
    pub(crate) code: i32,
    /// Its standard output, from where it was read last.
    pub(crate) output: Vec<u8>,
    /// Its standard error.
    pub(crate) errors: String,
}

impl Program {
    /// Starts a program.
    #[track_caller]
    pub(crate) fn start<S: AsRef<OsStr>>(path: &str, args: &[S]) -> Self {
        let mut child = Command::new(path)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let output = child.stdout.take().expect("the output is piped");
        let errors = child.stderr.take().expect("the errors are piped");
        Self {
            child,
            output: lines_of(output),
            errors: lines_of(errors),
        }
    }

    /// Waits for the next line of standard output, and gives it without its end.
    #[track_caller]
    pub(crate) fn line(&self) -> String {
        let line = self.output.recv_timeout(PATIENCE);
        let line = String::from_utf8(line.expect("the program prints another line"));
        line.expect("the line is text").trim_end().to_owned()
    }

    /// Waits until the program waits, where that can be told: before that, a signal would end it like any other one.
    #[track_caller]
    fn wait_until_it_waits(&self) {
        if cfg!(not(target_os = "linux")) {
            return;
        }
        let begun = Instant::now();
        let path = format!("/proc/{}/stat", self.child.id());
        loop {
            let stat = fs::read_to_string(&path).expect("the program still runs");
            // The name of the program comes before its state, in parentheses, and may have some.
            let (_, state) = stat
                .rsplit_once(") ")
                .expect("its state comes after its name");
            if state.starts_with('S') {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "it waits for nothing: {stat}");
            thread::yield_now();
        }
    }

    /// Sends a signal, as Ctrl-C and `kill` do, once the program waits for something.
    #[track_caller]
    pub(crate) fn signal(&self, signal: Signal) {
        self.wait_until_it_waits();
        kill_process(Pid::from_child(&self.child), signal).expect("the program still runs");
    }

    /// Waits until the program ends.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        let output = rest_of(&self.output);
        let errors = rest_of(&self.errors);
        // It has closed both its outputs, so it is ending.
        let status = self.child.wait().expect("the program can be waited for");
        Ended {
            code: status
                .code()
                .or_else(|| Some(128 + status.signal()?))
                .expect("a code or a signal ended the program"),
            output,
            errors: String::from_utf8(errors).expect("the errors are text"),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only for a program that has already ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Ended {
    /// Checks that the program refused how it was called: with the code 2, and with one line that has
    /// `part` in it.
    #[track_caller]
    pub(crate) fn assert_refused(&self, program: &str, part: &str) {
        let errors = &self.errors;
        assert_eq!(
            (self.code, self.output.as_slice()),
            (2, &b""[..]),
            "{errors}"
        );
        assert!(errors.starts_with(&format!("{program}: ")), "{errors}");
        assert!(errors.contains(part), "no {part:?} in: {errors}");
        assert!(
            errors.ends_with('\n') && errors.lines().count() == 1,
            "{errors}"
        );
    }
}

/// Runs a program to its end.
#[track_caller]
pub(crate) fn run<S: AsRef<OsStr>>(path: &str, args: &[S]) -> Ended {
    Program::start(path, args).end()
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

/// Writes a poem for one test, and gives its path.
pub(crate) fn poem_file(name: &str, poem: &[u8]) -> String {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, poem).unwrap();
    path.into_os_string().into_string().unwrap()
}

/// Reads lines, ends and all, in a thread of their own, so that a test can stop waiting for one.
fn lines_of(output: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, lines) = mpsc::channel();
    thread::spawn(move || {
        let mut output = BufReader::new(output);
        loop {
            let mut line = Vec::new();
            let end = !output.read_until(b'\n', &mut line).is_ok_and(|n| n > 0);
            // An error says that the test is over.
            if end || sender.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

/// Waits for all the lines that are still to come.
#[track_caller]
fn rest_of(lines: &Receiver<Vec<u8>>) -> Vec<u8> {
    let deadline = Instant::now() + PATIENCE;
    let mut rest = Vec::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        match lines.recv_timeout(left) {
            Ok(line) => rest.extend(line),
            Err(mpsc::RecvTimeoutError::Disconnected) => return rest,
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("the program did not end"),
        }
    }
}
