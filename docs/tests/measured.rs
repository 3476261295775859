//! The README's table is that of the last measurement.

use std::fs;

use docs::measured::{readme, written};

#[test]
fn the_table_is_as_the_program_writes_it() {
    let there = fs::read_to_string(readme()).unwrap();

    let again = "run: cargo run -p docs --bin measured";
    assert!(
        there == written().unwrap(),
        "the table has changed; {again}"
    );
}
