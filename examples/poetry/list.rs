//! The list of all programs.

use examples::{PARTS, cli};

/// Prints a line for each program, by the parts of the tutorial.
pub(crate) fn list() {
    for part in PARTS {
        cli::say(match part.number {
            Some(number) => format!("\nPart {number}: {}", part.about),
            None => part.about.to_owned(),
        });
        for program in part.programs {
            cli::say(format!("  {:<19} {}", program.name, program.shows));
        }
    }
    cli::say("\ncargo run --bin NAME -- --help tells how to call one.");
}
