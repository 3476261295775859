//! A reactor whose time passes when the test says so, and whose network is a record.

use std::io;
use std::ops::Deref;
use std::rc::Rc;
use std::time::Duration;

use reactor::{Reactor, Stopped, backend};

use crate::{
    Address, ClientFactory, ConnectError, ConnectOptions, Connector, Destination, Factory,
    ListenError, ListenOptions, Port, ReactorTcp, ReactorUnix, UnixAddress, UnixConnectOptions,
    UnixListenOptions,
};

use super::network::Network;
use super::simulated::{Simulated, Time};
use super::{RecordedConnect, RecordedPort};

/// After so many turns, what a test does seems to have no end.
const TURNS: usize = 100_000;

/// A reactor for tests, in simulated time.
///
/// It is a [`Reactor`], and code under test is given it as one: its calls, jobs, triggers and threads are the real
/// ones. But its time stands still until the test [moves it](Self::advance), and the loop turns only when the
/// test has it do so: by one [`turn`](Self::turn), until nothing is left to do at this time
/// ([`settle`](Self::settle)), or for a whole [`run`](Self::run). If code under test calls [`Reactor::run`]
/// itself, then time jumps to the next delayed call whenever there is nothing else to do.
///
/// It has no network. Connectors and ports are real, but nothing is opened: each call is written down with its
/// arguments ([`connects`](Self::connects), [`ports`](Self::ports)), and the test answers it, whether it was made
/// on this object or on the [`Reactor`] in it. As on any reactor, nothing of a factory is called from
/// inside a call: `started_connecting` comes in the next turn.
///
/// A `MemoryReactor` is a handle. The one that [`new`](Self::new) gave is the owner, as with [`Reactor`].
///
/// # Examples
///
/// ```
/// use protocols::testing::MemoryReactor;
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use std::time::Duration;
///
/// let reactor = MemoryReactor::new();
/// let rung = Rc::new(Cell::new(false));
/// let bell = Rc::clone(&rung);
/// reactor.call_later(Duration::from_secs(60), move |_| bell.set(true));
///
/// reactor.advance(Duration::from_secs(59));
/// assert!(!rung.get());
/// reactor.advance(Duration::from_secs(1));
/// assert!(rung.get());
/// ```
///
/// *Twisted's `MemoryReactorClock`, which is no reactor otherwise.*
#[derive(Debug, Clone)]
pub struct MemoryReactor {
    reactor: Reactor,
    time: Time,
}

impl MemoryReactor {
    /// Makes a reactor whose clock shows zero.
    ///
    /// # Panics
    ///
    /// If the process has no descriptors left.
    #[expect(clippy::new_without_default, reason = "the owner is made on purpose")]
    #[must_use]
    pub fn new() -> Self {
        let time = Time::default();
        let descriptors = backend::from_name("poll").expect("every Unix has this backend");
        let simulated = Simulated::new(descriptors, time.clone());
        let reactor = Reactor::with_backend(Box::new(simulated))
            .expect("a process that tests has descriptors left");
        let this = Self { reactor, time };
        Network::install(&this);
        this
    }

    /// Makes one turn of the loop, in which no time passes, and says whether that has ended a run.
    ///
    /// As with [`Reactor::iterate`], the first turn begins a run, and so does the first one after a run has ended.
    ///
    /// # Panics
    ///
    /// From inside a callback of the loop.
    pub fn turn(&self) -> Option<Stopped> {
        let turned = self.reactor.iterate(Duration::ZERO);
        turned.expect("turns are made from outside of the loop, by a reactor that lives")
    }

    /// Makes turns until nothing is left to do without time passing, or the run ends, and says whether it has.
    ///
    /// What other threads are doing meanwhile is not waited for.
    ///
    /// # Panics
    ///
    /// If there is still something to do after 100,000 turns, or as for [`turn`](Self::turn).
    pub fn settle(&self) -> Option<Stopped> {
        for _ in 0..TURNS {
            let stopped = self.turn();
            if stopped.is_some() || self.reactor.timeout() != Some(Duration::ZERO) {
                return stopped;
            }
        }
        panic!("after {TURNS} turns there is still something to do, and so it would be for ever");
    }

