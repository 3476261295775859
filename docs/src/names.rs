//! The book's page of Twisted's names.
//!
//! The tables stand in `protocols/src/twisted.md`, where they are a page of the API's documentation: there each of our
//! names is a link, and rustdoc refuses one that leads nowhere. The book has the same page with plain names.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::conformance::root;

/// Where the page stands in the book.
#[must_use]
pub fn page() -> PathBuf {
    root().join("docs/book/twisted.md")
}

/// The page, made from the tables.
///
/// # Errors
///
/// If the tables cannot be read.
pub fn written() -> io::Result<String> {
    let tables = fs::read_to_string(root().join("protocols/src/twisted.md"))?;
    Ok(format!("{HEAD}{}", without_links(&tables)))
}

/// What the page says before the tables.
const HEAD: &str = "\
# Twisted's names

*This page is made from `protocols/src/twisted.md` by `cargo run -p docs --bin names`. In the API's documentation
(`cargo doc --open -p protocols`, module `twisted`) each name of ours is a link.*

";

/// The text with `name` instead of [`name`] and of [`name`](path), and its headings a step lower.
fn without_links(text: &str) -> String {
    let mut plain = String::new();
    for line in text.lines() {
        if line.starts_with('#') {
            plain.push('#');
        }
        let mut links = line.split("[`");
        plain.extend(links.next());
        for link in links {
            // What is no link in spite of its beginning stays as it is, but for the bracket.
            let (name, rest) = link.split_once("`]").unwrap_or((link, ""));
            let path = rest.strip_prefix('(').and_then(|path| path.split_once(')'));
            plain.extend(["`", name, "`", path.map_or(rest, |(_, rest)| rest)]);
        }
        plain.push('\n');
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_become_names() {
        let text = "# A\n| `a` | [`A`], [`b`](crate::b) | [c] |\n";

        assert_eq!(without_links(text), "## A\n| `a` | `A`, `b` | [c] |\n");
    }
}
