//! The table of what can go wrong, whose rows are shown by tests.

use std::path::PathBuf;

use crate::tables::{Table, root};

/// The faults, as a comment names them: `// fault: reset, refused`. In the table, their names are in backquotes.
pub const FAULTS: Table = Table {
    named_by: |comment| Some(comment.strip_prefix("// fault: ")?.split(", ").collect()),
    row: |first| first.strip_prefix('`')?.strip_suffix('`'),
};

/// The page with the table.
#[must_use]
pub fn page() -> PathBuf {
    root().join("docs/faults.md")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_names_faults_by_several_words() {
        let named = (FAULTS.named_by)("// fault: reset, no descriptors");

        assert_eq!(named, Some(vec!["reset", "no descriptors"]));
        assert_eq!((FAULTS.named_by)("// N-001"), None);
    }

    #[test]
    fn the_name_of_a_row_is_in_backquotes() {
        assert_eq!((FAULTS.row)("`no descriptors`"), Some("no descriptors"));
        assert_eq!((FAULTS.row)("fault"), None);
    }
}
