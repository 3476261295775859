//! What several programs of the poetry tutorial share, so that each program shows its own idea only.
//!
//! - [`ServerAddress`]: the `[HOST:]PORT` by which a client is told of a server;
//! - [`Servers`] and [`BackendOption`]: the options that most clients have;
//! - [`Listening`]: the options that servers have, and [`listen`]: how they are followed;
//! - [`get_poetry`]: a client behind a function that returns a Deferred;
//! - [`PoetryServerFactory`]: a server that sends a poem at once;
//! - [`service`]: what a program needs to run as a service;
//! - [`Tally`]: which poems a client waits for, and what has become of them;
//! - [`stack`]: who has called whom;
//! - [`cli`]: how a program reads its arguments, runs its reactor, prints a line, and gives up;
//! - [`report`]: the lines in which the clients say what they got, and when;
//! - [`fired_twice`]: the programs of part 7 that do not compile;
//! - [`PARTS`]: the programs that there are, by the parts of the tutorial.
//!
//! The programs are the folders beside this one. `poetry/` has the ones to begin with; the others are
//! numbered as the parts of the tutorial are.

#![forbid(unsafe_code)]

mod address;
pub mod cli;
mod client;
pub mod fired_twice;
mod listening;
mod options;
mod programs;
pub mod report;
mod server;
pub mod service;
mod stack;
mod tally;

pub use address::{AddressError, ServerAddress};
pub use client::{Silent, get_poetry};
pub use listening::{CannotListen, Listening, listen, try_listen};
pub use options::{BackendOption, Servers};
pub use programs::{PARTS, Part, Program};
pub use server::{PoetryServerFactory, PoetryServerProtocol};
pub use stack::stack;
pub use tally::Tally;
