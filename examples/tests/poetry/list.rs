//! The list of all programs, and whether it is complete.

use std::fs;

use examples::PARTS;

use crate::common::run;
use crate::{POETRY, text};

#[test]
fn the_list_has_each_program_of_the_package_in_its_part_and_in_their_order() {
    let manifest = fs::read_to_string("Cargo.toml").unwrap();
    let value = |line: &str, key: &str| Some(line.strip_prefix(key)?.trim_matches('"').to_owned());
    let bins = manifest.split("[[bin]]\n").skip(1).map(|bin| {
        let mut lines = bin.lines();
        let name = lines.next().and_then(|line| value(line, "name = "));
        let path = lines.next().and_then(|line| value(line, "path = "));
        (name.unwrap(), path.unwrap())
    });
    let bins: Vec<_> = bins.collect();

    let listed: Vec<_> = PARTS
        .iter()
        .flat_map(|part| {
            let folder = part.number.map_or_else(
                || String::from("poetry"),
                |number| format!("part-{number:02}"),
            );
            part.programs.iter().map(move |program| {
                (
                    program.name.to_owned(),
                    format!("{folder}/{}.rs", program.name),
                )
            })
        })
        .collect();

    assert_eq!(bins, listed);
}

#[test]
fn a_program_is_built_for_tests_if_it_may_have_any() {
    let manifest = fs::read_to_string("Cargo.toml").unwrap();
    for bin in manifest.split("[[bin]]\n").skip(1) {
        let path = bin.lines().find_map(|line| line.strip_prefix("path = "));
        let path = path.unwrap().trim_matches('"');
        let program = fs::read_to_string(path).unwrap();
        let has_tests = program.contains("#[test]") || program.contains("\nmod ");

        let built = !bin.lines().any(|line| line == "test = false");

        assert_eq!(built, has_tests, "{path}");
    }
}

#[test]
fn each_program_has_a_line_that_fits_a_terminal() {
    let ended = run(POETRY, &["list"]);

    assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
    for program in PARTS.iter().flat_map(|part| part.programs) {
        let line = format!("  {:<18} {}", program.name, program.shows);
        assert!(text(&ended).lines().any(|it| it == line), "{line}");
        assert!(line.chars().count() <= 80, "{line}");
    }
}

#[test]
fn parts_are_in_order_and_have_programs() {
    assert!(PARTS.is_sorted_by_key(|part| part.number));
    assert!(PARTS.iter().all(|part| !part.programs.is_empty()));
}

#[test]
fn after_an_option_the_word_is_the_name_of_a_poem() {
    let refused = run(POETRY, &["--delay=1", "list"]);

    refused.assert_refused("poetry", "cannot read \"list\"");
}

#[test]
fn the_list_takes_no_arguments() {
    run(POETRY, &["list", "2"]).assert_refused("poetry", "unexpected argument '2'");
}
