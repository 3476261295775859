//! Whether the README says what there is.

use std::collections::BTreeMap;
use std::fs;

use examples::PARTS;

const README: &str = include_str!("../../README.md");

#[test]
fn the_table_has_each_program_in_its_part_and_in_the_order_of_the_list() {
    let listed: Vec<_> = PARTS
        .iter()
        .filter_map(|part| Some((part.number?, part.programs)))
        .flat_map(|(number, programs)| programs.iter().map(move |it| (number, it.name)))
        .collect();

    assert_eq!(rows(), listed);
}

#[test]
fn the_table_names_each_program_once_and_by_parts() {
    let rows = rows();

    let names: BTreeMap<_, _> = rows.iter().map(|(number, name)| (name, number)).collect();
    assert_eq!(names.len(), rows.len());
    assert!(rows.is_sorted_by_key(|(number, _)| *number));
    assert!(rows.len() > 60);
}

#[test]
fn the_diffs_show_lines_that_are_there() {
    let mut diffs = 0;
    for section in README.split("\n### ").skip(1) {
        let (heading, rest) = section.split_once('\n').unwrap();
        let (old, new) = heading.split_once(" → ").expect("it is a diff of two");
        let (old, new) = (source(old), source(new));
        let (_, diff) = rest.split_once("```diff\n").expect("there is a diff");
        let (diff, _) = diff.split_once("```").expect("it has an end");
        for line in diff.lines() {
            let (there, gone) = match line.split_at(1) {
                ("-", _) => (&old, &new),
                ("+", _) => (&new, &old),
                _ => panic!("{heading}: neither old nor new: {line}"),
            };
            let has = |source: &str| source.lines().any(|it| it == &line[1..]);
            assert!(has(there), "{heading}: not there: {line}");
            assert!(!has(gone), "{heading}: in both: {line}");
        }
        diffs += 1;
    }
    assert!(diffs > 12);
}

/// The parts and the names in the table, without the rows that have no program of their own.
fn rows() -> Vec<(u8, &'static str)> {
    let row = |line: &'static str| {
        let mut cells = line.strip_prefix("| ")?.strip_suffix(" |")?.split(" | ");
        let number = cells.next()?.parse().ok()?;
        let name = cells.nth(1)?.strip_prefix('`')?.strip_suffix('`')?;
        Some((number, name))
    };
    let (_, table) = README.split_once("\n## What is where\n").unwrap();
    let (table, _) = table.split_once("\n## ").unwrap();
    table.lines().filter_map(row).collect()
}

/// The source of a program that is named in backticks.
#[track_caller]
fn source(name: &str) -> String {
    let name = name.trim_matches('`');
    let row = rows().into_iter().find(|(_, it)| *it == name);
    let (number, _) = row.expect("the program is in the table");
    fs::read_to_string(format!("part-{number:02}/{name}.rs")).unwrap()
}

#[test]
fn what_is_named_as_the_answer_to_an_exercise_is_there() {
    let (_, answers) = README.split_once("\n## Exercises").expect("there are some");
    let (answers, _) = answers.split_once("\n## ").unwrap_or((answers, ""));
    let words: Vec<_> = answers.split('`').skip(1).step_by(2).collect();
    assert!(words.len() > 4);

    for word in words {
        let is_program = PARTS
            .iter()
            .flat_map(|part| part.programs)
            .any(|program| program.name == word);
        assert!(is_program || fs::exists(word).unwrap(), "{word}");
    }
}
