//! What is true of every client of the tutorial, however it is made.

use std::io::Write;
use std::net::TcpStream;

use crate::common::{Ended, Program, run};
use crate::servers::{accept, address_of, listen};

/// Starts a client with these arguments.
#[track_caller]
pub(crate) fn start(program: &str, args: &[&str]) -> Program {
    Program::start(program, args)
}

/// What a program printed on standard output.
#[track_caller]
pub(crate) fn text(ended: &Ended) -> &str {
    str::from_utf8(&ended.output).unwrap()
}

/// Checks how a program ended: its code, its errors, and the lines of its output but for the last, in which
/// there is a time and before it this many poems.
#[track_caller]
pub(crate) fn assert_got(ended: &Ended, code: i32, errors: &str, lines: &[String], poems: usize) {
    assert_eq!((ended.code, ended.errors.as_str()), (code, errors));
    let all: Vec<_> = text(ended).lines().collect();
    let (last, others) = all.split_last().expect("there is a last line");
    assert_eq!(others, lines);
    assert!(
        last.starts_with(&format!("Got {poems} poems in 0:00:")),
        "{last}"
    );
}

/// The line for a piece.
pub(crate) fn piece(task: usize, bytes: usize, server: &str) -> String {
    format!("Task {task}: got {bytes} bytes of poetry from {server}")
}

/// The line for a whole poem.
pub(crate) fn poem(task: usize, bytes: usize) -> String {
    format!("Task {task}: {bytes} bytes of poetry")
}

/// The line that says that there will be no more of a poem.
pub(crate) fn finished(task: usize) -> String {
    format!("Task {task} finished")
}

/// Starts a client whose server falls silent after nine bytes; it stays so as long as the connection is there.
#[track_caller]
pub(crate) fn half_way(program: &str, args: &[&str]) -> (Program, TcpStream) {
    let listener = listen();
    let client = start(program, &[args, &[&address_of(&listener)]].concat());
    let mut silent = accept(&listener);
    silent.write_all(b"half a po").unwrap();
    (client, silent)
}

/// Checks that a program ends without a word if no one reads what it prints.
#[track_caller]
pub(crate) fn assert_ends_quietly_when_no_one_reads(program: &str, args: &[&str]) {
    let line = r#"("$@"; echo "code $?" >&2) | head -1"#;
    let ended = run("sh", &[&["-c", line, "sh", program], args].concat());

    assert_eq!(text(&ended).lines().count(), 1);
    assert_eq!(ended.errors, "code 0\n");
}
