//! Writes the README's table of what was measured.
//!
//! ```sh
//! cargo run -p docs --bin measured
//! ```

use std::fs;
use std::io;

use docs::measured::{readme, written};

fn main() -> io::Result<()> {
    fs::write(readme(), written()?)
}
