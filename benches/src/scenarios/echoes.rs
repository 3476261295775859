//! What an echo takes, by what goes to and fro.

use std::io;

use crate::child::Work;
use crate::load::{Exchange, Exchanges};
use crate::options::Options;
use crate::table::Table;
use crate::trial::Trial;

/// The size of a small message.
const SMALL: usize = 64;

/// The size of a chunk of a stream.
const CHUNK: usize = 16 * 1024;

/// What a small message takes when each waits for the one before.
pub(super) fn ping_pong(options: &Options) -> io::Result<Vec<Table>> {
    let mut tables = Vec::new();
    for (connections, named) in [
        (1, "one connection"),
        (64, "each of 64 connections"),
        (1_000, "each of 1,000 connections"),
    ] {
        let title = format!("One message at a time, on {named}");
        let exchange = Exchange {
            connections,
            message: SMALL,
            in_flight: 1,
        };
        let operations = options.operations(40_000, 2 * connections as u64);
        tables.extend(echo(title, "message", exchange, operations, options)?);
    }
    Ok(tables)
}

/// What a small message takes when many are sent at once.
pub(super) fn pipelined(options: &Options) -> io::Result<Vec<Table>> {
    let title = "16 messages under way, on each of 64 connections".to_owned();
    let exchange = Exchange {
        connections: 64,
        message: SMALL,
        in_flight: 16,
    };
    let operations = options.operations(400_000, 2_000);
    echo(title, "message", exchange, operations, options)
}

/// What a large chunk takes when the next ones are on the way already.
pub(super) fn streaming(options: &Options) -> io::Result<Vec<Table>> {
    let mut tables = Vec::new();
    for (connections, named) in [(1, "one connection"), (16, "each of 16 connections")] {
        let title = format!("A stream of chunks of 16 KiB, on {named}");
        let exchange = Exchange {
            connections,
            message: CHUNK,
            in_flight: 4,
        };
        let operations = options.operations(20_000, 200);
        tables.extend(echo(title, "chunk", exchange, operations, options)?);
    }
    Ok(tables)
}

fn echo(
    title: String,
    operation: &'static str,
    exchange: Exchange,
    operations: u64,
    options: &Options,
) -> io::Result<Vec<Table>> {
    let trial = Trial {
        title,
        operation,
        work: Work::Echo,
        connections: exchange.connections,
        operations,
        rounds: options.rounds(9),
        load: &|server| Ok(Box::new(Exchanges::connect(server.address(), exchange)?)),
    };
    trial.run(options)
}
