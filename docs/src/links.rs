//! Whether what the texts point to is there: links, pictures, the code that is shown, and programs.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::tables::{files_in, root};

/// The pages of the book, and the texts at the root of the project.
///
/// # Errors
///
/// If a folder cannot be read.
pub fn texts() -> io::Result<Vec<PathBuf>> {
    let mut texts = files_in(&root().join("docs/book"), "md")?;
    texts.extend(
        [
            "README.md",
            "ARCHITECTURE.md",
            "docs/conformance.md",
            "docs/faults.md",
            "fuzz/README.md",
        ]
        .map(|name| root().join(name)),
    );
    Ok(texts)
}

/// What is wrong with the links and the included code of one text, a line a fault.
///
/// # Errors
///
/// If the text cannot be read.
pub fn faults(text: &Path) -> io::Result<Vec<String>> {
    let content = fs::read_to_string(text)?;
    let folder = text.parent().unwrap_or(text);
    let mut faults = Vec::new();
    for include in includes(&content) {
        if let Err(fault) = resolve_include(folder, include) {
            faults.push(format!("{}: {include}: {fault}", text.display()));
        }
    }
    for target in targets(&content) {
        if let Err(fault) = resolve_target(text, &content, target) {
            faults.push(format!("{}: {target}: {fault}", text.display()));
        }
    }
    Ok(faults)
}

/// What the texts include, as it stands between `{{#include` and `}}`.
pub fn includes(content: &str) -> impl Iterator<Item = &str> {
    let after = content.split("{{#include ").skip(1);
    after.filter_map(|rest| rest.split_once("}}").map(|(include, _)| include.trim()))
}

/// The file that an include names, and the anchor in it, if it names one.
#[must_use]
pub fn include_parts(include: &str) -> (&str, Option<&str>) {
    match include.split_once(':') {
        Some((file, anchor)) => (file, Some(anchor)),
        None => (include, None),
    }
}

fn resolve_include(folder: &Path, include: &str) -> Result<(), String> {
    let (file, anchor) = include_parts(include);
    let code = fs::read_to_string(folder.join(file)).map_err(|error| error.to_string())?;
    let Some(anchor) = anchor else { return Ok(()) };
    match lines_at(&code, anchor) {
        Some(lines) if lines.iter().any(|line| !line.trim().is_empty()) => Ok(()),
        Some(_) => Err("nothing stands there".to_owned()),
        None => Err("there is no such anchor, or it has no end, or there are two".to_owned()),
    }
}

/// The lines between `ANCHOR: name` and `ANCHOR_END: name`, each of which stands once in the code.
fn lines_at<'a>(code: &'a str, anchor: &str) -> Option<Vec<&'a str>> {
    let lines: Vec<_> = code.lines().collect();
    let (start, end) = (format!("ANCHOR: {anchor}"), format!("ANCHOR_END: {anchor}"));
    let only = |mark: &str| {
        let mut found = (0..lines.len()).filter(|&number| lines[number].trim_end().ends_with(mark));
        found.next().filter(|_| found.next().is_none())
    };
    lines.get(only(&start)? + 1..only(&end)?).map(<[_]>::to_vec)
}

/// The anchors of a file of code.
pub fn anchors(code: &str) -> impl Iterator<Item = &str> {
    let marks = code
        .lines()
        .filter_map(|line| line.split_once("// ANCHOR: "));
    marks.map(|(_, name)| name.trim())
}

/// The targets of the links and pictures of a text, without those that lead out of the project.
fn targets(content: &str) -> Vec<&str> {
    let mut targets = Vec::new();
    for line in prose(content) {
        let inline = line
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split_once(')'));
        targets.extend(inline.map(|(target, _)| target));
        if line.starts_with('[')
            && let Some((_, target)) = line.split_once("]: ")
        {
            targets.push(target.trim());
        }
    }
    targets.retain(|target| !target.contains("://") && !target.starts_with("mailto:"));
    targets
}

/// The lines that are not code.
fn prose(content: &str) -> impl Iterator<Item = &str> {
    let mut in_code = false;
    content.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !in_code && !fence
    })
}

fn resolve_target(text: &Path, content: &str, target: &str) -> Result<(), String> {
    let (file, heading) = match target.split_once('#') {
        Some((file, heading)) => (file, Some(heading)),
        None => (target, None),
    };
    let path = text.parent().unwrap_or(text).join(file);
    if !file.is_empty() && !path.exists() {
        return Err("there is no such file".to_owned());
    }
    let Some(heading) = heading else {
        return Ok(());
    };
    let content = if file.is_empty() {
        content.to_owned()
    } else {
        fs::read_to_string(&path).map_err(|error| error.to_string())?
    };
    if headings(&content).contains(heading) {
        Ok(())
    } else {
        Err("there is no such heading".to_owned())
    }
}

/// The names by which the headings of a text are linked to.
fn headings(content: &str) -> BTreeSet<String> {
    let titles = prose(content).filter_map(|line| line.strip_prefix('#'));
    let slug = |title: &str| {
        let kept = title.trim_start_matches('#').trim().to_lowercase();
        let kept = kept.replace(' ', "-");
        kept.chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
            .collect()
    };
    titles.map(slug).collect()
}

/// The programs that a text tells its reader to run, with their packages, if it names these.
pub fn programs(content: &str) -> impl Iterator<Item = (Option<&str>, &str)> {
    let commands = content
        .lines()
        .filter(|line| line.trim_start().starts_with("cargo run"));
    commands.filter_map(|command| {
        let word_after = |option: &str| {
            let mut words = command
                .split_whitespace()
                .skip_while(move |word| *word != option);
            words.nth(1)
        };
        word_after("--bin").map(|program| (word_after("-p"), program))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anchor_is_what_stands_between_its_two_marks() {
        let code = "a\n// ANCHOR: x\nb\n// ANCHOR_END: x\n// ANCHOR: open\nc\n";

        assert_eq!(lines_at(code, "x"), Some(vec!["b"]));
        assert_eq!(lines_at(code, "open"), None);
        assert_eq!(lines_at(code, "y"), None);
        assert_eq!(anchors(code).collect::<Vec<_>>(), ["x", "open"]);
    }

    #[test]
    fn links_are_found_in_prose_only() {
        let text =
            "[a](b.md) and ![c](d.svg)\n```rust\n[e](f.md)\n```\n[g]: h.md\n[i](https://j)\n";

        assert_eq!(targets(text), ["b.md", "d.svg", "h.md"]);
    }

    #[test]
    fn headings_are_linked_to_as_mdbook_names_them() {
        let names = headings("# A loop, and `Deferred`s\n## Exercises\n");

        assert!(names.contains("a-loop-and-deferreds"));
        assert!(names.contains("exercises"));
    }

    #[test]
    fn a_command_names_a_program_and_its_package() {
        let text =
            "cargo run --bin hello\ncargo run -p docs --bin shout -- 10000\ncargo run list\n";

        let found: Vec<_> = programs(text).collect();
        assert_eq!(found, [(None, "hello"), (Some("docs"), "shout")]);
    }
}
