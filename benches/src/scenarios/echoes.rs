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
    for connections in [1, 64, 1_000] {
        let title = match connections {
            1 => "One message at a time, on one connection".to_owned(),
            _ => format!("One message at a time, on each of {connections} connections"),
        };
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
    for connections in [1, 16] {
        let title = match connections {
            1 => "A stream of chunks, on one connection".to_owned(),
            _ => format!("A stream of chunks, on each of {connections} connections"),
        };
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
