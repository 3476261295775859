//! The network of a reactor that has none: what it is asked for is written down, and answered by the test.

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use reactor::Reactor;

use crate::connecting::{Attempt, ConnectArguments, Opened, Route};
use crate::listening::{Bound, Clients, ListenArguments, Place};
use crate::{Address, ConnectError, Connector, Destination, Port};

use super::{MemoryReactor, RecordedConnect, RecordedPort, nothing};

/// The first number of a port that took any.
const FIRST_FREE: u16 = 49152;

/// Says with which error an attempt fails.
pub(super) type FailConnect = Rc<dyn Fn(&Destination) -> ConnectError>;

/// Says with which error a port does not listen.
pub(super) type FailListen = Rc<dyn Fn(&Address) -> io::Error>;

/// What connectors and ports ask, if their reactor is a [`MemoryReactor`], instead of the system.
#[derive(Default)]
pub(crate) struct Network {
    /// The reactor, if it is such a one.
    reactor: OnceCell<MemoryReactor>,
    connects: RefCell<Vec<RecordedConnect>>,
    ports: RefCell<Vec<RecordedPort>>,
    answers: Rc<Answers>,
}

/// What is answered at once.
#[derive(Default)]
pub(super) struct Answers {
    pub(super) fail_connect: RefCell<Option<FailConnect>>,
    pub(super) fail_listen: RefCell<Option<FailListen>>,
    /// How many free ports were taken.
    taken: Cell<u16>,
}

impl Network {
    /// The network of this reactor, if it is no real one.
    pub(crate) fn of(reactor: &Reactor) -> Option<Rc<Self>> {
        let network: Rc<Self> = reactor.extension();
        network.reactor.get().is_some().then_some(network)
    }

    /// Makes the network of this reactor one of memory.
    pub(super) fn install(reactor: &MemoryReactor) {
        let network: Rc<Self> = reactor.extension();
        network.reactor.get_or_init(|| reactor.clone());
    }

    /// The way of a connector that would have gone this way.
    pub(crate) fn route(&self, instead_of: Box<dyn Route>) -> Box<dyn Route> {
        Box::new(MemoryRoute {
            instead_of,
            answers: Rc::clone(&self.answers),
        })
    }

    /// The place of a port that would have been at this place.
    pub(crate) fn place(&self, instead_of: Box<dyn Place>) -> Box<dyn Place> {
        Box::new(MemoryPlace {
            instead_of,
            answers: Rc::clone(&self.answers),
        })
    }

    /// Writes down that somebody connects.
    pub(crate) fn connects(
        &self,
        connector: Connector,
        arguments: ConnectArguments,
        attempt: Rc<dyn Attempt>,
    ) {
        if let Some(reactor) = self.reactor.get() {
            let connect = RecordedConnect::new(reactor, connector, arguments, attempt);
            self.connects.borrow_mut().push(connect);
        }
    }

    /// Writes down that somebody listens.
    pub(crate) fn listens(&self, port: Port, arguments: ListenArguments, clients: Rc<dyn Clients>) {
        if let Some(reactor) = self.reactor.get() {
            let port = RecordedPort::new(reactor, port, arguments, clients);
            self.ports.borrow_mut().push(port);
        }
    }

    pub(super) fn recorded_connects(&self) -> Vec<RecordedConnect> {
        self.connects.borrow().clone()
    }

    pub(super) fn recorded_ports(&self) -> Vec<RecordedPort> {
        self.ports.borrow().clone()
    }

    pub(super) fn answers(&self) -> &Answers {
        &self.answers
    }
}

/// A way on which nobody goes.
struct MemoryRoute {
    instead_of: Box<dyn Route>,
    answers: Rc<Answers>,
}

impl Route for MemoryRoute {
    fn destination(&self) -> &Destination {
        self.instead_of.destination()
    }

    fn timeout(&self) -> Option<Duration> {
        self.instead_of.timeout()
    }

    fn arguments(&self) -> ConnectArguments {
        self.instead_of.arguments()
    }

    /// No resolver is asked: a name has an address of the network that is for documentation.
    fn address(&self) -> Option<Address> {
        self.instead_of.address().or_else(|| {
            let Destination::Tcp { port, .. } = self.destination() else {
                return None;
            };
            let somewhere = Ipv4Addr::new(192, 0, 2, 2);
            Some(SocketAddr::from((somewhere, *port)).into())
        })
    }

    fn open(&self, to: &Address) -> Result<Opened, ConnectError> {
        let fail = self.answers.fail_connect.borrow().clone();
        if let Some(fail) = fail {
            return Err(fail(self.destination()));
        }
        let stands_for_it = nothing().map_err(|error| ConnectError::Other(to.clone(), error))?;
        Ok(Opened::Elsewhere(stands_for_it))
    }
}

/// A place to which nobody comes.
struct MemoryPlace {
    instead_of: Box<dyn Place>,
    answers: Rc<Answers>,
}

impl Place for MemoryPlace {
    fn kind(&self) -> &'static str {
        self.instead_of.kind()
    }

    fn wanted(&self) -> Address {
        self.instead_of.wanted()
    }

    fn arguments(&self) -> ListenArguments {
        self.instead_of.arguments()
    }

    fn open(&self) -> io::Result<Bound> {
        let wanted = self.wanted();
        let fail = self.answers.fail_listen.borrow().clone();
        if let Some(fail) = fail {
            return Err(fail(&wanted));
        }
        let address = match wanted {
            Address::Tcp(address) if address.port() == 0 => {
                let number = FIRST_FREE.saturating_add(self.answers.taken.get());
                self.answers.taken.set(self.answers.taken.get() + 1);
                SocketAddr::new(address.ip(), number).into()
            }
            wanted => wanted,
        };
        Ok(Bound {
            fd: nothing()?,
            address,
            is_socket: false,
            file: None,
        })
    }
}
