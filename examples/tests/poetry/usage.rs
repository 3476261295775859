//! How the program is called: what it refuses, in one line, and what it takes.

use protocols::reactor::backend;

use crate::common::run;
use crate::{LAMP, POETRY, text};

#[test]
fn bad_usage_is_told_in_one_line() {
    let size = "a piece is a whole number of bytes from 1 up";
    let delay = "a delay is a number of seconds from 0 to 86400";
    let timeout = "a time to wait is a number of seconds above 0, up to 86400";
    let port = "a port is a number from 1 to 65535";

    for bad in [
        "0",
        "abc",
        "",
        "-1",
        "1.5",
        "30,0",
        "30,,10",
        "99999999999999999999",
    ] {
        assert_refused(&["--num-bytes", bad], size);
    }
    for bad in ["abc", "", "-1", "nan", "inf", "1e9"] {
        assert_refused(&["--delay", bad], delay);
    }
    for bad in ["abc", "", "-1", "0", "nan", "inf", "1e9"] {
        assert_refused(&["--timeout", bad], timeout);
    }
    for bad in ["abc", "-1", "0", "65536", "1.5", "localhost:http"] {
        assert_refused(&["--servers", bad], port);
        assert_refused(&["--servers", "10000", bad], port);
    }
    assert_refused(&["--servers", "::1"], "an IPv6 address stands in brackets");
    assert_refused(&["--servers"], "Usage: poetry [OPTIONS] [POEM-FILE]...");
    assert_refused(
        &[LAMP, "--servers", "10000"],
        "cannot be used with '--servers",
    );
    assert_refused(&["--delai", "1"], "'--delay'");
}

#[test]
fn a_file_that_cannot_be_read_is_told_in_one_line() {
    let right = "; a poem is a file that you may read";

    assert_refused(&["poems/nowhere.txt"], right);
    assert_refused(&[LAMP, "poems/nowhere.txt"], "\"poems/nowhere.txt\": ");
    assert_refused(&["poems"], right);
    assert_refused(&["two\nlines"], right);
}

#[test]
fn an_unknown_backend_is_told_in_one_line_with_the_ones_that_there_are() {
    let right = format!("there are: {}", backend::NAMES.join(", "));

    for bad in ["nope", "", "two\nlines"] {
        assert_refused(&["--backend", bad], &right);
    }
    for bad in ["nope", "two\nlines"] {
        let variable = format!("REACTOR_BACKEND={bad}");
        let ended = run("env", &[&variable, POETRY]);
        ended.assert_refused("poetry", &format!("in REACTOR_BACKEND; {right}"));
    }
}

#[test]
fn what_the_system_does_not_give_is_told_with_its_reason() {
    for files in ["7", "10"] {
        let line = r#"ulimit -n "$1"; exec "$0""#;
        let ended = run("sh", &["-c", line, POETRY, files]);

        ended.assert_refused("poetry", ": Too many open files");
    }
}

#[test]
fn the_option_goes_before_the_environment() {
    let args = [
        "REACTOR_BACKEND=nope",
        POETRY,
        "--backend=polling",
        "--delay=0",
    ];

    assert_eq!(run("env", &args).code, 0);
}

#[test]
fn help_and_version_are_no_errors() {
    let help = run(POETRY, &["--help"]);
    assert!(text(&help).contains("Usage: poetry [OPTIONS] [POEM-FILE]..."));
    assert_eq!((help.code, help.errors.as_str()), (0, ""));

    let version = run(POETRY, &["--version"]);
    assert!(text(&version).starts_with("poetry "));
    assert_eq!((version.code, version.errors.as_str()), (0, ""));
}

/// Checks that the program refuses these arguments in one line that has `part` in it.
#[track_caller]
fn assert_refused(args: &[&str], part: &str) {
    run(POETRY, args).assert_refused("poetry", part);
}
