//! Part 2 of the tutorial: a client that gets one poem after the other, and blocks.
//!
//! ```sh
//! cargo run --bin blocking-client -- 10000 10001 10002
//! ```
//!
//! with three servers running, such as
//!
//! ```sh
//! cargo run --bin slowpoetry -- --port 10000 --num-bytes 30 examples/poems/river.txt
//! cargo run --bin slowpoetry -- --port 10001 examples/poems/letter.txt
//! cargo run --bin slowpoetry -- --port 10002 examples/poems/lamp.txt
//! ```
//!
//! Two lines a task: when it asks for the poem, and when it has all of it. The last line's time is the
//! sum of the others.
//!
//! What to notice: nearly all of that time is spent in one line, which is marked below. While the client
//! waits there for the first server, the other two could have been sending. A function that returns the
//! whole poem has to wait for the whole poem: no other shape of `get_poetry` is possible here.

use std::io::{self, Read};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Parser;
use examples::{ServerAddress, Servers, cli, report};

/// Gets poems from poetry servers, one after the other.
#[derive(Parser)]
#[command(name = "blocking-client", version)]
struct Options {
    #[command(flatten)]
    servers: Servers,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let (mut poems, mut elapsed) = (0, Duration::ZERO);

    for (task, server) in options.servers.tasks() {
        cli::say(format!("Task {task}: get poetry from: {server}"));
        let started = Instant::now();
        // Each call is one of the tasks in the tutorial's figure 1.
        let poem = get_poetry(server);
        let time = started.elapsed();

        elapsed += time;
        match poem {
            Ok(poem) => {
                let got = report::piece(task, poem.len(), server);
                cli::say(format!("{got} in {}", report::Elapsed(time)));
                poems += 1;
            }
            Err(error) => cli::note(report::no_poem(task, server, &error.into())),
        }
    }

    cli::say(report::total(poems, elapsed));
    if poems == options.servers.count() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Gets a poem, and returns when it is there.
///
/// # Errors
///
/// When the server cannot be reached, or the connection breaks.
// ANCHOR: get
fn get_poetry(server: &ServerAddress) -> io::Result<Vec<u8>> {
    let mut socket = TcpStream::connect((server.host.as_str(), server.port))?;
    let mut poem = Vec::new();
    let mut piece = [0; 1024];

    loop {
        // This call blocks: it returns when the server has sent something, which may be never.
        match socket.read(&mut piece)? {
            0 => return Ok(poem),
            bytes => poem.extend_from_slice(&piece[..bytes]),
        }
    }
}
// ANCHOR_END: get
