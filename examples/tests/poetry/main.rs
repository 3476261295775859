//! The program to begin with, run as a user runs it: servers and a client in one process.

mod arriving;
#[path = "../common/mod.rs"]
mod common;
mod ending;
mod list;
mod race;
mod readme;
mod terminal;
mod usage;

use std::collections::BTreeMap;

use common::Ended;

const POETRY: &str = env!("CARGO_BIN_EXE_poetry");
const SLOWPOETRY: &str = env!("CARGO_BIN_EXE_slowpoetry");
const LAMP: &str = "poems/lamp.txt";

fn text(ended: &Ended) -> &str {
    str::from_utf8(&ended.output).unwrap()
}

/// What one of the tutorial's lines says.
#[derive(Debug)]
struct Piece {
    task: usize,
    bytes: usize,
    server: String,
}

/// Reads `Task 1: got 30 bytes of poetry from 127.0.0.1:40213`, and no other line.
fn piece(line: &str) -> Option<Piece> {
    let (task, rest) = line.strip_prefix("Task ")?.split_once(": got ")?;
    let (bytes, server) = rest.split_once(" bytes of poetry from ")?;
    Some(Piece {
        task: task.parse().ok()?,
        bytes: bytes.parse().ok()?,
        server: server.to_owned(),
    })
}

/// The pieces that a successful run tells before anything else.
#[track_caller]
fn pieces_of(ended: &Ended) -> Vec<Piece> {
    assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
    text(ended).lines().map_while(piece).collect()
}

/// How much came of each poem.
fn sums(pieces: &[Piece]) -> BTreeMap<usize, usize> {
    let mut sums = BTreeMap::new();
    for piece in pieces {
        *sums.entry(piece.task).or_default() += piece.bytes;
    }
    sums
}
