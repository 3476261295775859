//! What several programs of the poetry tutorial share, so that each program shows its own idea only.
//!
//! - [`ServerAddress`]: the `[HOST:]PORT` by which a client is told of a server;
//! - [`cli`]: how a program reads its arguments, prints a line, and gives up;
//! - [`report`]: the lines in which the clients say what they got, and when.
//!
//! The programs are the folders beside this one, numbered as the parts of the tutorial are.

#![forbid(unsafe_code)]

mod address;
pub mod cli;
pub mod report;

pub use address::{AddressError, ServerAddress};
