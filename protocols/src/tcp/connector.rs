//! Beginning connections.

use std::any::type_name;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::{Rc, Weak};

use deferred::{Failure, report};
use reactor::{ConnectionClosed, DelayedCall, Descriptor, Job, Reactor, WriteDescriptor};
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

use crate::stream::{Connection, Owner, Parts};
use crate::tcp::ConnectOptions;
use crate::{ClientFactory, ConnectError, ConnectorError, Transport};

/// One wish to be connected: it can be stopped, ended, and tried again.
///
/// All callbacks of one [`connect_tcp`](crate::ReactorTcp::connect_tcp) are given the same connector, which
/// is also what that returned.
///
/// *Twisted's `IConnector`.*
#[derive(Clone)]
pub struct Connector {
    client: Rc<dyn AnyClient>,
}

impl Connector {
    pub(crate) fn new<F: ClientFactory>(
        reactor: &Reactor,
        host: &str,
        port: u16,
        factory: Rc<F>,
        options: ConnectOptions,
    ) -> Self {
        let client = Rc::new_cyclic(|this| Client {
            this: this.clone(),
            reactor: reactor.clone(),
            factory,
            host: host.to_owned(),
            port,
            options,
            state: RefCell::new(State::Disconnected),
            attempts: Cell::new(0),
            timer: RefCell::new(None),
        });
        Self { client }
    }

    /// Begins to connect, in the next turn.
    ///
    /// # Errors
    ///
    /// If an attempt is under way, there is a connection, or the reactor is stopping.
    pub fn connect(&self) -> Result<(), ConnectorError> {
        Rc::clone(&self.client).connect()
    }

    /// Gives up the attempt that is under way: the factory's `client_connection_failed` comes in the next
    /// turn, with [`ConnectError::Stopped`] as the reason.
    ///
    /// # Errors
    ///
    /// If none is under way.
    pub fn stop_connecting(&self) -> Result<(), ConnectorError> {
        Rc::clone(&self.client).stop_connecting()
    }

    /// Ends whatever there is: an attempt as [`stop_connecting`](Self::stop_connecting) does, a connection
    /// as [`Transport::lose_connection`] does.
    pub fn disconnect(&self) {
        Rc::clone(&self.client).disconnect();
    }

    /// The host and port that it connects to, as they were given.
    #[must_use]
    pub fn destination(&self) -> (&str, u16) {
        self.client.destination()
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Connector({} {})",
            self.client.state(),
            self.client.target()
        )
    }
}

/// A [`Client`], whatever its factory.
trait AnyClient {
    fn connect(self: Rc<Self>) -> Result<(), ConnectorError>;
    fn stop_connecting(self: Rc<Self>) -> Result<(), ConnectorError>;
    fn disconnect(self: Rc<Self>);
    fn destination(&self) -> (&str, u16);
    fn target(&self) -> String;
    fn state(&self) -> &'static str;
}

/// What stands behind a connector.
struct Client<F> {
    this: Weak<Self>,
    reactor: Reactor,
    factory: Rc<F>,
    host: String,
    port: u16,
    options: ConnectOptions,
    state: RefCell<State>,
    /// How many attempts there were; an answer for an earlier one is not heard.
    attempts: Cell<u64>,
    timer: RefCell<Option<DelayedCall>>,
}

/// What the resolver says of a name.
type Addresses = io::Result<VecDeque<SocketAddr>>;

/// How far a client has come.
enum State {
    Disconnected,
    /// The loop will begin the attempt.
    Starting,
    /// The resolver looks for the name.
    Resolving,
    /// This socket waits for its peer; the other addresses are still to be tried.
    Connecting(Weak<dyn WriteDescriptor>, VecDeque<SocketAddr>),
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
            State::Starting | State::Resolving | State::Connecting(..) => {}
        }
        let target = self.target();
        self.fail_soon(ConnectError::Stopped(target));
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

    fn destination(&self) -> (&str, u16) {
        (&self.host, self.port)
    }

    fn target(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    fn state(&self) -> &'static str {
        match &*self.state.borrow() {
            State::Disconnected => "disconnected from",
            State::Starting | State::Resolving | State::Connecting(..) => "connecting to",
            State::Failed(_) => "failed to connect to",
            State::Building | State::Connected(_) => "connected to",
        }
    }
}

