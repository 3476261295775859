//! What is true of every client of the tutorial, however it is made.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;

use protocols::reactor::backend;

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

/// Checks that a client refuses what cannot be an address, and no address at all, in one line.
#[track_caller]
pub(crate) fn assert_refuses_bad_addresses(program: &str) {
    let name = name(program);
    let usage = "the following required arguments were not provided: <[HOST:]PORT>...; Usage: ";
    run::<&str>(program, &[]).assert_refused(name, usage);
    for bad in ["abc", "-1", "0", "65536", "localhost:http", "[::1]:0"] {
        let right = "a port is a number from 1 to 65535";
        run(program, &[bad]).assert_refused(name, right);
        run(program, &["10000", bad]).assert_refused(name, right);
    }
    run(program, &["::1"]).assert_refused(name, "an IPv6 address stands in brackets");
    run(program, &["--nonsense", "10000"]).assert_refused(name, "'--nonsense'");
}

/// Checks what a program says of itself, and that it refuses options which it does not know.
#[track_caller]
pub(crate) fn assert_explains_itself(program: &str) {
    let name = name(program);
    let help = run(program, &["--help"]);
    assert!(
        text(&help).contains(&format!("Usage: {name}")),
        "{}",
        text(&help)
    );
    assert_eq!((help.code, help.errors.as_str()), (0, ""));

    let version = run(program, &["--version"]);
    assert!(text(&version).starts_with(&format!("{name} ")));
    assert_eq!(version.code, 0);

    run(program, &["--nonsense"]).assert_refused(name, "'--nonsense'");
}

/// Checks that a program tells of a backend that there is not.
#[track_caller]
pub(crate) fn assert_refuses_unknown_backends(program: &str, args: &[&str]) {
    let args = [&["--backend", "nope"], args].concat();
    let right = format!("there are: {}", backend::NAMES.join(", "));
    run(program, &args).assert_refused(name(program), &right);
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

fn name(program: &str) -> &str {
    Path::new(program).file_name().unwrap().to_str().unwrap()
}
