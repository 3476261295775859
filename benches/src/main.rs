//! Measures an echo server on our crates beside a bare epoll loop, in one run.
//!
//! ```sh
//! cargo run --release -p benches
//! ```
//!
//! Each contender is a server in a process of its own on a free loopback port. They are loaded in turn,
//! round after round, so that what else the machine does hits all of them alike. What is measured is the
//! time that the *server* spent on a processor per message, which the load's own speed hardly changes;
//! the ratio to the bare loop of the same round is what can be compared between machines.

mod bare;
mod load;
mod ours;

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, Stdio};

use clap::Parser;

/// Measures an echo server on our crates beside a bare epoll loop.
#[derive(Parser)]
struct Options {
    /// The contender to serve as, in a child process.
    #[arg(long, hide = true)]
    serve: Option<String>,

    /// How many messages go to and fro in one round.
    #[arg(long, default_value_t = 100_000)]
    messages: u64,

    /// How many rounds there are.
    #[arg(long, default_value_t = 9)]
    rounds: usize,

    /// The numbers of connections that share the messages.
    #[arg(long, value_delimiter = ',', default_value = "1,64,1000")]
    connections: Vec<usize>,
}

/// The contenders; the first one is what the others are compared with.
const CONTENDERS: [&str; 3] = ["bare", "epoll", "polling"];

fn main() -> io::Result<()> {
    let options = Options::parse();
    match options.serve.as_deref() {
        None => measure(&options),
        Some("bare") => bare::serve(listening),
        Some(backend) => ours::serve(backend, listening),
    }
}

/// Tells the parent process where the server listens.
fn listening(address: SocketAddr) {
    println!("{}", address.port());
    io::stdout().flush().expect("the parent reads");
}

fn measure(options: &Options) -> io::Result<()> {
    println!(
        "| connections | contender | ns/message (median) | min–max | ratio to bare (median) |"
    );
    println!("|---|---|---|---|---|");
    for &connections in &options.connections {
        let servers = CONTENDERS.map(Server::start);
        let mut nanos = CONTENDERS.map(|_| Vec::new());
        for _ in 0..options.rounds {
            for (server, nanos) in servers.iter().zip(&mut nanos) {
                nanos.push(server.round(connections, options.messages)?);
            }
        }
        for (name, of_contender) in CONTENDERS.iter().zip(&nanos) {
            let ratios = of_contender
                .iter()
                .zip(&nanos[0])
                .map(|(ours, bare)| ours / bare);
            let (median, ratio) = (sorted(of_contender.iter().copied()), sorted(ratios));
            let (min, max) = (median[0], median[median.len() - 1]);
            println!(
                "| {connections} | {name} | {:.0} | {min:.0}–{max:.0} | {:.3} |",
                median[median.len() / 2],
                ratio[ratio.len() / 2],
            );
        }
    }
    Ok(())
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values
}

/// A contender's process.
struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    fn start(contender: &str) -> Self {
        let program = std::env::current_exe().expect("this program has a path");
        let mut process = Command::new(program)
            .args(["--serve", contender])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the server starts");
        let output = process.stdout.take().expect("the output is piped");
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .expect("the server says its port");
        let port = line.trim().parse().expect("the server says its port");
        Self {
            process,
            address: (Ipv4Addr::LOCALHOST, port).into(),
        }
    }

    /// Loads the server, and returns the nanoseconds that it spent on each message.
    fn round(&self, connections: usize, messages: u64) -> io::Result<f64> {
        let mut load = load::Load::connect(self.address, connections)?;
        // The first messages fill caches and pools.
        load.exchange(messages / 10)?;
        let before = self.processor_time()?;
        load.exchange(messages)?;
        Ok((self.processor_time()? - before) / messages as f64)
    }

    /// The nanoseconds that the server has spent on a processor.
    fn processor_time(&self) -> io::Result<f64> {
        let stat = fs::read_to_string(format!("/proc/{}/schedstat", self.process.id()))?;
        let nanos = stat
            .split_whitespace()
            .next()
            .and_then(|field| field.parse().ok());
        nanos.ok_or_else(|| io::Error::other("the kernel tells no processor times"))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only if it has ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
