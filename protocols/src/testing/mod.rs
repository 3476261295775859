//! For tests: transports, a reactor and producers that need no socket, and whose time the test moves.
//!
//! | to test | take |
//! |---|---|
//! | one protocol, by what it writes | a [`StringConnection`], or a bare [`StringTransport`] |
//! | two protocols with each other | a [`Pair`] |
//! | the same, over each kind of transport | a [`Loopback`] |
//! | a program, or what else takes a reactor | a [`MemoryReactor`] |
//! | who makes bytes, and who takes them | [`TenTimes`], [`StrictPushProducer`], [`Collector`] |
//!
//! All of these do as the real ones do, and are tested by the same tests: **nothing calls back from inside a
//! call**, and the reason of each end is the same. What they have beside that is that a test decides: into which
//! pieces the bytes are cut, how long they are on their way, where they are lost, and when anything happens
//! at all.
//!
//! *Twisted's `twisted.internet.testing`, `twisted.test.iosim` and `twisted.protocols.loopback`.*

mod collector;
mod connection;
mod loopback;
mod memory;
mod network;
mod options;
mod pair;
mod producers;
mod reactor;
mod recorded;
mod simulated;
mod string;

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

pub(crate) use network::Network;

pub use self::reactor::MemoryReactor;
pub use crate::connecting::ConnectArguments;
pub use crate::listening::ListenArguments;
pub use collector::{Collected, Collector, all_disconnected};
pub use connection::StringConnection;
pub use loopback::Loopback;
pub use memory::{Chunking, Loss};
pub use options::PairOptions;
pub use pair::{Pair, Side};
pub use producers::{StrictPushProducer, StrictState, TenTimes};
pub use recorded::{RecordedConnect, RecordedPort};
pub use string::{Producing, StringTransport};

/// A descriptor that stands for something that has none: the reactor tells only those of its end.
fn nothing() -> io::Result<OwnedFd> {
    File::open("/dev/null").map(OwnedFd::from)
}
