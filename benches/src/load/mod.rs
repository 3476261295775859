//! What the measured servers are put under: loops over epoll that check all that comes back.

mod exchanges;
mod poller;
mod visits;

use std::io;

pub(crate) use exchanges::{Exchange, Exchanges};
pub(crate) use visits::{Visit, Visits};

/// Work that can be given in portions.
pub(crate) trait Load {
    /// Does this many operations, and returns when the last one is complete.
    ///
    /// # Errors
    ///
    /// What the system says, and if anything comes back that should not.
    fn run(&mut self, operations: u64) -> io::Result<()>;
}

/// Bytes in which a gap, a repetition or a change of order shows.
pub(crate) fn payload(length: usize) -> Vec<u8> {
    // A prime number is no length of any buffer.
    (0..=250).cycle().take(length).collect()
}

/// An error for what a server should not have done.
fn wrong(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}
