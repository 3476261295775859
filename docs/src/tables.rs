//! Tables whose rows are held by tests.
//!
//! A test names the rows that it holds in a comment above it. [`Table::held`] collects these from the tree;
//! [`Table::with_tests`] writes them into the last column of a page's tables.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A kind of table: what its rows are called, and how a comment names them.
#[derive(Debug, Clone, Copy)]
pub struct Table {
    /// The rows that a comment names, if naming rows is all that it does.
    pub named_by: fn(&str) -> Option<Vec<&str>>,
    /// The name of a row that has this in its first column.
    pub row: fn(&str) -> Option<&str>,
}

/// The tests that hold each row, by the row's name.
pub type Held = BTreeMap<String, Vec<Test>>;

/// A test that holds a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Test {
    /// Its file and its function.
    pub name: String,
    /// Whether it runs in one place only, and is not one of the checks that a macro runs on every backend.
    pub is_alone: bool,
}

impl Table {
    /// Collects which tests of the crates hold which rows.
    ///
    /// # Errors
    ///
    /// If a folder or a file cannot be read.
    pub fn held(&self) -> io::Result<Held> {
        let mut held = Held::new();
        for folder in ["deferred", "reactor", "protocols", "examples"] {
            for part in ["src", "tests"] {
                let folder = root().join(folder).join(part);
                if folder.is_dir() {
                    for file in files_in(&folder, "rs")? {
                        let name = file
                            .strip_prefix(root())
                            .unwrap_or(&file)
                            .display()
                            .to_string();
                        self.collect(&fs::read_to_string(&file)?, &name, &mut held);
                    }
                }
            }
        }
        Ok(held)
    }

    /// Collects the rows that the tests of one file hold.
    fn collect(&self, code: &str, file: &str, held: &mut Held) {
        let mut named: Vec<&str> = Vec::new();
        let mut is_alone = false;
        for line in code.lines().map(str::trim) {
            if let Some(rows) = (self.named_by)(line) {
                named.extend(rows);
            } else if !named.is_empty() && !line.is_empty() && !line.starts_with('/') {
                if line.starts_with('#') {
                    is_alone |= line == "#[test]";
                    continue;
                }
                let test = line.strip_prefix("fn ").unwrap_or(line);
                let end = test
                    .find(|c: char| !c.is_alphanumeric() && c != '_')
                    .unwrap_or(test.len());
                for row in named.drain(..) {
                    held.entry(row.to_owned()).or_default().push(Test {
                        name: format!("{file}: {}", &test[..end]),
                        is_alone,
                    });
                }
                is_alone = false;
            }
        }
    }

    /// The rows of a page's tables, each by its name and what stands in its second column.
    pub fn rows<'a>(&self, page: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let name_of = self.row;
        page.lines().filter_map(move |row| {
            let (first, rest) = row.strip_prefix("| ")?.split_once(" | ")?;
            Some((name_of(first)?, rest.split_once(" | ")?.0))
        })
    }

    /// The page with its last columns written anew.
    #[must_use]
    pub fn with_tests(&self, page: &str, held: &Held) -> String {
        let row = |row: &str| {
            let named = self.rows(row).next().map(|(name, _)| name);
            let Some((name, (front, _))) = named.zip(columns_before_last(row)) else {
                return format!("{row}\n");
            };
            let tests = held.get(name).map_or(String::new(), |tests| {
                let tests = tests
                    .iter()
                    .map(|test| format!("`{}`", test.name))
                    .collect::<Vec<_>>();
                format!(" {}", tests.join("<br>"))
            });
            format!("{front} |{tests} |\n")
        };
        page.lines().map(row).collect()
    }
}

/// Splits a row before its last column.
fn columns_before_last(row: &str) -> Option<(&str, &str)> {
    row.strip_suffix('|')?.trim_end().rsplit_once(" |")
}

/// The folder of the whole project.
#[must_use]
pub fn root() -> PathBuf {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR"));
    docs.parent().unwrap_or(docs).to_owned()
}

/// All files below a folder whose names end so, in order.
///
/// # Errors
///
/// If a folder cannot be read.
pub fn files_in(folder: &Path, ending: &str) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_in(&path, ending)?);
        } else if path.extension().is_some_and(|found| found == ending) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use crate::conformance::LINES;

    use super::*;

    fn test(name: &str, is_alone: bool) -> Test {
        let name = name.to_owned();
        Test { name, is_alone }
    }

    #[test]
    fn a_comment_that_only_names_rows_belongs_to_the_test_below_it() {
        let code = "// D-001, D-002\n#[test]\nfn a_value_comes() {\n    // D-003 is said elsewhere.\n}\n\
                    checks!(\n    // R-001\n    it_runs,\n    it_stops,\n);\n";
        let mut held = Held::new();

        LINES.collect(code, "tests/x.rs", &mut held);

        let expected = [
            ("D-001", test("tests/x.rs: a_value_comes", true)),
            ("D-002", test("tests/x.rs: a_value_comes", true)),
            ("R-001", test("tests/x.rs: it_runs", false)),
        ];
        let expected = expected.map(|(line, test)| (line.to_owned(), vec![test]));
        assert_eq!(held, Held::from(expected));
    }

    #[test]
    fn the_last_column_is_written_anew() {
        let page = "| line | kind | behaviour | held by |\n|---|---|---|---|\n\
                    | D-001 | core | It fires. | |\n| D-002 | full | It \\| waits. | `gone` |\n";
        let held = Held::from([("D-001".to_owned(), vec![test("a", true), test("b", true)])]);

        let written = LINES.with_tests(page, &held);

        let expected = "| line | kind | behaviour | held by |\n|---|---|---|---|\n\
                        | D-001 | core | It fires. | `a`<br>`b` |\n| D-002 | full | It \\| waits. | |\n";
        assert_eq!(written, expected);
        assert_eq!(LINES.with_tests(&written, &held), written);
    }
}
