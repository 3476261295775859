//! The list of behaviours, whose lines are held by tests.

use std::io;
use std::path::PathBuf;

use crate::tables::{Table, files_in, root};

/// The lines, as a comment names them: `// D-001, F-002`.
pub const LINES: Table = Table {
    named_by: lines_named_by,
    row: |first| is_line(first).then_some(first),
};

/// The pages with the tables.
///
/// # Errors
///
/// If their folder cannot be read.
pub fn pages() -> io::Result<Vec<PathBuf>> {
    files_in(&root().join("docs/conformance"), "md")
}

fn lines_named_by(comment: &str) -> Option<Vec<&str>> {
    let names = comment.strip_prefix("// ")?.split(", ").collect::<Vec<_>>();
    names.iter().all(|name| is_line(name)).then_some(names)
}

/// Whether this is the name of a line: a capital letter, a dash, three digits.
fn is_line(name: &str) -> bool {
    matches!(name.as_bytes(), [b'A'..=b'Z', b'-', digits @ ..]
        if digits.len() == 3 && digits.iter().all(u8::is_ascii_digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_that_says_more_than_lines_names_none() {
        assert_eq!(
            (LINES.named_by)("// D-001, F-002"),
            Some(vec!["D-001", "F-002"])
        );
        assert_eq!((LINES.named_by)("// D-001 is said elsewhere."), None);
        assert_eq!((LINES.named_by)("D-001"), None);
    }

    #[test]
    fn only_names_of_lines_make_a_row() {
        assert_eq!((LINES.row)("D-001"), Some("D-001"));
        assert_eq!((LINES.row)("line"), None);
    }
}
