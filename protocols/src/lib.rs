//! x
#![forbid(unsafe_code)]

mod address;
mod buffers;
mod connection;
mod error;
mod factory;
mod protocol;
mod tcp;
mod transport;

pub use address::Address;
pub use deferred;
pub use error::{ConnectError, ConnectorError, ListenError};
pub use factory::{ClientFactory, Factory};
pub use protocol::Protocol;
pub use reactor;
pub use reactor::ConnectionClosed;
pub use tcp::{ConnectOptions, Connector, ListenOptions, Port, ReactorTcp};
pub use transport::{Flow, Transport};
