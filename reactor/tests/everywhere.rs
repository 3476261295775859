//! The checks of this crate run on every backend that there is, and say so where one is missing.

mod common;

use std::env;
use std::process::Command;
use std::thread;

use common::backends::check_on;
use common::{BackendName, child_of_this_test, in_a_child, on_every_backend};
use reactor::{Reactor, backend};

on_every_backend!(a_check_runs_on_the_backend_that_its_name_says);

//
fn a_check_runs_on_the_backend_that_its_name_says(on: BackendName) {
    let test = thread::current();
    let name = test.name().expect("the thread of a test has its name");

    let reactor = on.reactor();

    assert_eq!(name.split("::").next(), Some(reactor.backend_name()));
}

//
#[test]
fn no_backend_of_this_platform_is_left_out() {
    let program = env::current_exe().unwrap();
    let output = Command::new(program).arg("--list").output().unwrap();
    let listed = String::from_utf8(output.stdout).unwrap();

    for name in backend::NAMES {
        let check = format!("{name}::a_check_runs_on_the_backend_that_its_name_says: test");
        assert!(listed.lines().any(|line| line == check), "{check}");
    }
}

//
#[test]
fn a_check_that_cannot_run_on_a_backend_says_so_by_its_name() {
    if in_a_child() {
        check_on("carrier pigeons", |_: Reactor| panic!("it has come"));
        return;
    }

    let output = child_of_this_test().output().unwrap();

    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    let expected = "skipped: this platform has no backend carrier pigeons";
    assert!(said.lines().any(|line| line == expected), "{said}");
}
