//! Writes into the conformance pages which tests hold which lines, and into that of the faults which show them.
//!
//! ```sh
//! cargo run -p docs --bin conformance
//! ```

use std::fs;
use std::io;

use docs::conformance::{LINES, pages};
use docs::faults::{self, FAULTS};

fn main() -> io::Result<()> {
    let held = LINES.held()?;
    for page in pages()? {
        fs::write(&page, LINES.with_tests(&fs::read_to_string(&page)?, &held))?;
    }
    let page = faults::page();
    let shown = FAULTS.held()?;
    fs::write(
        &page,
        FAULTS.with_tests(&fs::read_to_string(&page)?, &shown),
    )
}
