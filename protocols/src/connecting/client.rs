//! What stands behind a connector: its state, and the attempt that is under way.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::{Rc, Weak};
use std::time::Duration;

use deferred::{CancelHandle, Failure, report};
use reactor::{ConnectionClosed, DelayedCall, Descriptor, Job, Reactor, WriteDescriptor};
use socket2::SockRef;

use super::{Answered, AnyClient, Attempt, Connector, Destination, Opened, Route};
use crate::protocol::short_name;
use crate::stream::{Connection, Owner, Parts, Role};
use crate::uses::Use;
use crate::{
    Address, ClientFactory, ConnectError, ConnectorError, Factory, Query, ReactorNames, Transport,
};

/// After how long a destination that had no room for another client is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(10);

/// What stands behind a connector.
pub(super) struct Client<F: Factory> {
    this: Weak<Self>,
    reactor: Reactor,
    factory: Rc<F>,
    route: Box<dyn Route>,
    state: RefCell<State>,
    /// How many attempts there were; an answer for an earlier one is not heard.
    attempts: Cell<u64>,
    timer: RefCell<Option<DelayedCall>>,
    /// There while this is not disconnected.
    in_use: RefCell<Option<Use<F>>>,
}

/// How far a client has come.
enum State {
    Disconnected,
    /// The loop will begin the attempt.
    Starting,
    /// The resolver looks for the name, unless it is told not to.
    Resolving(CancelHandle),
    /// This socket waits for its peer; the other addresses are still to be tried.
    Connecting(Weak<dyn WriteDescriptor>, VecDeque<Address>),
    /// The attempt has ended with this; the loop will tell the factory.
    Failed(ConnectError),
    /// The factory builds the protocol of a connection that stands.
    Building,
    Connected(Weak<dyn Transport>),
}

impl<F: ClientFactory> AnyClient for Client<F> {
    fn connect(self: Rc<Self>) -> Result<(), ConnectorError> {
        if !matches!(*self.state.borrow(), State::Disconnected) {
            return Err(ConnectorError::NotDisconnected);
        }
        if self.reactor.is_stopping() {
            return Err(ConnectorError::ReactorStopping);
        }
        *self.state.borrow_mut() = State::Starting;
        self.attempts.set(self.attempts.get() + 1);
        self.reactor.clone().next_turn(self);
        Ok(())
    }

    fn stop_connecting(self: Rc<Self>) -> Result<(), ConnectorError> {
        match &*self.state.borrow() {
            State::Disconnected | State::Failed(_) | State::Building | State::Connected(_) => {
                return Err(ConnectorError::NotConnecting);
            }
            State::Starting | State::Resolving(_) | State::Connecting(..) => {}
        }
        let to = self.destination().clone();
        self.fail_soon(ConnectError::Stopped(to));
        Ok(())
    }

    fn disconnect(self: Rc<Self>) {
        let transport = match &*self.state.borrow() {
            State::Connected(transport) => transport.upgrade(),
            _ => None,
        };
        match transport {
            Some(transport) => transport.lose_connection(),
            // With nothing under way, nothing is to be ended.
            None => drop(self.stop_connecting()),
        }
    }

    fn destination(&self) -> &Destination {
        self.route.destination()
    }

    fn state(&self) -> &'static str {
        match &*self.state.borrow() {
            State::Disconnected => "disconnected from",
            State::Failed(_) => "failed to connect to",
            State::Building | State::Connected(_) => "connected to",
            _ => "connecting to",
        }
    }

    fn factory_name(&self) -> String {
        short_name::<F>()
    }
}

impl<F: ClientFactory> Job for Client<F> {
    /// Begins the attempt, or tells the factory that it has failed.
    fn run(self: Rc<Self>, _reactor: &Reactor) {
        let is_due = matches!(*self.state.borrow(), State::Starting | State::Failed(_));
        if is_due {
            self.use_factory();
        }
        let state = self.state.replace(State::Disconnected);
        match state {
            State::Starting => {
                *self.state.borrow_mut() = State::Starting;
                self.begin();
            }
            State::Failed(error) => self.tell_failed(error),
            state => *self.state.borrow_mut() = state,
        }
    }
}

