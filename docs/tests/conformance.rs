//! The conformance pages and the tests that they name agree.

use std::collections::BTreeSet;
use std::fs;

use docs::conformance::{LINES, pages};
use docs::tables;

#[test]
fn every_page_names_the_tests_that_hold_its_lines() {
    let held = LINES.held().unwrap();

    for page in pages().unwrap() {
        let text = fs::read_to_string(&page).unwrap();
        let expected = LINES.with_tests(&text, &held);

        let stale = text
            .lines()
            .zip(expected.lines())
            .find(|(is, should)| is != should);
        assert_eq!(
            stale,
            None,
            "{} is stale; write it anew with `cargo run -p docs --bin conformance`",
            page.display()
        );
    }
}

/// The pages that hold completely.
const COMPLETE: [&str; 11] = [
    "deferred.md",
    "doubles.md",
    "endpoints.md",
    "failure.md",
    "listening.md",
    "producers.md",
    "reactor.md",
    "receivers.md",
    "tasks.md",
    "threads.md",
    "transports.md",
];

/// Lines that no test need hold, and why.
const EXCEPT: [(&str, &str); 11] = [
    ("E-012", "there is no standard I/O yet"),
    ("E-015", "there are no child processes yet"),
    ("E-016", "there are no child processes yet"),
    ("E-017", "there are no child processes yet"),
    ("E-018", "there are no child processes yet"),
    ("E-035", "there is no TLS yet"),
    ("E-037", "there is no TLS yet"),
    ("E-038", "there is no TLS yet"),
    ("N-015", "there is no TLS yet"),
    ("N-083", "an interface is an `IpAddr`, which no name is"),
    ("Z-005", "a `Duration` is never negative"),
];

#[test]
fn every_line_of_a_complete_page_is_held_by_a_test() {
    let held = LINES.held().unwrap();

    for page in COMPLETE {
        let path = tables::root().join("docs/conformance").join(page);
        let text = fs::read_to_string(path).unwrap();

        let missing: Vec<_> = LINES
            .rows(&text)
            .filter(|(line, kind)| {
                let is_exception = EXCEPT.iter().any(|(exception, _)| exception == line);
                let is_held = held.contains_key(*line) || is_exception;
                ["core", "full", "better"].contains(kind) && !is_held
            })
            .collect();

        assert_eq!(missing, [], "{page}");
    }
}

#[test]
fn every_line_that_a_test_names_is_on_a_page() {
    let texts: Vec<_> = pages()
        .unwrap()
        .iter()
        .map(|page| fs::read_to_string(page).unwrap())
        .collect();
    let known: BTreeSet<_> = texts
        .iter()
        .flat_map(|text| LINES.rows(text))
        .map(|(line, _)| line)
        .collect();

    let unknown: Vec<_> = LINES
        .held()
        .unwrap()
        .into_iter()
        .filter(|(line, _)| !known.contains(line.as_str()))
        .collect();

    assert_eq!(unknown, []);
}
