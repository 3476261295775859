//! What a terminal shows.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::common::PATIENCE;
use crate::{LAMP, POETRY};

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