impl<F: ClientFactory> Job for Client<F> {
    /// Begins the attempt, or tells the factory that it has failed.
    fn run(self: Rc<Self>, _reactor: &Reactor) {
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
    fn connector(&self) -> Connector {
        let client = self.this.upgrade().expect("somebody calls a method of it");
        Connector { client }
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
        if let Ok(ip) = self.host.parse::<IpAddr>() {
            let address = SocketAddr::new(ip, self.port);
            return self.try_next([address].into());
        }
        *self.state.borrow_mut() = State::Resolving;
        let (host, port, attempt) = (self.host.clone(), self.port, self.attempts.get());
        self.reactor
            .defer_to_thread(move || {
                Ok((host.as_str(), port)
                    .to_socket_addrs()
                    .map(Iterator::collect))
            })
            .add_both(move |addresses| self.resolved(attempt, addresses))
            .log_failure("Unhandled error after a name was resolved");
    }

    fn start_timer(&self) {
        let (this, attempt) = (self.this.clone(), self.attempts.get());
        let after = self.options.timeout;
        let timer = self.reactor.call_later(after, move |_| {
            if let Some(client) = this.upgrade()
                && client.attempts.get() == attempt
            {
                let to = client.target();
                client.give_up(ConnectError::TimedOut { to, after });
            }
        });
        *self.timer.borrow_mut() = Some(timer);
    }

    fn resolved(self: Rc<Self>, attempt: u64, answer: Result<Addresses, Failure>) {
        if self.attempts.get() != attempt || !matches!(*self.state.borrow(), State::Resolving) {
            return;
        }
        match answer {
            Ok(Ok(addresses)) => self.try_next(addresses),
            Ok(Err(error)) => self.give_up(ConnectError::UnknownHost(self.host.clone(), error)),
            // The resolver gives no failure of its own: the reactor has dropped the work.
            Err(_) => self.give_up(ConnectError::ReactorStopped(self.target())),
        }
    }

    /// Tries the addresses until one answers, or waits for its answer; the last error is what counts.
    fn try_next(self: Rc<Self>, mut addresses: VecDeque<SocketAddr>) {
        let mut last = None;
        while let Some(address) = addresses.pop_front() {
            match self.open(address) {
                Ok(fd) => return self.wait_for_answer(fd, address, addresses),
                Err(error) => last = Some(error),
            }
        }
        let nothing_found = || {
            let source = io::Error::new(io::ErrorKind::NotFound, "it has no address");
            ConnectError::UnknownHost(self.host.clone(), source)
        };
        let error = last.unwrap_or_else(nothing_found);
        self.give_up(error);
    }

    /// Opens a socket and begins to connect it.
    fn open(&self, address: SocketAddr) -> Result<OwnedFd, ConnectError> {
        let other = |error| ConnectError::Other(address, error);
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )
        .map_err(other)?;
        socket.set_nonblocking(true).map_err(other)?;
        if let Some(local) = self.options.bind_address {
            let failed = |error| ConnectError::BindFailed(local, error);
            socket.bind(&SockAddr::from(local)).map_err(failed)?;
        }
        match socket.connect(&SockAddr::from(address)) {
            Ok(()) => Ok(socket.into()),
            Err(error) if in_progress(&error) => Ok(socket.into()),
            Err(error) => Err(ConnectError::from_io(address, error)),
        }
    }

    fn wait_for_answer(
        self: Rc<Self>,
        fd: OwnedFd,
        peer: SocketAddr,
        others: VecDeque<SocketAddr>,
    ) {
        let pending: Rc<dyn WriteDescriptor> = Rc::new(Pending {
            fd,
            peer,
            client: Rc::clone(&self),
        });
        *self.state.borrow_mut() = State::Connecting(Rc::downgrade(&pending), others);
        if let Err(error) = self.reactor.add_writer(pending) {
            self.give_up(if self.reactor.is_stopping() {
                ConnectError::ReactorStopped(self.target())
            } else {
                ConnectError::Other(peer, error)
            });
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

    fn connected(self: Rc<Self>, fd: OwnedFd, peer: SocketAddr) {
        self.stop_timer();
        *self.state.borrow_mut() = State::Building;
        let reason = match Failure::catch(|| self.factory.build_protocol(&peer.into())) {
            Ok(Some(protocol)) => {
                let owner = Some(Rc::clone(&self) as Rc<dyn Owner>);
                let parts = Parts {
                    fd,
                    protocol,
                    peer: peer.into(),
                    host: None,
                    owner,
                };
                return Connection::start(&self.reactor, parts);
            }
            Ok(None) => Failure::without_backtrace(ConnectionClosed::ConnectionDone),
            Err(panic) => {
                report("Unhandled error in build_protocol", &panic);
                panic
            }
        };
        drop(fd);
        *self.state.borrow_mut() = State::Disconnected;
        self.factory
            .client_connection_lost(&self.connector(), reason);
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
        if let State::Connecting(pending, _) = state
            && let Some(pending) = pending.upgrade()
        {
            self.reactor.remove_writer(&*pending);
        }
    }

    fn tell_failed(&self, error: ConnectError) {
        let reason = Failure::without_backtrace(error);
        self.factory
            .client_connection_failed(&self.connector(), reason);
    }

    fn stop_timer(&self) {
        if let Some(timer) = self.timer.take() {
            // It may be the timer that ends the attempt.
            let _ = timer.cancel();
        }
    }
}

impl<F: ClientFactory> Owner for Client<F> {
    fn connected(&self, transport: &Rc<dyn Transport>) {
        *self.state.borrow_mut() = State::Connected(Rc::downgrade(transport));
    }

    fn connection_lost(&self, reason: Failure) {
        *self.state.borrow_mut() = State::Disconnected;
        self.factory
            .client_connection_lost(&self.connector(), reason);
    }
}

/// A socket that waits for its peer to answer.
struct Pending<F> {
    fd: OwnedFd,
    peer: SocketAddr,
    client: Rc<Client<F>>,
}

impl<F> AsFd for Pending<F> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl<F: ClientFactory> Descriptor for Pending<F> {
    fn connection_lost(self: Rc<Self>, _reactor: &Reactor, _reason: Failure) {
        let client = Rc::clone(&self.client);
        drop(self);
        let target = client.target();
        client.give_up(ConnectError::ReactorStopped(target));
    }

    fn log_prefix(&self) -> String {
        format!("{} on its way to {}", type_name::<F>(), self.peer)
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

fn in_progress(error: &io::Error) -> bool {
    const IN_PROGRESS: i32 = rustix::io::Errno::INPROGRESS.raw_os_error();
    error.kind() == io::ErrorKind::WouldBlock || error.raw_os_error() == Some(IN_PROGRESS)
}