    /// Lets so much time pass, and stops on the way at each time at which a call is due, to do all that
    /// there is to do then. Says whether a run has ended; then the rest of the time passes without calls.
    ///
    /// # Panics
    ///
    /// As for [`settle`](Self::settle).
    pub fn advance(&self, by: Duration) -> Option<Stopped> {
        let end = self.time.now().saturating_add(by);
        loop {
            let stopped = self.settle();
            let left = end.saturating_sub(self.time.now());
            let next = self.reactor.timeout().filter(|next| *next <= left);
            match (stopped, next) {
                (None, Some(next)) => self.time.pass(next),
                _ => {
                    self.time.pass(left);
                    return stopped;
                }
            }
        }
    }

    /// Runs: everything that is to be done at its start, and then without time passing; then it is told to stop, if
    /// nobody has done so, and everything that is to be done then.
    ///
    /// Says how it has ended; not at all if something that is to be done before the end still waits.
    ///
    /// # Panics
    ///
    /// As for [`settle`](Self::settle).
    ///
    /// *Twisted's `MemoryReactor.run`.*
    pub fn run(&self) -> Option<Stopped> {
        if let Some(stopped) = self.settle() {
            return Some(stopped);
        }
        // It may have been told already, and be waiting.
        let _ = self.reactor.stop();
        self.settle()
    }
}

/// What the network was asked for, and what it answers.
impl MemoryReactor {
    /// All calls of `connect_tcp` and the like so far.
    #[must_use]
    pub fn connects(&self) -> Vec<RecordedConnect> {
        self.network().recorded_connects()
    }

    /// All ports that listen.
    #[must_use]
    pub fn ports(&self) -> Vec<RecordedPort> {
        let mut ports = self.network().recorded_ports();
        ports.retain(|recorded| recorded.port().is_listening());
        ports
    }

    /// Has each attempt to connect that begins from now on fail with this error.
    ///
    /// *Twisted's `RaisingMemoryReactor`, and `fail_listens` as well.*
    pub fn fail_connects(&self, with: impl Fn(&Destination) -> ConnectError + 'static) {
        *self.network().answers().fail_connect.borrow_mut() = Some(Rc::new(with));
    }

    /// Has no port listen from now on, because of this error.
    pub fn fail_listens(&self, with: impl Fn(&Address) -> io::Error + 'static) {
        *self.network().answers().fail_listen.borrow_mut() = Some(Rc::new(with));
    }

    fn network(&self) -> Rc<Network> {
        self.reactor.extension()
    }
}

impl ReactorTcp for MemoryReactor {
    fn connect_tcp_with<F: ClientFactory>(
        &self,
        host: &str,
        port: u16,
        factory: Rc<F>,
        options: ConnectOptions,
    ) -> Connector {
        self.reactor.connect_tcp_with(host, port, factory, options)
    }

    fn listen_tcp_with<F: Factory>(
        &self,
        options: ListenOptions,
        factory: Rc<F>,
    ) -> Result<Port, ListenError> {
        self.reactor.listen_tcp_with(options, factory)
    }
}

impl ReactorUnix for MemoryReactor {
    fn connect_unix_with<F: ClientFactory>(
        &self,
        address: impl Into<UnixAddress>,
        factory: Rc<F>,
        options: UnixConnectOptions,
    ) -> Connector {
        self.reactor.connect_unix_with(address, factory, options)
    }

    fn listen_unix_with<F: Factory>(
        &self,
        options: UnixListenOptions,
        factory: Rc<F>,
    ) -> Result<Port, ListenError> {
        self.reactor.listen_unix_with(options, factory)
    }
}

impl Deref for MemoryReactor {
    type Target = Reactor;

    fn deref(&self) -> &Reactor {
        &self.reactor
    }
}
