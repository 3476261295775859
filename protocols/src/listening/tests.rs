//! What a port does when the system has an error for it instead of a client.

#[path = "../../tests/common/logs.rs"]
mod logs;

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::time::Duration;

use reactor::{Reactor, backend};
use rustix::io::Errno;

use super::{Bound, ListenArguments, Place, Port};
use crate::{Address, Factory, Protocol, Transport, sockets};
use logs::Logged;

/// How long a test waits for what should come at once: long enough for the busiest machine.
const LIMIT: Duration = Duration::from_secs(10);

/// More turns than anything here takes without spinning.
const FEW_TURNS: u64 = 60;

/// A place of TCP whose system has these errors first, one for each attempt to accept.
struct Troubled {
    errors: RefCell<VecDeque<Errno>>,
    attempts: Rc<Cell<usize>>,
}

impl Place for Troubled {
    fn kind(&self) -> &'static str {
        "TCP"
    }

    fn wanted(&self) -> Address {
        Address::Tcp((Ipv4Addr::LOCALHOST, 0).into())
    }

    fn arguments(&self) -> ListenArguments {
        ListenArguments::Adopted
    }

    fn open(&self) -> io::Result<Bound> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        Ok(Bound {
            address: listener.local_addr()?.into(),
            fd: listener.into(),
            is_socket: true,
            file: None,
        })
    }

    fn accept(&self, listener: BorrowedFd<'_>) -> Result<(OwnedFd, Address), Errno> {
        self.attempts.set(self.attempts.get() + 1);
        let error = self.errors.borrow_mut().pop_front();
        error.map_or_else(|| sockets::accept(listener), Err)
    }
}

/// Says "?" to each client, and stops the reactor when so many have said "!".
struct Server {
    waits_for: Cell<usize>,
    reactor: Reactor,
}

struct Greeting(Rc<Server>);

impl Factory for Server {
    type Protocol = Greeting;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Greeting> {
        Some(Greeting(Rc::clone(self)))
    }

    fn is_quiet(&self) -> bool {
        true
    }
}

impl Protocol for Greeting {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        transport.write(b"?");
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {
        self.0.waits_for.set(self.0.waits_for.get() - 1);
        if self.0.waits_for.get() == 0 {
            // So that what was written goes out, and the errors that may still come do.
            stop_in(5, &self.0.reactor);
        }
    }
}

/// Stops the reactor after so many turns.
fn stop_in(turns: usize, reactor: &Reactor) {
    reactor.call_later(Duration::ZERO, move |reactor| match turns.checked_sub(1) {
        Some(left) => stop_in(left, reactor),
        None => drop(reactor.stop()),
    });
}

/// What came of a port whose clients waited before it accepted any.
struct Outcome {
    /// What each client was told.
    told: Vec<String>,
    attempts: usize,
    turns: u64,
    errors: Vec<String>,
}

/// Has two clients come to a port on each backend, while the system has `errors`, of whom so many are let in.
fn on_every_backend(errors: &[Errno], let_in: usize, check: impl Fn(Outcome)) {
    for name in backend::NAMES {
        let backend = backend::from_name(name).expect("the backend opens");
        let reactor = Reactor::with_backend(backend).expect("there are descriptors left");
        check(outcome(&reactor, errors, let_in));
    }
}

fn outcome(reactor: &Reactor, errors: &[Errno], let_in: usize) -> Outcome {
    let (logged, attempts) = (Logged::collected(), Rc::new(Cell::new(0)));
    let place = Troubled {
        errors: RefCell::new(errors.iter().copied().collect()),
        attempts: Rc::clone(&attempts),
    };
    let server = Rc::new(Server {
        waits_for: Cell::new(let_in),
        reactor: reactor.clone(),
    });
    let port = Port::listen(reactor, place, server).expect("there is a free port");
    let mut clients: Vec<_> = (0..2).map(|_| client_of(&port)).collect();
    for client in &mut clients {
        client.write_all(b"!").expect("there is room");
    }
    let late = Rc::new(Cell::new(false));
    let watchdog = Rc::clone(&late);
    reactor.call_later(LIMIT, move |reactor| {
        watchdog.set(true);
        drop(reactor.stop());
    });

    reactor.run().expect("the reactor runs");

    assert!(!late.get(), "not all were let in after {errors:?}");
    Outcome {
        told: clients.iter_mut().map(told).collect(),
        attempts: attempts.get(),
        turns: reactor.stats().turns,
        errors: logged.take_level("ERROR"),
    }
}

