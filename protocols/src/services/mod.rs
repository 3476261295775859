//! The small services with which networks are tried out, a factory for each.
//!
//! | factory | what its connections do | RFC | port |
//! |---|---|---|---|
//! | [`EchoFactory`] | send back what comes | 862 | 7 |
//! | [`DiscardFactory`] | drop what comes | 863 | 9 |
//! | [`ChargenFactory`] | send characters without end | 864 | 19 |
//! | [`quote`] | say something short | 865 | 17 |
//! | [`who`] | name the users | 866 | 11 |
//! | [`daytime`] | say what time it is, for people | 867 | 13 |
//! | [`time`] | say what time it is, for programs | 868 | 37 |
//!
//! ```
//! use protocols::ReactorTcp;
//! use protocols::reactor::Reactor;
//! use protocols::services::{EchoFactory, daytime};
//! use std::rc::Rc;
//! use std::time::SystemTime;
//!
//! let reactor = Reactor::new()?;
//! let echo = reactor.listen_tcp(0, Rc::new(EchoFactory))?;
//! let daytime = reactor.listen_tcp(0, Rc::new(daytime(SystemTime::now)))?;
//! println!("Echo on {}, daytime on {}", echo.address(), daytime.address());
//! # reactor.call_when_running(|reactor| reactor.stop());
//! reactor.run()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! They are meant to be read, too: how one waits for a slow reader stands in `echo.rs` and `chargen.rs`.
//!
//! *Twisted's `twisted.protocols.wire`.*

mod answer;
mod chargen;
mod daytime;
mod discard;
mod echo;
mod quote;
mod time;
mod who;

pub use answer::{Answer, AnswerFactory};
pub use chargen::{Chargen, ChargenFactory};
pub use daytime::daytime;
pub use discard::{Discard, DiscardFactory};
pub use echo::{Echo, EchoFactory};
pub use quote::quote;
pub use time::time;
pub use who::who;
