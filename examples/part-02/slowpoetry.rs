//! Part 2 of the tutorial: a server that sends poetry slowly, and blocks.
//!
//! ```sh
//! cargo run --bin slowpoetry -- --port 10000 --num-bytes 30 examples/poems/river.txt
//! ```
//!
//! Then, in a second terminal and in a third, `netcat localhost 10000`. The poem crawls down the
//! second terminal, 30 bytes every tenth of a second, and the server prints a line for each piece.
//! Without `--port` the system chooses a free one, which the server's first line tells.
//!
//! What to notice: the third terminal stays empty until the second has the whole poem. The server
//! has one thread, and that thread is always inside one call: it waits in `accept`, in `write_all`
//! or in `sleep`, and while it waits in one of these it can do nothing else. The system lets the
//! next client connect, and puts it in a queue where no one looks. All later programs of the
//! tutorial are about taking that waiting out.

use std::io::{self, ErrorKind, Write};
use std::net::{TcpListener, TcpStream};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use clap::Parser;
use examples::cli;

/// Serves a poem slowly, to one client at a time.
#[derive(Parser)]
#[command(name = "slowpoetry", version)]
struct Options {
    /// The poem, which may be any file.
    #[arg(value_name = "POEM-FILE")]
    poem_file: PathBuf,

    /// The port to listen on, or 0 for any that is free.
    #[arg(long, value_name = "N", default_value = "0")]
    #[arg(value_parser = cli::parse_port, allow_negative_numbers = true)]
    port: u16,

    /// The interface to listen on, by name or address.
    #[arg(long, value_name = "HOST", default_value = "127.0.0.1")]
    iface: String,

    /// The time between two pieces.
    #[arg(long, value_name = "SECONDS", default_value = "0.1")]
    #[arg(value_parser = cli::parse_delay, allow_negative_numbers = true)]
    delay: Duration,

    /// The size of a piece.
    #[arg(long, value_name = "N", default_value = "10")]
    #[arg(value_parser = cli::parse_num_bytes, allow_negative_numbers = true)]
    num_bytes: NonZeroUsize,
}

fn main() {
    let options: Options = cli::parse();
    let poem = cli::read_poem(&options.poem_file);
    let listener = listen(&options);

    loop {
        match listener.accept() {
            Ok((client, address)) => {
                cli::say(format!("Somebody at {address} wants poetry!"));
                if let Err(error) = send_poem(client, &poem, &options) {
                    cli::say(format!("Somebody at {address} went away: {error}"));
                }
            }
            Err(error) => {
                cli::say(format!("Somebody could not come in: {error}"));
                // What keeps one client out may keep the next one out too, for a while.
                thread::sleep(Duration::from_secs(1));
            }
        }
    }
}

fn listen(options: &Options) -> TcpListener {
    let Options { iface, port, .. } = options;
    let listened = TcpListener::bind((iface.as_str(), *port)).and_then(|listener| {
        let address = listener.local_addr()?;
        cli::say(format!(
            "Serving {} on {address}.",
            options.poem_file.display()
        ));
        Ok(listener)
    });
    listened.unwrap_or_else(|error| {
        let right = match error.kind() {
            ErrorKind::AddrInUse => "--port 0 takes one that is free",
            ErrorKind::PermissionDenied => "a port from 1024 up is open to all",
            _ => "--iface is a name or an address of this machine",
        };
        cli::die(format!(
            "cannot listen on port {port} of {iface:?}: {error}; {right}"
        ))
    })
}

/// Sends the poem piece by piece, each with the delay after it, and closes the connection.
///
/// # Errors
///
/// When the client has gone away.
fn send_poem(mut client: TcpStream, poem: &[u8], options: &Options) -> io::Result<()> {
    // Else the system would hold a small piece back, to send it together with the next.
    client.set_nodelay(true)?;

    for piece in poem.chunks(options.num_bytes.get()) {
        cli::say(format!("Sending {} bytes", piece.len()));
        client.write_all(piece)?;
        thread::sleep(options.delay);
    }
    Ok(())
}