fn client_of(port: &Port) -> TcpStream {
    let Address::Tcp(address) = port.address() else {
        unreachable!("it is of TCP")
    };
    let client = TcpStream::connect(address).expect("the port listens");
    client.set_read_timeout(Some(LIMIT)).expect("it is no zero");
    client
}

/// What a client has got until its end.
fn told(client: &mut TcpStream) -> String {
    let mut told = Vec::new();
    // A client that was turned away with what it said unread is reset.
    let _ = client.read_to_end(&mut told);
    String::from_utf8(told).expect("it is ASCII")
}

#[track_caller]
fn assert_logged_once(errors: &[String], name: &str) {
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].starts_with("ERROR cannot accept on TCP 127.0.0.1:"));
    assert!(errors[0].contains(name), "{errors:?}");
}

// L-015, L-018
#[test]
fn without_a_descriptor_for_it_a_client_is_turned_away_and_the_next_one_let_in() {
    for (error, name) in [(Errno::MFILE, "EMFILE"), (Errno::NFILE, "ENFILE")] {
        on_every_backend(&[error], 1, |outcome| {
            assert_eq!(outcome.told, ["", "?"]);
            assert!(outcome.turns < FEW_TURNS, "{} turns", outcome.turns);
            assert_logged_once(&outcome.errors, name);
        });
    }
}

// L-015, L-016
#[test]
fn for_want_of_anything_else_the_port_rests_and_takes_the_same_clients_later() {
    let errors = [
        (Errno::NOBUFS, "ENOBUFS"),
        (Errno::NOMEM, "ENOMEM"),
        (Errno::IO, "an unexpected error"),
    ];
    for (error, name) in errors {
        on_every_backend(&[error], 2, |outcome| {
            assert_eq!(outcome.told, ["?", "?"]);
            // One that failed, two that did not, and the one after them.
            assert_eq!(outcome.attempts, 4);
            assert!(outcome.turns < FEW_TURNS, "{} turns", outcome.turns);
            assert_logged_once(&outcome.errors, name);
        });
    }
}

// L-015, L-020
#[test]
fn an_episode_is_rested_through_and_logged_once() {
    // The one that is in reserve is of no use if it is lost to somebody else at once.
    for (error, name) in [(Errno::NFILE, "ENFILE"), (Errno::NOMEM, "ENOMEM")] {
        on_every_backend(&[error; 4], 2, |outcome| {
            assert_eq!(outcome.told, ["?", "?"]);
            assert_eq!(outcome.attempts, 4 + 3);
            assert!(outcome.turns < FEW_TURNS, "{} turns", outcome.turns);
            assert_logged_once(&outcome.errors, name);
        });
    }
}

// L-015
#[test]
fn a_client_that_has_gone_or_is_kept_out_does_not_keep_the_next_one_waiting() {
    for (error, name) in [(Errno::CONNABORTED, "ECONNABORTED"), (Errno::PERM, "EPERM")] {
        on_every_backend(&[error; 3], 2, |outcome| {
            assert_eq!(outcome.told, ["?", "?"]);
            assert_eq!(outcome.attempts, 3 + 3);
            assert!(outcome.turns < FEW_TURNS, "{} turns", outcome.turns);
            assert_logged_once(&outcome.errors, name);
        });
    }
}

// L-014, L-015
#[test]
fn clients_that_have_gone_are_counted_among_those_of_a_turn() {
    on_every_backend(&[Errno::CONNABORTED; 250], 2, |outcome| {
        assert_eq!(outcome.told, ["?", "?"]);
        assert_eq!(outcome.attempts, 250 + 3);
        assert_logged_once(&outcome.errors, "ECONNABORTED");
    });
}

// L-015
#[test]
fn an_interrupted_attempt_is_made_again_and_not_logged() {
    on_every_backend(&[Errno::INTR; 2], 2, |outcome| {
        assert_eq!(outcome.told, ["?", "?"]);
        assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
    });
}

// L-015
#[test]
fn a_new_error_begins_a_new_episode() {
    on_every_backend(
        &[Errno::NOMEM, Errno::NOBUFS, Errno::NOBUFS],
        2,
        |outcome| {
            assert_eq!(outcome.errors.len(), 2, "{:?}", outcome.errors);
            assert!(outcome.errors[0].contains("ENOMEM") && outcome.errors[1].contains("ENOBUFS"));
        },
    );
}