impl<F: ClientFactory> Client<F> {
    pub(super) fn new(reactor: &Reactor, route: Box<dyn Route>, factory: Rc<F>) -> Rc<Self> {
        Rc::new_cyclic(|this| Self {
            this: this.clone(),
            reactor: reactor.clone(),
            factory,
            route,
            state: RefCell::new(State::Disconnected),
            attempts: Cell::new(0),
            timer: RefCell::new(None),
            in_use: RefCell::new(None),
        })
    }

    fn connector(&self) -> Connector {
        let client = self.this.upgrade().expect("somebody calls a method of it");
        Connector::from(client as Rc<dyn AnyClient>)
    }

    fn begin(self: Rc<Self>) {
        self.start_timer();
        let started = Failure::catch(|| self.factory.started_connecting(&self.connector()));
        if let Err(panic) = started {
            report("Unhandled error in started_connecting", &panic);
        }
        if !matches!(*self.state.borrow(), State::Starting) {
            return; // The factory has stopped it.
        }
        match (self.route.address(), self.destination()) {
            (None, Destination::Tcp { host, port }) => {
                let query = Query::new(host, *port);
                self.resolve(query);
            }
            (address, _) => self.try_next(address.into_iter().collect()),
        }
    }

    /// Has the resolver look for the addresses of a name.
    fn resolve(self: Rc<Self>, query: Query) {
        let addresses = self.reactor.resolve(query).addresses();
        *self.state.borrow_mut() = State::Resolving(addresses.cancel_handle());
        let attempt = self.attempts.get();
        addresses
            .map(|found| found.into_iter().map(Address::Tcp).collect())
            .add_both(move |addresses| self.resolved(attempt, addresses))
            .log_failure("Unhandled error after a name was resolved");
    }

    fn start_timer(&self) {
        let Some(after) = self.route.timeout() else {
            return;
        };
        let (this, attempt) = (self.this.clone(), self.attempts.get());
        let timer = self.reactor.call_later(after, move |_| {
            if let Some(client) = this.upgrade()
                && client.attempts.get() == attempt
            {
                let to = client.destination().clone();
                client.give_up(ConnectError::TimedOut { to, after });
            }
        });
        *self.timer.borrow_mut() = Some(timer);
    }

    fn resolved(self: Rc<Self>, attempt: u64, answer: Result<VecDeque<Address>, Failure>) {
        let is_awaited = matches!(*self.state.borrow(), State::Resolving(_));
        if self.attempts.get() != attempt || !is_awaited {
            return;
        }
        match answer {
            Ok(addresses) => self.try_next(addresses),
            Err(failure) => {
                let error = ConnectError::from_resolver(self.destination(), &failure);
                self.give_up(error);
            }
        }
    }

    /// Tries the addresses until one answers, or waits for its answer; the last error is what counts.
    fn try_next(self: Rc<Self>, mut addresses: VecDeque<Address>) {
        let mut last = None;
        while let Some(address) = addresses.pop_front() {
            match self.route.open(&address) {
                Ok(Opened::Waits(fd)) => return self.wait_for_answer(fd, address, addresses),
                Ok(Opened::Busy(fd)) => return self.wait_for_room(fd, address, addresses),
                Ok(Opened::Elsewhere(fd)) => {
                    let pending = self.pending(fd, address, addresses);
                    return self.reactor.hold(pending);
                }
                Err(error) => last = Some(error),
            }
        }
        let nothing_found = || {
            let source = io::Error::new(io::ErrorKind::NotFound, "it has no address");
            ConnectError::UnknownHost(self.destination().to_string(), source)
        };
        let error = last.unwrap_or_else(nothing_found);
        self.give_up(error);
    }

    fn wait_for_answer(self: Rc<Self>, fd: OwnedFd, peer: Address, others: VecDeque<Address>) {
        let pending = self.pending(fd, peer.clone(), others);
        if let Err(error) = self.reactor.add_writer(pending) {
            self.give_up(if self.reactor.is_stopping() {
                self.reactor_stopped()
            } else {
                ConnectError::Other(peer, error)
            });
        }
    }

