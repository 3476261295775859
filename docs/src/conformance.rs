//! The list of behaviours, and which tests hold them.
//!
//! A test names the lines that it holds in a comment above it. [`held`] collects these from the tree;
//! [`with_tests`] writes them into the last column of a page's tables.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The tests that hold each line, by the line's name. A test is named by its file and its function.
pub type Held = BTreeMap<String, Vec<String>>;

/// The folder of the whole project.
#[must_use]
pub fn root() -> PathBuf {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR"));
    docs.parent().unwrap_or(docs).to_owned()
}

/// The pages with the tables.
///
/// # Errors
///
/// If their folder cannot be read.
pub fn pages() -> io::Result<Vec<PathBuf>> {
    files_in(&root().join("docs/conformance"), "md")
}

/// Collects which tests of the crates hold which lines.
///
/// # Errors
///
/// If a folder or a file cannot be read.
pub fn held() -> io::Result<Held> {
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
                    collect(&fs::read_to_string(&file)?, &name, &mut held);
                }
            }
        }
    }
    Ok(held)
}

/// Collects the lines that the tests of one file hold.
fn collect(code: &str, file: &str, held: &mut Held) {
    let mut named: Vec<&str> = Vec::new();
    for line in code.lines().map(str::trim) {
        if let Some(lines) = lines_named_by(line) {
            named.extend(lines);
        } else if !named.is_empty() && !line.is_empty() && !line.starts_with(['#', '/']) {
            let test = line.strip_prefix("fn ").unwrap_or(line);
            let end = test
                .find(|c: char| !c.is_alphanumeric() && c != '_')
                .unwrap_or(test.len());
            for line in named.drain(..) {
                held.entry(line.to_owned())
                    .or_default()
                    .push(format!("{file}: {}", &test[..end]));
            }
        }
    }
}

/// The lines that a comment names, if naming lines is all that it does: `// D-001, F-002`.
fn lines_named_by(comment: &str) -> Option<Vec<&str>> {
    let names = comment.strip_prefix("// ")?.split(", ").collect::<Vec<_>>();
    names.iter().all(|name| is_line(name)).then_some(names)
}

/// Whether this is the name of a line: a capital letter, a dash, three digits.
fn is_line(name: &str) -> bool {
    matches!(name.as_bytes(), [b'A'..=b'Z', b'-', digits @ ..]
        if digits.len() == 3 && digits.iter().all(u8::is_ascii_digit))
}

/// The lines of a page's tables, each with its kind.
pub fn lines(page: &str) -> impl Iterator<Item = (&str, &str)> {
    page.lines().filter_map(|row| {
        let (line, rest) = row.strip_prefix("| ")?.split_once(" | ")?;
        is_line(line).then_some((line, rest.split_once(" | ")?.0))
    })
}

/// The page with its last columns written anew.
#[must_use]
pub fn with_tests(page: &str, held: &Held) -> String {
    let row = |row: &str| {
        let named = lines(row).next().map(|(line, _)| line);
        let Some((line, (front, _))) = named.zip(columns_before_last(row)) else {
            return format!("{row}\n");
        };
        let tests = held.get(line).map_or(String::new(), |tests| {
            let tests = tests
                .iter()
                .map(|test| format!("`{test}`"))
                .collect::<Vec<_>>();
            format!(" {}", tests.join("<br>"))
        });
        format!("{front} |{tests} |\n")
    };
    page.lines().map(row).collect()
}

/// Splits a row before its last column.
fn columns_before_last(row: &str) -> Option<(&str, &str)> {
    row.strip_suffix('|')?.trim_end().rsplit_once(" |")
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
    use super::*;

    #[test]
    fn a_comment_that_only_names_lines_belongs_to_the_test_below_it() {
        let code = "// D-001, D-002\n#[test]\nfn a_value_comes() {\n    // D-003 is said elsewhere.\n}\n\
                    checks!(\n    // R-001\n    it_runs,\n    it_stops,\n);\n";
        let mut held = Held::new();

        collect(code, "tests/x.rs", &mut held);

        let expected = [
            ("D-001", "tests/x.rs: a_value_comes"),
            ("D-002", "tests/x.rs: a_value_comes"),
            ("R-001", "tests/x.rs: it_runs"),
        ];
        let expected = expected.map(|(line, test)| (line.to_owned(), vec![test.to_owned()]));
        assert_eq!(held, Held::from(expected));
    }

    #[test]
    fn the_last_column_is_written_anew() {
        let page = "| line | kind | behaviour | held by |\n|---|---|---|---|\n\
                    | D-001 | core | It fires. | |\n| D-002 | full | It \\| waits. | `gone` |\n";
        let held = Held::from([("D-001".to_owned(), vec!["a".to_owned(), "b".to_owned()])]);

        let written = with_tests(page, &held);

        let expected = "| line | kind | behaviour | held by |\n|---|---|---|---|\n\
                        | D-001 | core | It fires. | `a`<br>`b` |\n| D-002 | full | It \\| waits. | |\n";
        assert_eq!(written, expected);
        assert_eq!(with_tests(&written, &held), written);
    }
}
