//! The page of the faults and the tests that it names agree.

use std::collections::BTreeSet;
use std::fs;

use docs::faults::{FAULTS, page};

#[test]
fn the_page_names_the_tests_that_show_each_fault() {
    let text = fs::read_to_string(page()).unwrap();

    let expected = FAULTS.with_tests(&text, &FAULTS.held().unwrap());

    let stale = text
        .lines()
        .zip(expected.lines())
        .find(|(is, should)| is != should);
    assert_eq!(
        stale, None,
        "the page is stale; write it anew with `cargo run -p docs --bin conformance`"
    );
}

#[test]
fn every_fault_is_shown_on_every_backend() {
    let text = fs::read_to_string(page()).unwrap();
    let shown = FAULTS.held().unwrap();

    let missing: Vec<_> = FAULTS
        .rows(&text)
        .filter(|(fault, _)| {
            let tests = shown.get(*fault).map_or(&[][..], Vec::as_slice);
            tests.iter().all(|test| test.is_alone)
        })
        .collect();

    assert_eq!(missing, []);
}

#[test]
fn every_fault_that_a_test_names_is_on_the_page() {
    let text = fs::read_to_string(page()).unwrap();
    let known: BTreeSet<_> = FAULTS.rows(&text).map(|(fault, _)| fault).collect();

    let unknown: Vec<_> = FAULTS
        .held()
        .unwrap()
        .into_iter()
        .filter(|(fault, _)| !known.contains(fault.as_str()))
        .collect();

    assert_eq!(unknown, []);
}
