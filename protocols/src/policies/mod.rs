//! Factories around factories: what is done about each connection, whatever is spoken on it.
//!
//! [`Wrapping`] puts a [`Policy`] around any factory. For each connection the policy decides whether it is wanted, and
//! then stands between transport and protocol: it sees what comes and what is written, and can hold either. Policies are
//! put around each other as they are around a factory.
//!
//! ```
//! use protocols::policies::{AtMost, IdleTimeout, Wrapping};
//! use protocols::reactor::Reactor;
//! use protocols::{Address, Factory, ListenOptions, Protocol, ReactorTcp, Transport};
//! use std::rc::Rc;
//! use std::time::Duration;
//!
//! struct Echo;
//!
//! impl Protocol for Echo {
//!     fn data_received(&mut self, transport: &Rc<dyn Transport>, data: &[u8]) {
//!         transport.write(data);
//!     }
//! }
//!
//! struct EchoFactory;
//!
//! impl Factory for EchoFactory {
//!     type Protocol = Echo;
//!     fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Echo> {
//!         Some(Echo)
//!     }
//! }
//!
//! let reactor = Reactor::new()?;
//! let patient = IdleTimeout::new(reactor.clone(), Duration::from_secs(60));
//! let echo = Wrapping::new(Rc::new(EchoFactory), patient);
//! let few = Wrapping::new(Rc::new(echo), AtMost::new(100));
//! let options = ListenOptions::new(0).interface("127.0.0.1".parse()?);
//! reactor.listen_tcp_with(options, Rc::new(few))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! *Twisted's `twisted.protocols.policies`, where each of these is a factory and a protocol of its own.*

mod limits;
mod throttle;
mod timeouts;
mod traffic;
mod wrapping;

pub use limits::{AtMost, Counted, FromHost, OrElse, PerHost};
pub use throttle::{Throttle, Throttled};
pub use timeouts::{Idle, IdleTimeout, Timeout};
pub use traffic::{Traffic, TrafficLog};
pub use wrapping::{Connection, Policy, Wire, Wrapped, Wrapping};
