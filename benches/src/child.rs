//! What a measured process does, and how it is told.

use std::fmt;
use std::io::{self, BufRead, Write};
use std::net::SocketAddr;
use std::str::FromStr;

use rustix::process::{Signal, set_parent_process_death_signal};

use crate::contenders;
use crate::load::payload;
use crate::options::Options;
use crate::process;

/// What a contender is to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Listen, and send back what comes.
    Echo,
    /// Listen, send so many bytes to whoever connects, and close.
    Poems(usize),
    /// Get poems from there, so many at a time, whenever a line of the input says how many.
    Fetch {
        /// Where the poems come from.
        from: SocketAddr,
        /// How many connections there are at a time.
        at_once: usize,
    },
}

impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Echo => write!(f, "echo"),
            Self::Poems(bytes) => write!(f, "poems={bytes}"),
            Self::Fetch { from, at_once } => write!(f, "fetch={from}={at_once}"),
        }
    }
}

impl FromStr for Work {
    type Err = io::Error;

    fn from_str(text: &str) -> io::Result<Self> {
        let parts: Vec<_> = text.split('=').collect();
        let work = match parts[..] {
            ["echo"] => Some(Self::Echo),
            ["poems", bytes] => bytes.parse().ok().map(Self::Poems),
            ["fetch", from, at_once] => from
                .parse()
                .ok()
                .zip(at_once.parse().ok())
                .map(|(from, at_once)| Self::Fetch { from, at_once }),
            _ => None,
        };
        work.ok_or_else(|| io::Error::other(format!("no such work: {text}")))
    }
}

/// Is this contender until the parent ends.
pub(crate) fn run(contender: &str, options: &Options) -> io::Result<()> {
    set_parent_process_death_signal(Some(Signal::KILL))?;
    process::raise_descriptor_limit()?;
    let programs = contenders::programs(contender)
        .ok_or_else(|| io::Error::other(format!("{contender} is no program of this process")))?;
    match options.work.as_deref().unwrap_or_default().parse()? {
        Work::Echo => programs.echo(&listening),
        Work::Poems(bytes) => programs.poems(payload(bytes), &listening),
        Work::Fetch { from, at_once } => {
            say("ready")?;
            for line in io::stdin().lock().lines() {
                let poems = line?.parse().map_err(io::Error::other)?;
                say(programs.fetch(from, poems, at_once)?)?;
            }
            Ok(())
        }
    }
}

/// Tells the parent where this process listens.
fn listening(address: SocketAddr) {
    say(address.port()).expect("the parent reads");
}

fn say(what: impl fmt::Display) -> io::Result<()> {
    println!("{what}");
    io::stdout().flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_survives_the_way_through_a_command_line() {
        let from = "127.0.0.1:10000".parse().unwrap();
        for work in [
            Work::Echo,
            Work::Poems(4096),
            Work::Fetch { from, at_once: 10 },
        ] {
            assert_eq!(work.to_string().parse::<Work>().unwrap(), work);
        }
    }
}
