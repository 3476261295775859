//! The README's table of what was measured, taken from the tables that the measurements have written for the book.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::tables::root;

/// The tables, and of each the scenarios that the README shows: all of them.
const TABLES: [&str; 5] = [
    "ping-pong",
    "streaming",
    "connect",
    "small-poems",
    "large-poems",
];

/// The contenders that the README shows.
const CONTENDERS: [&str; 8] = [
    "epoll", "polling", "mio", "calloop", "tokio", "uvloop", "asyncio", "twisted",
];

const BEGIN: &str = "<!-- measured -->\n";
const END: &str = "<!-- /measured -->";

/// Where the README is.
#[must_use]
pub fn readme() -> PathBuf {
    root().join("README.md")
}

/// The README with the table as it is now.
///
/// # Errors
///
/// If a file cannot be read, or the README has no place for the table.
pub fn written() -> io::Result<String> {
    let readme = fs::read_to_string(readme())?;
    let place = readme
        .split_once(BEGIN)
        .and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, after)) = place else {
        let what = format!("README.md has no place for the table: {BEGIN}{END}");
        return Err(io::Error::new(io::ErrorKind::InvalidData, what));
    };
    Ok(format!("{before}{BEGIN}{}{END}{after}", table()?))
}

/// A row for each scenario, and for each contender the ratio of its processor time to the bare loop's.
fn table() -> io::Result<String> {
    let mut table = format!("| | {} |\n|---|", CONTENDERS.join(" | "));
    table += &"---:|".repeat(CONTENDERS.len());
    table.push('\n');
    for name in TABLES {
        let path = root().join("docs/book/measured").join(format!("{name}.md"));
        for scenario in scenarios(&fs::read_to_string(path)?) {
            table += &scenario.row();
        }
    }
    Ok(table)
}

/// What was measured in one scenario.
struct Scenario<'a> {
    title: &'a str,
    /// Contenders and their ratios.
    ratios: Vec<(&'a str, &'a str)>,
}

impl Scenario<'_> {
    fn row(&self) -> String {
        let ratio = |wanted: &str| {
            let found = self.ratios.iter().find(|(name, _)| *name == wanted);
            found.map_or("–", |(_, ratio)| ratio)
        };
        let ratios = CONTENDERS.map(ratio).join(" | ");
        format!("| {} | {ratios} |\n", self.title)
    }
}

/// The scenarios of a file: each is a line in bold type, and a table whose fourth column is the ratio.
fn scenarios(text: &str) -> Vec<Scenario<'_>> {
    let mut scenarios = Vec::<Scenario<'_>>::new();
    for line in text.lines() {
        let title = line.strip_prefix("**").and_then(|it| it.strip_suffix("**"));
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        match (title, scenarios.last_mut()) {
            (Some(title), _) => scenarios.push(Scenario {
                title,
                ratios: Vec::new(),
            }),
            (None, Some(scenario)) if cells.len() > 4 => {
                let name = cells[1].trim_matches('`');
                scenario.ratios.push((name, cells[4]));
            }
            (None, _) => {}
        }
    }
    scenarios
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scenario_is_its_title_and_the_ratios_of_its_table() {
        let text = "Before.\n\n**One message**\n\n| contender | ns | min–max | ratio | more |\n\
            | --- | ---: | ---: | ---: | ---: |\n| `epoll` | 3 | 2–4 | 1.05 | 7 |\n\nAfter.\n";

        let found = scenarios(text);

        assert_eq!(found.len(), 1);
        assert_eq!(
            found[0].row(),
            "| One message | 1.05 | – | – | – | – | – | – | – |\n"
        );
    }
}
