//! Lines: protocols that are text, a line at a time.
//!
//! A [`LineReceiver`] is a protocol that calls a handler of yours for each line. What the handler is given with
//! it, [`Lines`], writes lines, changes what comes next, and is the connection's transport otherwise.
//!
//! ```
//! use protocols::line::{LineOnlyHandler, LineOnlyReceiver, LinesOnly};
//! use protocols::{Address, Factory};
//! use std::rc::Rc;
//!
//! /// Says back what it is told, and goes when it is told to.
//! struct Polite;
//!
//! impl LineOnlyHandler for Polite {
//!     fn line_received(&mut self, lines: &LinesOnly, line: &[u8]) {
//!         if line == b"quit" {
//!             lines.send_line(b"Goodbye.");
//!             lines.lose_connection();
//!         } else {
//!             lines.send_line(line);
//!         }
//!     }
//! }
//!
//! struct PoliteFactory;
//!
//! impl Factory for PoliteFactory {
//!     type Protocol = LineOnlyReceiver<Polite>;
//!
//!     fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Self::Protocol> {
//!         Some(LineOnlyReceiver::new(Polite).max_length(500))
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! The receivers differ in what comes beside lines. A [`LineOnlyReceiver`] knows nothing else, and is deaf after a line
//! that is too long. A [`LineReceiver`] can change to raw mode, for a body of so many bytes, say, and back, and goes on
//! with the line after one that was too long, unless that has ended the connection, as it does if the handler does
//! not want otherwise.
//!
//! *Twisted's `LineReceiver` and `LineOnlyReceiver`, of which one inherits; here a handler is given to them.*

mod delimited;
mod only;
mod receiver;

pub use only::{LineOnlyHandler, LineOnlyReceiver, LinesOnly};
pub use receiver::{LineHandler, LineReceiver, Lines};

/// How long a line may be, unless the receiver was set otherwise.
///
/// *The `MAX_LENGTH` of Twisted's receivers.*
const MAX_LENGTH: usize = 16_384;
