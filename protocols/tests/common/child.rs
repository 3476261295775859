//! Checks that need a process of their own, such as those that count or use up its descriptors.

use std::env;
use std::fs;
use std::process::Command;

use protocols::reactor::Reactor;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

const IN_CHILD: &str = "PROTOCOLS_TEST_IN_CHILD";

/// Runs `check`, which is the body of the check called `name`, in a process that does nothing else.
#[track_caller]
pub(crate) fn in_a_process_of_its_own(reactor: &Reactor, name: &str, check: impl FnOnce()) {
    if env::var_os(IN_CHILD).is_some() {
        return check();
    }
    let name = format!("{}::{name}", reactor.backend_name());
    let output = Command::new(env::current_exe().expect("tests know their program"))
        .args(["--exact", &name, "--nocapture", "--test-threads=1"])
        .env(IN_CHILD, "1")
        .output()
        .expect("a program can be run twice");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("1 passed"), "{said}");
    // It stands behind the name of the test.
    if let Some((_, measured)) = said.split_once("measured: ") {
        println!("measured: {}", measured.lines().next().unwrap_or_default());
    }
}

/// How many descriptors the process has.
pub(crate) fn open_descriptors() -> usize {
    let list = fs::read_dir("/proc/self/fd").expect("Linux tells");
    // One is the list's own.
    list.count() - 1
}

/// Lets the process have this many descriptors in all.
pub(crate) fn limit_descriptors(to: usize) {
    let limit = Rlimit {
        current: Some(to as u64),
        ..getrlimit(Resource::Nofile)
    };
    setrlimit(Resource::Nofile, limit).expect("a limit can be lowered");
}
