//! Writes the book's page of Twisted's names.
//!
//! ```sh
//! cargo run -p docs --bin names
//! ```

use std::fs;
use std::io;

use docs::names::{page, written};

fn main() -> io::Result<()> {
    fs::write(page(), written()?)
}
