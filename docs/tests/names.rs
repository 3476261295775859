//! The book's page of Twisted's names is that of the API's documentation, and names what there is.

use std::fs;

use docs::names::{page, written};

#[test]
fn the_page_is_as_the_program_writes_it() {
    let there = fs::read_to_string(page()).unwrap_or_default();

    let again = "run: cargo run -p docs --bin names";
    assert!(there == written().unwrap(), "the page has changed; {again}");
}

#[test]
fn every_name_of_ours_is_a_link_which_rustdoc_checks() {
    let tables = fs::read_to_string(docs::tables::root().join("protocols/src/twisted.md"));
    let tables = tables.unwrap();
    let rows = tables.lines().filter(|line| line.starts_with("| "));

    for row in rows {
        let here = row.split('|').nth(2).unwrap_or_default();
        // What stands between links: commas, and what is no item.
        let bare = here.split("[`").next().unwrap_or_default();
        let known = ["", "here", "`Display`", "`Debug`", "`?`"].contains(&bare.trim());
        assert!(known, "{here} is no link");
    }
}
