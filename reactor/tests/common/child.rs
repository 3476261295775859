//! A test in two processes: the second one is this program again, told to run the same test, which plays
//! the child's part there.

use std::process::Command;
use std::{env, thread};

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
