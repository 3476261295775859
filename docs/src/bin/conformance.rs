//! Writes into the conformance pages which tests hold which lines.
//!
//! ```sh
//! cargo run -p docs --bin conformance
//! ```

use std::fs;
use std::io;

use docs::conformance::{held, pages, with_tests};

fn main() -> io::Result<()> {
    let held = held()?;
    for page in pages()? {
        fs::write(&page, with_tests(&fs::read_to_string(&page)?, &held))?;
    }
    Ok(())
}