    /// Tries again a little later.
    fn wait_for_room(self: Rc<Self>, fd: OwnedFd, peer: Address, others: VecDeque<Address>) {
        if self.reactor.is_stopping() {
            return self.give_up(self.reactor_stopped());
        }
        let pending = self.pending(fd, peer, others);
        let waits = Rc::downgrade(&pending);
        self.reactor.hold(pending);
        self.reactor.call_later(TRY_AGAIN, move |reactor| {
            // Unless the attempt was stopped meanwhile.
            if let Some(pending) = waits.upgrade() {
                reactor.release(&*pending);
                pending.client.clone().try_again(&pending.peer);
            }
        });
    }

    /// Waits with this socket; the reactor is to own what is returned.
    fn pending(
        self: &Rc<Self>,
        fd: OwnedFd,
        peer: Address,
        others: VecDeque<Address>,
    ) -> Rc<Pending<F>> {
        let pending = Rc::new(Pending {
            fd,
            peer,
            client: Rc::clone(self),
        });
        let weak = Rc::downgrade(&pending);
        *self.state.borrow_mut() = State::Connecting(weak, others);
        pending
    }

    fn try_again(self: Rc<Self>, address: &Address) {
        let state = self.state.replace(State::Disconnected);
        if let State::Connecting(_, mut addresses) = state {
            addresses.push_front(address.clone());
            self.try_next(addresses);
        } else {
            *self.state.borrow_mut() = state;
        }
    }

    /// Takes what the system says of a socket that waited for its peer.
    fn answered(self: Rc<Self>, pending: Pending<F>, error: Option<io::Error>) {
        let state = self.state.replace(State::Disconnected);
        let State::Connecting(_, others) = state else {
            *self.state.borrow_mut() = state;
            return;
        };
        match error {
            None => self.connected(pending.fd, pending.peer),
            Some(error) if others.is_empty() => {
                self.give_up(ConnectError::from_io(pending.peer, error));
            }
            Some(_) => self.try_next(others),
        }
    }

    fn connected(self: Rc<Self>, fd: OwnedFd, peer: Address) {
        self.stop_timer();
        let reason = match self.build(&peer) {
            Ok(protocol) => {
                let owner = Some(Rc::clone(&self) as Rc<dyn Owner>);
                let parts = Parts {
                    fd,
                    protocol,
                    role: Role::Client,
                    peer,
                    host: None,
                    owner,
                };
                return Connection::start(&self.reactor, parts);
            }
            Err(reason) => reason,
        };
        drop(fd);
        self.tell_lost(reason);
    }

    /// The factory's protocol for a connection that stands; else why the connection is over at once.
    fn build(&self, peer: &Address) -> Result<F::Protocol, Failure> {
        *self.state.borrow_mut() = State::Building;
        match Failure::catch(|| self.factory.build_protocol(peer)) {
            Ok(Some(protocol)) => Ok(protocol),
            Ok(None) => Err(Failure::without_backtrace(ConnectionClosed::ConnectionDone)),
            Err(panic) => {
                report("Unhandled error in build_protocol", &panic);
                Err(panic)
            }
        }
    }

    /// Begins the attempt that the loop was to begin, if it is still to be begun, and says whether it is under way.
    fn is_under_way(self: &Rc<Self>) -> bool {
        if matches!(*self.state.borrow(), State::Starting) {
            Rc::clone(self).begin();
        }
        matches!(*self.state.borrow(), State::Connecting(..))
    }

    /// Ends the attempt, and tells the factory now. Called by the loop only.
    fn give_up(&self, error: ConnectError) {
        self.let_go();
        self.tell_failed(error);
    }

    /// Ends the attempt; the loop tells the factory in the next turn.
    fn fail_soon(self: Rc<Self>, error: ConnectError) {
        self.let_go();
        *self.state.borrow_mut() = State::Failed(error);
        self.reactor.clone().next_turn(self);
    }

