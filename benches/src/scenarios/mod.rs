//! What is asked: a question each.

mod connect;
mod echoes;
mod fetch;
mod idle;
mod poems;

use std::io;

use crate::inside::{calls, chains, timers, turns};
use crate::options::Options;
use crate::table::Table;

/// A question, and how it is answered.
pub(crate) struct Scenario {
    /// The name on the command line, and that of the files.
    pub(crate) name: &'static str,
    /// What is asked.
    pub(crate) about: &'static str,
    /// Answers it.
    pub(crate) run: fn(&Options) -> io::Result<Vec<Table>>,
}

/// All of them, in the order in which they are run.
pub(crate) const ALL: &[Scenario] = &[
    Scenario {
        name: "ping-pong",
        about: "64 bytes at a time to and fro, on 1, 64 and 1,000 connections",
        run: echoes::ping_pong,
    },
    Scenario {
        name: "pipelined",
        about: "16 messages of 64 bytes under way on each of 64 connections",
        run: echoes::pipelined,
    },
    Scenario {
        name: "streaming",
        about: "chunks of 16 KiB echoed, four under way on each of 1 and 16 connections",
        run: echoes::streaming,
    },
    Scenario {
        name: "connect",
        about: "connect, have 64 bytes echoed, close; 16 at a time",
        run: connect::connect,
    },
    Scenario {
        name: "idle",
        about: "100 connections talk while 10,000 are silent",
        run: idle::idle,
    },
    Scenario {
        name: "small-poems",
        about: "4 KiB are downloaded by 64 clients at a time",
        run: poems::small,
    },
    Scenario {
        name: "large-poems",
        about: "8 MiB are downloaded by 64 clients at a time",
        run: poems::large,
    },
    Scenario {
        name: "client",
        about: "the contender downloads 1,000 times 4 KiB, 10 at a time",
        run: fetch::client,
    },
    Scenario {
        name: "chains",
        about: "links of a chain of callbacks, from 1 to 100,000 of them",
        run: chains::run,
    },
    Scenario {
        name: "turns",
        about: "loops whose every turn begins the next one",
        run: turns::run,
    },
    Scenario {
        name: "timers",
        about: "a million timers: scheduled, nine in ten cancelled, fired",
        run: timers::run,
    },
    Scenario {
        name: "calls",
        about: "a million calls from another thread, and one there and back",
        run: calls::run,
    },
];
