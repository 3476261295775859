//! Factories and sockets by way of endpoints: their beginning and end, their names, and what only some of them can do.

#[path = "common/book.rs"]
mod book;
mod common;
#[path = "common/logs.rs"]
mod logs;
#[path = "common/paths.rs"]
mod paths;
#[path = "common/waiting.rs"]
mod waiting;

use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::time::Duration;

use book::Book;
use common::peers::{ANY, port_without_listener};
use common::{
    Log, Script, after_turns, listener, on_every_backend, peer_of, read_all, run, stop_at_call,
    stop_soon,
};
use logs::Logged;
use paths::{Folder, listen_at};
use protocols::endpoints::{AlreadyListened, ClientEndpoint, HostNameOptions, ServerEndpoint};
use protocols::reactor::Reactor;
use protocols::{
    Address, AdoptError, ConnectOptions, Factory, ListenOptions, Protocol, Transport,
    UnixConnectOptions,
};
use waiting::run_until;

on_every_backend!(
    a_factory_begins_and_ends_with_its_connection,
    a_factory_begins_and_ends_with_an_attempt_that_fails,
    a_factory_begins_and_ends_with_its_port,
    the_attempts_to_connect_to_a_name_begin_their_factory_once,
    the_attempts_to_connect_to_a_name_end_their_factory_when_they_have_failed,
    a_factory_is_named_in_the_log_as_it_wants,
    a_factory_without_a_name_is_named_by_its_type,
    a_protocol_that_wants_descriptors_gets_them,
    a_protocol_that_wants_none_gets_the_data_alone,
    an_adopted_socket_listens,
    an_adopted_socket_listens_once,
    what_cannot_be_adopted_fails_the_deferred,
);

fn tcp(reactor: &Reactor, port: u16) -> ClientEndpoint {
    ClientEndpoint::tcp(reactor, "127.0.0.1", port, ConnectOptions::new())
}

/// A client that notes its factory's use, and closes as it begins.
fn closing(reactor: &Reactor, log: &Log) -> Rc<Script> {
    let stop = reactor.clone();
    let script = Script::new("client", log)
        .noting_use()
        .on_made(|transport| transport.lose_connection())
        .on_stop_factory(move || stop_soon(&stop));
    Rc::new(script)
}

// E-006
fn a_factory_begins_and_ends_with_its_connection(reactor: &Reactor) {
    let log = Log::default();
    let (_listener, port) = listener();
    tcp(reactor, port)
        .connect(closing(reactor, &log))
        .log_failure("no connection");

    run(reactor);

    log.assert(&[
        "client begins",
        "client built",
        "client made",
        "client lost ConnectionDone",
        "client ends",
    ]);
}

// E-006
fn a_factory_begins_and_ends_with_an_attempt_that_fails(reactor: &Reactor) {
    let log = Log::default();
    let (_taken, nobody) = port_without_listener();
    tcp(reactor, nobody)
        .connect(closing(reactor, &log))
        .ignore();

    run(reactor);

    log.assert(&["client begins", "client ends"]);
}

// E-006
fn a_factory_begins_and_ends_with_its_port(reactor: &Reactor) {
    let log = Log::default();
    let options = ListenOptions::new(0).interface(ANY.ip());
    let script = Rc::new(Script::new("server", &log).noting_use());
    let stop = reactor.clone();
    let listening = ServerEndpoint::tcp(reactor, options).listen(script);
    after_turns(reactor, 1, move |_| {
        listening
            .add_callback(|port| port.stop_listening())
            .map(move |()| stop_soon(&stop))
            .log_failure("no port");
    });

    run(reactor);

    log.assert(&["server begins", "server ends"]);
}

/// Connects to a name that has these addresses, with a long delay between the attempts.
fn connect_to_name(reactor: &Reactor, ports: &[u16], script: Rc<Script>) {
    let addresses: Vec<_> = ports
        .iter()
        .map(|port| SocketAddr::new(ANY.ip(), *port))
        .collect();
    Book::with(reactor, &addresses);
    let options = HostNameOptions::new().attempt_delay(Duration::from_secs(3600));
    ClientEndpoint::host_name(reactor, "poetry.example", 80, options)
        .connect(script)
        .ignore();
}

// E-006, E-022
fn the_attempts_to_connect_to_a_name_begin_their_factory_once(reactor: &Reactor) {
    let log = Log::default();
    let ((_taken, nobody), (_listener, port)) = (port_without_listener(), listener());
    connect_to_name(reactor, &[nobody, port], closing(reactor, &log));

    run(reactor);

    log.assert(&[
        "client begins",
        "client built",
        "client made",
        "client lost ConnectionDone",
        "client ends",
    ]);
}

// E-006, E-022
fn the_attempts_to_connect_to_a_name_end_their_factory_when_they_have_failed(reactor: &Reactor) {
    let log = Log::default();
    let ((_one, first), (_two, second)) = (port_without_listener(), port_without_listener());
    connect_to_name(reactor, &[first, second], closing(reactor, &log));

    run(reactor);

    log.assert(&["client begins", "client ends"]);
}

