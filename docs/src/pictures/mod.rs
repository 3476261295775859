//! The pictures of the book, in one style. Those of runs are drawn from what real programs noted.

pub mod control;
mod rails;
mod runs;
mod shapes;
pub mod svg;

use std::path::PathBuf;

use crate::tables::root;

/// A picture: the name of its file, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// The name of the file, without its folder.
    pub name: &'static str,
    /// The SVG.
    pub svg: String,
}

/// Where the pictures stand.
#[must_use]
pub fn folder() -> PathBuf {
    root().join("docs/book/pictures")
}

/// Draws all pictures.
#[must_use]
pub fn all() -> Vec<Picture> {
    let pictures: [(_, fn() -> _); 9] = [
        ("poems.svg", shapes::poems),
        ("turn.svg", shapes::turn),
        ("callbacks.svg", runs::callbacks),
        ("trio.svg", shapes::trio),
        ("connection.svg", runs::connection),
        ("rails.svg", rails::rails),
        ("chaining.svg", runs::chaining),
        ("cancelling.svg", runs::cancelling),
        ("slot.svg", shapes::slot),
    ];
    pictures
        .map(|(name, draw)| Picture { name, svg: draw() })
        .into()
}
