//! Draws the pictures of the book.
//!
//! ```sh
//! cargo run -p docs --bin pictures
//! ```

use std::fs;
use std::io;

use docs::pictures::{all, folder};

fn main() -> io::Result<()> {
    for picture in all() {
        fs::write(folder().join(picture.name), picture.svg)?;
    }
    Ok(())
}