/// A protocol that does nothing.
struct Idle;

impl Protocol for Idle {
    fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {}
}

/// A factory with a name of its own.
struct Flock;

impl Factory for Flock {
    type Protocol = Idle;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Idle> {
        Some(Idle)
    }

    fn log_prefix(&self) -> String {
        "Sheep".into()
    }
}

/// A factory that says nothing of its name.
struct Nameless;

impl Factory for Nameless {
    type Protocol = Idle;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Idle> {
        Some(Idle)
    }
}

/// What the log says of a factory that is used for a connection.
fn logged_of<F: Factory>(reactor: &Reactor, factory: F) -> Vec<String> {
    let (_listener, port) = listener();
    let logged = Logged::collected();
    run_until(reactor, tcp(reactor, port).connect(Rc::new(factory))).unwrap();
    logged.take()
}

// E-009
fn a_factory_is_named_in_the_log_as_it_wants(reactor: &Reactor) {
    assert_eq!(
        logged_of(reactor, Flock),
        ["INFO Sheep starts", "INFO Sheep stops"]
    );
}

// E-009
fn a_factory_without_a_name_is_named_by_its_type(reactor: &Reactor) {
    let logged = logged_of(reactor, Nameless);

    assert_eq!(logged, ["INFO Nameless starts", "INFO Nameless stops"]);
}

/// Connects over UNIX sockets to somebody who sends a descriptor with the data "it".
fn connect_to_sender(reactor: &Reactor, folder: &Folder, script: Script) {
    let path = folder.path("socket");
    let sender = Script::unnoted().on_made(|transport| {
        let null = File::open("/dev/null").unwrap();
        let descriptors = transport
            .abilities()
            .descriptors
            .expect("a UNIX socket can");
        descriptors.send_descriptor(null.as_fd()).unwrap();
        transport.write(b"it");
        transport.lose_connection();
    });
    listen_at(reactor, &path, sender);
    ClientEndpoint::unix(reactor, path.as_path(), UnixConnectOptions::new())
        .connect(Rc::new(script))
        .log_failure("no connection");
}

// E-008
fn a_protocol_that_wants_descriptors_gets_them(reactor: &Reactor) {
    let (log, folder, stop) = (Log::default(), Folder::new(), stop_at_call(1, reactor));
    let script = Script::new("client", &log)
        .on_descriptor(|_, _| ())
        .on_lost(move |_| stop());
    connect_to_sender(reactor, &folder, script);

    run(reactor);

    log.assert(&[
        "client built",
        "client made",
        "client descriptor",
        "client data it",
        "client lost ConnectionDone",
    ]);
}

// E-008
fn a_protocol_that_wants_none_gets_the_data_alone(reactor: &Reactor) {
    let (log, folder, stop) = (Log::default(), Folder::new(), stop_at_call(1, reactor));
    let script = Script::new("client", &log).on_lost(move |_| stop());
    connect_to_sender(reactor, &folder, script);

    run(reactor);

    log.assert(&[
        "client built",
        "client made",
        "client data it",
        "client lost ConnectionDone",
    ]);
}

// E-013
fn an_adopted_socket_listens(reactor: &Reactor) {
    let socket = TcpListener::bind(ANY).unwrap();
    let address = socket.local_addr().unwrap();
    let (stop, endpoint) = (reactor.clone(), ServerEndpoint::adopted(reactor, socket));
    let script = Script::unnoted().on_made(move |transport| {
        transport.write(b"hello");
        transport.lose_connection();
        stop_soon(&stop);
    });

    let port = endpoint
        .listen(Rc::new(script))
        .into_result()
        .unwrap()
        .unwrap();
    let peer = peer_of(&port);
    run(reactor);

    assert_eq!(port.address(), Address::Tcp(address));
    assert_eq!(read_all(&peer).unwrap(), b"hello");
}

// E-013
fn an_adopted_socket_listens_once(reactor: &Reactor) {
    let endpoint = ServerEndpoint::adopted(reactor, TcpListener::bind(ANY).unwrap());
    let script = Rc::new(Script::unnoted());
    let first = endpoint.listen(Rc::clone(&script));
    let port = first.into_result().unwrap().unwrap();

    let again = endpoint.listen(Rc::clone(&script));
    let failure = run_until(reactor, again).unwrap_err();
    assert_eq!(failure.check(), Some(&AlreadyListened));

    // Also when the port has stopped.
    run_until(reactor, port.stop_listening()).unwrap();
    let failure = run_until(reactor, endpoint.listen(script)).unwrap_err();
    assert_eq!(failure.check(), Some(&AlreadyListened));
}

// E-002, E-013
fn what_cannot_be_adopted_fails_the_deferred(reactor: &Reactor) {
    let endpoint = ServerEndpoint::adopted(reactor, File::open("/dev/null").unwrap());

    let listening = endpoint.listen(Rc::new(Script::unnoted()));

    let failure = run_until(reactor, listening).unwrap_err();
    assert!(
        matches!(failure.check(), Some(AdoptError::NoStream)),
        "{failure}"
    );
}
