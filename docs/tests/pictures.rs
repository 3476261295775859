//! The pictures of the book are those that the program draws.

use std::collections::BTreeSet;
use std::fs;

use docs::pictures::{all, folder};
use docs::tables::files_in;

#[test]
fn every_picture_is_as_the_program_draws_it() {
    for picture in all() {
        let there = fs::read_to_string(folder().join(picture.name)).unwrap_or_default();

        let again = "run: cargo run -p docs --bin pictures";
        assert!(
            there == picture.svg,
            "{} has changed; {again}",
            picture.name
        );
    }
}

#[test]
fn no_picture_is_left_over() {
    let drawn: BTreeSet<_> = all()
        .iter()
        .map(|picture| folder().join(picture.name))
        .collect();
    let there: BTreeSet<_> = files_in(&folder(), "svg").unwrap().into_iter().collect();

    assert_eq!(there, drawn);
}
