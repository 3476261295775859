//! The attempts to connect to several addresses, of which one is to have a protocol.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use deferred::{Deferred, Failure};
use reactor::Reactor;

use super::AnyFactory;
use super::attempt::attempt;
use super::race::{Begin, race};
use crate::uses::Inner;
use crate::{Address, ConnectOptions, Factory, Protocol, ReactorTcp, Transport};

/// How a race ends that one connection has decided: once it is taken, by its failure also.
pub(super) type Decided = Result<Rc<dyn Transport>, Failure>;

/// What is needed for an attempt to connect to any of the addresses.
pub(super) struct Attempts {
    reactor: Reactor,
    local: Option<SocketAddr>,
    shared: Rc<Shared>,
}

impl Attempts {
    /// Attempts from this local address, for one protocol of this factory.
    pub(super) fn new(
        reactor: &Reactor,
        local: Option<SocketAddr>,
        factory: Rc<AnyFactory>,
    ) -> Self {
        let shared = Shared {
            factory: Inner::new(factory),
            taken: Cell::new(None),
            users: Cell::new(0),
            is_racing: Cell::new(false),
            is_started: Cell::new(false),
        };
        Self {
            reactor: reactor.clone(),
            local,
            shared: Rc::new(shared),
        }
    }

    /// Begins an attempt to connect to each address, with this delay between them.
    pub(super) fn race(
        &self,
        addresses: impl IntoIterator<Item = SocketAddr>,
        delay: Duration,
    ) -> Deferred<Decided> {
        let attempts = addresses.into_iter().enumerate();
        let attempts = attempts.map(|(number, to)| self.begin(number, to));
        self.shared.is_racing.set(true);
        let shared = Rc::clone(&self.shared);
        race(Rc::new(self.reactor.clone()), delay, attempts).add_both(move |result| {
            shared.is_racing.set(false);
            shared.stop_if_unused();
            result
        })
    }

    fn begin(&self, number: usize, to: SocketAddr) -> Begin<Decided> {
        let (reactor, shared) = (self.reactor.clone(), Rc::clone(&self.shared));
        let mut options = ConnectOptions::new().without_timeout();
        if let Some(local) = self.local {
            options = options.bind_address(local);
        }
        Box::new(move || {
            let one = Rc::new(AnyFactory::new(Rc::new(One {
                shared: Rc::clone(&shared),
                number,
            })));
            attempt(one, |factory| {
                reactor.connect_tcp_with(&written(to), to.port(), factory, options)
            })
            .add_both(move |result| match result {
                Err(failure) if shared.taken.get() != Some(number) => Err(failure),
                decided => Ok(decided),
            })
        })
    }
}

/// The host of an address as text, with its scope if it has one.
fn written(address: SocketAddr) -> String {
    match address {
        SocketAddr::V6(address) if address.scope_id() != 0 => {
            format!("{}%{}", address.ip(), address.scope_id())
        }
        address => address.ip().to_string(),
    }
}

/// What the attempts of one race have in common.
struct Shared {
    factory: Inner<AnyFactory>,
    /// The number of the attempt whose connection was taken: the one for which there is a protocol.
    taken: Cell<Option<usize>>,
    /// How many attempts have started the factory and not stopped it.
    users: Cell<usize>,
    is_racing: Cell<bool>,
    is_started: Cell<bool>,
}

impl Shared {
    /// Stops the factory, if it was started and neither an attempt nor the race needs it.
    fn stop_if_unused(&self) {
        let is_used = self.is_racing.get() || self.users.get() > 0;
        if !is_used && self.is_started.replace(false) {
            self.factory.stop();
        }
    }
}

/// The factory of one attempt.
struct One {
    shared: Rc<Shared>,
    number: usize,
}

impl Factory for One {
    type Protocol = Box<dyn Protocol>;

    fn build_protocol(self: &Rc<Self>, peer: &Address) -> Option<Self::Protocol> {
        if self.shared.taken.get().is_some() {
            return None;
        }
        let protocol = self.shared.factory.build_protocol(peer)?;
        self.shared.taken.set(Some(self.number));
        Some(protocol)
    }

    fn start_factory(self: &Rc<Self>) {
        let shared = &self.shared;
        shared.users.set(shared.users.get() + 1);
        if !shared.is_started.replace(true) {
            shared.factory.start();
        }
    }

    fn stop_factory(self: &Rc<Self>) {
        let shared = &self.shared;
        shared.users.set(shared.users.get().saturating_sub(1));
        shared.stop_if_unused();
    }

    fn log_prefix(&self) -> String {
        self.shared.factory.log_prefix()
    }

    fn is_quiet(&self) -> bool {
        self.shared.factory.is_quiet()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::connecting::address_of;

    // E-043
    #[test]
    fn the_scope_of_an_address_is_written_with_it() {
        let scoped = "[fe80::1%3]:80".parse().unwrap();

        assert_eq!(address_of(&written(scoped), 80), Some(scoped));
    }
}
