//! A test in two processes: the second one is this program again, told to run the same test, which plays
//! the child's part there.

use std::io::{BufRead, BufReader, Lines};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::{env, thread};

use rustix::process::{Pid, Signal, kill_process};

use super::LIMIT;

/// Set in the child only.
const MARK: &str = "IN_A_CHILD";

/// Whether this process is the child of a test, and its test is to play the child's part.
pub(crate) fn in_a_child() -> bool {
    env::var_os(MARK).is_some()
}

/// A child of the test that calls this; it prints `running 1 test` before it plays its part.
pub(crate) fn child_of_this_test() -> Command {
    let test = thread::current();
    let mut command = Command::new(env::current_exe().expect("tests know their program"));
    command
        .arg("--exact")
        .arg(test.name().expect("the thread of a test has its name"))
        .arg("--nocapture")
        .env(MARK, "1");
    command
}

/// Plays the child's part of a test in a child, so that what it changes in its process is no other
/// test's business; the test itself only looks whether that went well.
#[track_caller]
pub(crate) fn in_a_child_of_its_own(part: impl FnOnce()) {
    if in_a_child() {
        part();
        return;
    }
    let output = child_of_this_test().output().expect("it can be run twice");
    let stdout = String::from_utf8_lossy(&output.stdout);
    // A child that finds no test ends well too.
    assert!(
        output.status.success() && stdout.contains("running 1 test"),
        "{stdout}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Plays the child's part of a test in a child, which this signal ends, and nothing else before it.
#[track_caller]
pub(crate) fn ends_a_child(signal: Signal, part: impl FnOnce()) {
    if in_a_child() {
        part();
        return;
    }

    let status = Running::child().end();

    assert_eq!(status.signal(), Some(signal.as_raw()), "{status}");
}

/// A child that runs, and what it prints.
pub(crate) struct Running {
    process: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Running {
    /// Starts the child of this test.
    #[track_caller]
    pub(crate) fn child() -> Self {
        Self::of(child_of_this_test())
    }

    /// Starts a child of this test by this command.
    #[track_caller]
    pub(crate) fn of(mut command: Command) -> Self {
        let mut process = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("a program can be run twice");
        let stdout = process.stdout.take().expect("it is piped");
        let lines = BufReader::new(stdout).lines();
        let mut child = Self { process, lines };
        // A child that finds no test ends well too.
        child.wait_for("running 1 test");
        child
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_child(&self.process)
    }

    /// Waits until the child has printed this line.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, expected: &str) {
        let mut lines = self.lines.by_ref().map_while(Result::ok);
        assert!(
            lines.any(|line| line == expected),
            "not in what it prints: {expected}"
        );
    }

    /// How the process ended; it is killed if it does not end.
    pub(crate) fn end(self) -> ExitStatus {
        let pid = self.pid();
        let Self { mut process, lines } = self;
        // What the child writes from now on must not find its pipe closed.
        thread::spawn(move || lines.for_each(drop));
        let (ended, end) = mpsc::channel::<()>();
        let watchdog = thread::spawn(move || {
            if end.recv_timeout(2 * LIMIT) == Err(mpsc::RecvTimeoutError::Timeout) {
                kill_process(pid, Signal::KILL).expect("it still runs");
            }
        });
        let status = process.wait().expect("the child can be waited for");
        drop(ended);
        watchdog.join().expect("the watchdog does not panic");
        status
    }
}
