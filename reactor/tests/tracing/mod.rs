//! The system calls of a test, counted: they are the same on every run, which no time is.
//!
//! The test runs once more in a process of its own under `strace`, and what it has that write down is counted. A
//! machine that has no `strace`, or does not let it look on, is said so, and the test is left out.

#![allow(dead_code, reason = "no test file needs all of it")]

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::{Command, Stdio};
use std::{env, fs, process, thread};

/// Set in the process that is looked at.
const MARK: &str = "UNDER_STRACE";

/// What is said between the calls that count, and around those that do not; each in one call to write.
const BEGIN: &str = "-- count from here --";
const END: &str = "-- count to here --";

/// How often each system call was made.
pub(crate) type Calls = BTreeMap<String, usize>;

/// Calls that ask for the time: where the kernel has to be asked at all, that is no matter of ours.
const OF_CLOCKS: [&str; 2] = ["clock_gettime", "gettimeofday"];

/// The system calls that `part` makes between [`begin`] and [`end`], in the thread that calls these.
///
/// Nothing is returned in the process that is looked at, nor where nobody can look.
pub(crate) fn system_calls(part: impl FnOnce()) -> Option<Calls> {
    if env::var_os(MARK).is_some() {
        part();
        return None;
    }
    if !can_be_looked_at() {
        eprintln!("skipped: this machine has no strace, or does not let it look on");
        return None;
    }
    let test = thread::current().name().expect("that of a test").to_owned();
    let file = env::temp_dir().join(format!("{}-{}", process::id(), test.replace("::", "-")));
    let output = Command::new("strace")
        .args(["-f", "-qq", "-o"])
        .arg(&file)
        .arg(env::current_exe().expect("tests know their program"))
        .args(["--exact", &test, "--nocapture"])
        .env(MARK, "1")
        .output();
    let written = fs::read_to_string(&file);
    fs::remove_file(&file).expect("strace has made it");
    let output = output.expect("strace was found");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("1 passed"), "{said}");
    Some(counted(&written.expect("strace writes text")))
}

fn can_be_looked_at() -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-o", "/dev/null", "true"]);
    strace.stdout(Stdio::null()).stderr(Stdio::null());
    strace.status().is_ok_and(|status| status.success())
}

/// Has the calls counted from here on.
pub(crate) fn begin() {
    say(BEGIN);
}

/// Has the calls counted up to here, or until [`begin`] is called again.
pub(crate) fn end() {
    say(END);
}

fn say(mark: &str) {
    io::stderr()
        .write_all(mark.as_bytes())
        .expect("somebody listens");
}

/// Counts the calls between marks, in what `strace` has written: the number of a thread, and a call of that thread.
fn counted(written: &str) -> Calls {
    let mut calls = Calls::new();
    let mut counting = None;
    for line in written.lines() {
        let Some((thread, call)) = line.split_once(char::is_whitespace) else {
            continue;
        };
        if call.contains(BEGIN) {
            counting = Some(thread);
        } else if call.contains(END) {
            counting = None;
        } else if counting == Some(thread)
            && let Some(name) = name_of(call.trim_start())
        {
            *calls.entry(name.to_owned()).or_default() += 1;
        }
    }
    calls
}

/// The name of a call that begins on this line: neither the rest of one, nor a signal.
fn name_of(call: &str) -> Option<&str> {
    let (name, _) = call.split_once('(')?;
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_one = !name.is_empty() && name.chars().all(is_name);
    (is_one && !OF_CLOCKS.contains(&name)).then_some(name)
}
