//! From samples to a table.

use std::fmt::Write;

/// What the contenders took for the same work; the first one is what the others are compared with.
#[derive(Debug)]
pub(crate) struct Table {
    /// What was done, in few words.
    pub(crate) title: String,
    /// What is counted, such as `message`.
    pub(crate) operation: &'static str,
    /// The headings of the columns that this table alone has.
    pub(crate) more: Vec<&'static str>,
    /// A contender each.
    pub(crate) rows: Vec<Row>,
    /// What is to be known when one reads it, a line each.
    pub(crate) notes: Vec<String>,
}

/// What one contender took.
#[derive(Debug, Default)]
pub(crate) struct Row {
    /// What it is called.
    pub(crate) contender: String,
    /// The nanoseconds of processor time for an operation, a sample a round.
    pub(crate) nanos: Vec<f64>,
    /// Operations a second, a sample a round; none, if nobody looked at a clock.
    pub(crate) rates: Vec<f64>,
    /// System calls for an operation, if they were counted.
    pub(crate) calls: Option<f64>,
    /// What stands in the columns that this table alone has.
    pub(crate) more: Vec<String>,
}

impl Table {
    /// A table without rows.
    pub(crate) fn new(title: impl Into<String>, operation: &'static str) -> Self {
        Self {
            title: title.into(),
            operation,
            more: Vec::new(),
            rows: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Each contender with the median of the ratios to the first one in the same round.
    pub(crate) fn ratios(&self) -> Vec<(&str, f64)> {
        let rows = self.rows.iter();
        rows.map(|row| (row.contender.as_str(), self.ratio(row)))
            .collect()
    }

    /// How much more this one took than the first one, in the middle one of the rounds.
    fn ratio(&self, row: &Row) -> f64 {
        let rounds = row.nanos.iter().zip(&self.rows[0].nanos);
        median(rounds.map(|(nanos, first)| nanos / first))
    }

    /// The table as Markdown, with its title as a line before it.
    pub(crate) fn markdown(&self) -> String {
        let mut text = format!("**{}**\n\n", self.title);
        let mut line = |cells: Vec<String>| {
            writeln!(text, "| {} |", cells.join(" | ")).expect("a string takes all");
        };
        let headings = self.headings();
        let rule = headings.iter().enumerate();
        let rule = rule.map(|(column, _)| if column == 0 { "---" } else { "---:" }.to_owned());
        line(headings.clone());
        line(rule.collect());
        for row in &self.rows {
            line(self.cells(row));
        }
        for note in &self.notes {
            write!(text, "\n{note}\n").expect("a string takes all");
        }
        text
    }

    /// Whether anybody looked at a clock, and whether anybody counted.
    fn has(&self) -> (bool, bool) {
        let rates = self.rows.iter().any(|row| !row.rates.is_empty());
        let calls = self.rows.iter().any(|row| row.calls.is_some());
        (rates, calls)
    }

    fn headings(&self) -> Vec<String> {
        let first = self.rows.first().map_or("", |row| &row.contender);
        let mut headings = vec![
            "contender".to_owned(),
            format!("ns/{}", self.operation),
            "min–max".to_owned(),
            format!("ratio to `{first}`"),
        ];
        let (rates, calls) = self.has();
        headings.extend(rates.then(|| format!("{}s/s", self.operation)));
        headings.extend(calls.then(|| format!("system calls/{}", self.operation)));
        headings.extend(self.more.iter().map(|&heading| heading.to_owned()));
        headings
    }

    fn cells(&self, row: &Row) -> Vec<String> {
        let least = row.nanos.iter().copied().fold(f64::INFINITY, f64::min);
        let most = row.nanos.iter().copied().fold(0.0, f64::max);
        let mut cells = vec![
            format!("`{}`", row.contender),
            rounded(median(row.nanos.iter().copied())),
            format!("{}–{}", rounded(least), rounded(most)),
            format!("{:.2}", self.ratio(row)),
        ];
        let (rates, calls) = self.has();
        let rate = || rounded(median(row.rates.iter().copied()));
        let counted = || {
            row.calls
                .map_or_else(|| "–".to_owned(), |calls| format!("{calls:.2}"))
        };
        cells.extend(rates.then(rate));
        cells.extend(calls.then(counted));
        cells.extend(row.more.iter().cloned());
        cells
    }
}

/// The middle one of the values, in their order by size.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// A number with as many digits as are worth reading, in groups of three.
pub(crate) fn rounded(number: f64) -> String {
    if number.is_nan() {
        return "–".to_owned();
    }
    if number < 10.0 {
        return format!("{number:.2}");
    }
    let digits = format!("{number:.0}");
    let groups = digits.as_bytes().rchunks(3).rev();
    let groups: Vec<_> = groups.map(String::from_utf8_lossy).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(contender: &str, nanos: &[f64]) -> Row {
        Row {
            contender: contender.to_owned(),
            nanos: nanos.to_vec(),
            ..Row::default()
        }
    }

    fn of_two() -> Table {
        let mut table = Table::new("one connection", "message");
        table.rows.push(row("bare", &[100.0, 400.0, 1000.0]));
        table.rows.push(row("ours", &[150.0, 440.0, 1100.0]));
        table
    }

    #[test]
    fn a_ratio_is_the_middle_one_of_the_rounds_ratios() {
        let table = of_two();

        assert_eq!(table.ratios(), [("bare", 1.0), ("ours", 1.1)]);
    }

    #[test]
    fn a_table_has_a_row_for_each_contender() {
        let text = of_two().markdown();

        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines[0], "**one connection**");
        assert_eq!(
            lines[2],
            "| contender | ns/message | min–max | ratio to `bare` |"
        );
        assert_eq!(lines[3], "| --- | ---: | ---: | ---: |");
        assert_eq!(lines[5], "| `ours` | 440 | 150–1,100 | 1.10 |");
    }

    #[test]
    fn columns_appear_when_somebody_has_something_for_them() {
        let mut table = of_two();
        table.more = vec!["bytes"];
        table.rows[0].rates = vec![123_456.0];
        table.rows[1].calls = Some(2.0);
        for row in &mut table.rows {
            row.more = vec!["7".to_owned()];
        }

        let text = table.markdown();

        let end = "| ratio to `bare` | messages/s | system calls/message | bytes |";
        assert!(text.lines().nth(2).unwrap().ends_with(end), "{text}");
        assert!(text.contains("| 1.00 | 123,456 | – | 7 |"), "{text}");
        assert!(text.contains("| 1.10 | – | 2.00 | 7 |"), "{text}");
    }

    #[test]
    fn the_median_of_nothing_is_no_number() {
        assert!(median(std::iter::empty()).is_nan());
        assert_eq!(rounded(median(std::iter::empty())), "–");
    }
}
