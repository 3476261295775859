//! The options that many programs have, to be flattened into a program's own.

use clap::Args;
use protocols::reactor::Reactor;

use crate::{ServerAddress, cli};

/// The servers of a client.
///
/// Each of them is a *task*, and the first one is task 1.
#[derive(Debug, Clone, Args)]
pub struct Servers {
    /// The servers: each a port of this machine, or a host and a port.
    #[arg(
        value_name = "[HOST:]PORT",
        required = true,
        allow_negative_numbers = true
    )]
    servers: Vec<ServerAddress>,
}

impl Servers {
    /// The numbers of the tasks, and the servers.
    pub fn tasks(&self) -> impl Iterator<Item = (usize, &ServerAddress)> {
        (1..).zip(&self.servers)
    }

    /// How many tasks there are; at least one.
    pub fn count(&self) -> usize {
        self.servers.len()
    }
}

/// The backend of a reactor.
#[derive(Debug, Clone, Args)]
pub struct BackendOption {
    /// How the reactor waits; the environment's REACTOR_BACKEND says it as well.
    #[arg(long, value_name = "NAME")]
    backend: Option<String>,
}

impl BackendOption {
    /// Makes a reactor, or ends the program, as [`cli::reactor`] does.
    pub fn reactor(&self) -> Reactor {
        cli::reactor(self.backend.as_deref())
    }
}
