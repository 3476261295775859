//! Shows what came out, and writes it for the book.

use std::fs;
use std::io;
use std::path::Path;

use crate::machine;
use crate::options::Options;
use crate::plot;
use crate::scenarios::Scenario;
use crate::table::Table;

/// Prints the tables of a scenario, and writes them and their picture if that was asked for.
pub(crate) fn show(scenario: &Scenario, tables: &[Table], options: &Options) -> io::Result<()> {
    let texts: Vec<_> = tables.iter().map(Table::markdown).collect();
    let text = texts.join("\n");
    println!("## {}: {}\n\n{text}", scenario.name, scenario.about);
    if let Some(folder) = &options.write {
        fs::create_dir_all(folder)?;
        fs::write(folder.join(format!("{}.md", scenario.name)), text)?;
        let picture = plot::bars(tables);
        fs::write(folder.join(format!("{}.svg", scenario.name)), picture)?;
    }
    Ok(())
}

/// Says on what it is measured, before anything is.
pub(crate) fn show_machine(options: &Options) -> io::Result<()> {
    let text = machine::describe(options);
    println!("{text}");
    match &options.write {
        Some(folder) => write(folder, &text),
        None => Ok(()),
    }
}

fn write(folder: &Path, text: &str) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("machine.md"), text)
}