    /// Lets go of the socket and the timer of an attempt.
    fn let_go(&self) {
        self.stop_timer();
        let state = self.state.replace(State::Disconnected);
        match state {
            State::Resolving(resolution) => resolution.cancel(),
            State::Connecting(pending, _) => {
                if let Some(pending) = pending.upgrade() {
                    self.reactor.release(&*pending);
                }
            }
            _ => {}
        }
    }

    fn reactor_stopped(&self) -> ConnectError {
        ConnectError::ReactorStopped(self.destination().clone())
    }

    fn tell_failed(&self, error: ConnectError) {
        let reason = Failure::without_backtrace(error);
        self.tell_factory("client_connection_failed", |connector| {
            self.factory.client_connection_failed(connector, reason);
        });
    }

    fn tell_lost(&self, reason: Failure) {
        *self.state.borrow_mut() = State::Disconnected;
        self.tell_factory("client_connection_lost", |connector| {
            self.factory.client_connection_lost(connector, reason);
        });
    }

    /// Tells the factory of an end, and stops it, unless it is connected again just then.
    fn tell_factory(&self, what: &str, tell: impl FnOnce(&Connector)) {
        if let Err(panic) = Failure::catch(|| tell(&self.connector())) {
            report(&format!("Unhandled error in {what}"), &panic);
        }
        if !matches!(*self.state.borrow(), State::Disconnected) {
            return;
        }
        let in_use = self.in_use.take();
        if let Some(Err(panic)) = in_use.map(Use::end) {
            report("Unhandled error in stop_factory", &panic);
        }
    }

    fn use_factory(&self) {
        if self.in_use.borrow().is_none() {
            let begun = Use::begin(&self.factory);
            *self.in_use.borrow_mut() = Some(begun);
        }
    }

    fn stop_timer(&self) {
        if let Some(timer) = self.timer.take() {
            // It may be the timer that ends the attempt.
            let _ = timer.cancel();
        }
    }
}

impl<F: ClientFactory> Attempt for Client<F> {
    fn fail(self: Rc<Self>, error: ConnectError) -> bool {
        let is_under_way = self.is_under_way();
        if is_under_way {
            self.give_up(error);
        }
        is_under_way
    }

    fn succeed(self: Rc<Self>) -> Option<Answered> {
        let peer = self.route.address().filter(|_| self.is_under_way())?;
        self.let_go();
        match self.build(&peer) {
            Ok(protocol) => Some(Answered {
                protocol: Box::new(protocol),
                owner: self,
                peer,
            }),
            Err(reason) => {
                self.tell_lost(reason);
                None
            }
        }
    }
}

impl<F: ClientFactory> Owner for Client<F> {
    fn connected(&self, transport: &Rc<dyn Transport>) {
        *self.state.borrow_mut() = State::Connected(Rc::downgrade(transport));
    }

    fn connection_lost(&self, reason: Failure) {
        self.tell_lost(reason);
    }
}

/// A socket that waits for its peer to answer.
struct Pending<F: Factory> {
    fd: OwnedFd,
    peer: Address,
    client: Rc<Client<F>>,
}

impl<F: Factory> AsFd for Pending<F> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl<F: ClientFactory> Descriptor for Pending<F> {
    fn connection_lost(self: Rc<Self>, _reactor: &Reactor, _reason: Failure) {
        let client = Rc::clone(&self.client);
        drop(self);
        client.give_up(client.reactor_stopped());
    }

    fn log_prefix(&self) -> String {
        let factory = self.client.factory.log_prefix();
        format!("{factory} on its way to {}", self.peer)
    }
}

impl<F: ClientFactory> WriteDescriptor for Pending<F> {
    fn do_write(self: Rc<Self>, reactor: &Reactor) -> Result<(), Failure> {
        reactor.remove_writer(&*self);
        let error = SockRef::from(&self.fd).take_error().unwrap_or_else(Some);
        let client = Rc::clone(&self.client);
        let pending = Rc::into_inner(self).expect("the reactor was its only other owner");
        client.answered(pending, error);
        Ok(())
    }
}
