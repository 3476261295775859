//! What a program needs to run as a service: a file that tells its number, and a file for what it has to say.
//!
//! *What `twistd` does for a program of Twisted. It also makes a daemon of it; today that is left to what starts
//! services on a system.*

mod log_file;
mod pid_file;

pub use log_file::{LogFileError, log_to};
pub use pid_file::{PidFile, PidFileError};
