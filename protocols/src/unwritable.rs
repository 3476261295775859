//! Programs that Twisted refuses when they run, and that cannot be written here.
//!
//! # Receivers
//!
//! A handler without a method for what its receiver finds does not compile: for lines (P-011),
//!
//! ```compile_fail,E0046
//! struct Silent;
//!
//! impl protocols::line::LineOnlyHandler for Silent {}
//! ```
//!
//! for raw data, where a handle can change to it (P-011),
//!
//! ```compile_fail,E0046
//! use protocols::line::{LineHandler, Lines};
//!
//! struct Cooked;
//!
//! impl LineHandler for Cooked {
//!     fn line_received(&mut self, lines: &Lines, line: &[u8]) {
//!         lines.set_raw_mode();
//!     }
//! }
//! ```
//!
//! and for strings (P-017, P-024).
//!
//! ```compile_fail,E0046
//! struct Silent;
//!
//! impl protocols::strings::StringHandler for Silent {}
//! ```
//!
//! Where there is no method for raw data, there is no way to ask for it (P-011).
//!
//! ```compile_fail,E0599
//! use protocols::line::{LineOnlyHandler, LinesOnly};
//!
//! struct Cooked;
//!
//! impl LineOnlyHandler for Cooked {
//!     fn line_received(&mut self, lines: &LinesOnly, line: &[u8]) {
//!         lines.set_raw_mode();
//!     }
//! }
//! ```
//!
//! A state that there is no method for cannot be named (P-025).
//!
//! ```compile_fail,E0599
//! use protocols::strings::{State, StatefulHandler};
//!
//! struct Login;
//!
//! impl StatefulHandler for Login {
//!     const FIRST: State<Self> = State::then(Self::hello);
//! }
//! ```
