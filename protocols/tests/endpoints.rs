//! Endpoints: what comes of connecting and listening by them, and what stands between them and the protocols.

#[path = "common/clients.rs"]
mod clients;
mod common;
#[path = "common/waiting.rs"]
mod waiting;

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use clients::greeter;
use common::peers::{ANY, port_without_answer, port_without_listener};
use common::{
    Log, Ownership, Script, after_turns, another, calling, connect, listener, name_of,
    on_every_backend, run, stop_soon,
};
use protocols::endpoints::{ClientEndpoint, ServerEndpoint};
use protocols::reactor::Reactor;
use protocols::{
    ClientFactory, ConnectOptions, Connector, Factory, ListenError, ListenOptions, Port, ReactorTcp,
};
use waiting::{run_until, run_until_failed};

on_every_backend!(
    the_connection_is_told_when_its_beginning_was_heard,
    a_refused_connection_fails_the_deferred,
    a_bad_local_address_fails_the_deferred,
    a_reactor_that_stops_fails_the_deferred,
    connecting_while_the_reactor_stops_fails_at_once,
    an_attempt_whose_reactor_is_dropped_fails_and_leaves_nothing,
    cancelling_ends_the_attempt,
    cancelling_when_the_connection_stands_changes_nothing,
    a_port_is_told,
    an_address_in_use_fails_the_deferred,
    the_options_reach_the_reactor,
    what_is_not_set_has_its_default,
    nothing_is_called_from_inside_connect,
);

fn endpoint(reactor: &Reactor, port: u16) -> ClientEndpoint {
    ClientEndpoint::tcp(reactor, "127.0.0.1", port, ConnectOptions::new())
}

// E-001
fn the_connection_is_told_when_its_beginning_was_heard(reactor: &Reactor) {
    let log = Log::default();
    let (_listener, port) = listener();
    let (told, stop) = (log.clone(), reactor.clone());
    let script = Rc::new(Script::new("client", &log));
    endpoint(reactor, port)
        .connect(script)
        .add_callback(move |connected| {
            assert_eq!(connected.transport().peer().port(), Some(port));
            told.note("told");
            stop_soon(&stop);
        })
        .log_failure("no connection");

    run(reactor);

    log.assert(&[
        "client built",
        "client made",
        "told",
        "client lost ReactorStopped",
    ]);
}

// E-002
fn a_refused_connection_fails_the_deferred(reactor: &Reactor) {
    let log = Log::default();
    let (_taken, port) = port_without_listener();

    let connecting = endpoint(reactor, port).connect(Rc::new(Script::new("client", &log)));

    assert_eq!(run_until_failed(reactor, connecting), "ConnectionRefused");
    log.assert(&[]);
}

// E-002
fn a_bad_local_address_fails_the_deferred(reactor: &Reactor) {
    let port = greeter(reactor);
    // It is kept for books, and is no machine's.
    let nowhere = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 0));
    let options = ConnectOptions::new().bind_address(nowhere);

    let endpoint = ClientEndpoint::tcp(reactor, "127.0.0.1", port, options);
    let connecting = endpoint.connect(Rc::new(Script::unnoted()));

    assert_eq!(run_until_failed(reactor, connecting), "BindFailed");
}

// E-002
fn a_reactor_that_stops_fails_the_deferred(reactor: &Reactor) {
    let (_full, port) = port_without_answer();
    let reason: Rc<RefCell<String>> = Rc::default();
    let seen = Rc::clone(&reason);
    endpoint(reactor, port)
        .connect(Rc::new(Script::unnoted()))
        .add_errback(move |failure| {
            *seen.borrow_mut() = name_of(&failure);
            Err(failure)
        })
        .ignore();
    reactor.call_when_running(stop_soon);

    run(reactor);

    assert_eq!(*reason.borrow(), "ReactorStopped");
}

// E-002
fn connecting_while_the_reactor_stops_fails_at_once(reactor: &Reactor) {
    let (_listener, port) = listener();
    let reason: Rc<RefCell<String>> = Rc::default();
    let (factory, ownership) = owning_script();
    let (seen, factory) = (Rc::clone(&reason), RefCell::new(Some(factory)));
    let (at, stop) = (reactor.clone(), reactor.clone());
    // The connections are told of the end while the reactor stops.
    let script = Script::unnoted()
        .on_made(move |_| stop.stop().unwrap())
        .on_lost(move |_| {
            let factory = factory.take().expect("it is lost once");
            let connecting = endpoint(&at, port).connect(factory);
            let failed = connecting.into_result().expect("it has ended");
            let failure = failed.expect_err("nothing begins now");
            *seen.borrow_mut() = name_of(&failure);
        });
    connect(reactor, port, script);

    run(reactor);

    assert_eq!(*reason.borrow(), "ReactorStopped");
    assert!(ownership.is_over());
}

/// A factory that tells whether it was dropped.
fn owning_script() -> (Rc<Script>, Ownership) {
    let (owned, ownership) = Ownership::new();
    let script = Script::unnoted().on_build(move |_| {
        let _ = &owned;
        true
    });
    (Rc::new(script), ownership)
}

// E-002
fn an_attempt_whose_reactor_is_dropped_fails_and_leaves_nothing(reactor: &Reactor) {
    let (_listener, port) = listener();
    let (factory, ownership) = owning_script();
    let short_lived = another(reactor);
    let connecting = endpoint(&short_lived, port).connect(factory);

    drop(short_lived);

    let failed = connecting.into_result().expect("it has ended");
    let failure = failed.expect_err("there is no connection");
    assert_eq!(name_of(&failure), "ReactorStopped");
    assert!(ownership.is_over());
}

// E-002
fn cancelling_ends_the_attempt(reactor: &Reactor) {
    let log = Log::default();
    let (_full, port) = port_without_answer();
    let connecting = endpoint(reactor, port).connect(Rc::new(Script::new("client", &log)));
    let handle = connecting.cancel_handle();
    reactor.call_when_running(move |reactor| after_turns(reactor, 2, move |_| handle.cancel()));

    assert_eq!(run_until_failed(reactor, connecting), "Stopped");
    log.assert(&[]);
    assert!(reactor.writers().is_empty());
}

// E-001
fn cancelling_when_the_connection_stands_changes_nothing(reactor: &Reactor) {
    let log = Log::default();
    let port = greeter(reactor);
    let stop = reactor.clone();
    let script = Script::new("client", &log).on_lost(move |_| stop_soon(&stop));
    let connecting = endpoint(reactor, port).connect(Rc::new(script));
    let handle = connecting.cancel_handle();
    connecting
        .add_callback(move |_| handle.cancel())
        .log_failure("no connection");

    run(reactor);

    log.assert(&[
        "client built",
        "client made",
        "client data hello",
        "client lost ConnectionDone",
    ]);
}

// E-003
fn a_port_is_told(reactor: &Reactor) {
    let options = ListenOptions::new(0).interface(ANY.ip());

    let listening = ServerEndpoint::tcp(reactor, options).listen(Rc::new(Script::unnoted()));

    let port = run_until(reactor, listening).unwrap();
    assert_eq!(port.address().ip(), Some(ANY.ip()));
    assert!(port.address().port() > Some(0));
}

// E-003
fn an_address_in_use_fails_the_deferred(reactor: &Reactor) {
    let (_listener, port) = listener();
    let options = ListenOptions::new(port).interface(ANY.ip());

    let listening = ServerEndpoint::tcp(reactor, options).listen(Rc::new(Script::unnoted()));

    let failure = run_until(reactor, listening).unwrap_err();
    let error = failure.check::<ListenError>().expect("it is of listening");
    assert_eq!(error.address, SocketAddr::new(ANY.ip(), port).into());
}

/// A reactor that notes what it is asked to do.
#[derive(Clone)]
struct Noting {
    reactor: Reactor,
    asked: Log,
}

impl ReactorTcp for Noting {
    fn connect_tcp_with<F: ClientFactory>(
        &self,
        host: &str,
        port: u16,
        factory: Rc<F>,
        options: ConnectOptions,
    ) -> Connector {
        self.asked.note(format!("{host} {port} {options:?}"));
        self.reactor.connect_tcp_with(host, port, factory, options)
    }

    fn listen_tcp_with<F: Factory>(
        &self,
        options: ListenOptions,
        factory: Rc<F>,
    ) -> Result<Port, ListenError> {
        self.asked.note(format!("{options:?}"));
        self.reactor.listen_tcp_with(options, factory)
    }
}

/// Notes what connecting and listening with these options ask of the reactor.
fn assert_asked(reactor: &Reactor, connect: ConnectOptions, listen: ListenOptions) -> String {
    let asked = Log::default();
    let noting = Noting {
        reactor: reactor.clone(),
        asked: asked.clone(),
    };
    ClientEndpoint::tcp(&noting, "127.0.0.1", 80, connect.clone())
        .connect(Rc::new(Script::unnoted()))
        .cancel();
    ServerEndpoint::tcp(&noting, listen.clone())
        .listen(Rc::new(Script::unnoted()))
        .ignore();
    asked.assert(&[&format!("127.0.0.1 80 {connect:?}"), &format!("{listen:?}")]);
    format!("{connect:?} {listen:?}")
}

// E-004
fn the_options_reach_the_reactor(reactor: &Reactor) {
    let connect = ConnectOptions::new()
        .timeout(Duration::from_secs(7))
        .bind_address(ANY);
    let listen = ListenOptions::new(0).interface(ANY.ip()).backlog(3);

    assert_asked(reactor, connect, listen);
}

// E-004
fn what_is_not_set_has_its_default(reactor: &Reactor) {
    let asked = assert_asked(reactor, ConnectOptions::new(), ListenOptions::new(0));

    for default in ["30s", "bind_address: None", "0.0.0.0:0", "backlog: 50"] {
        assert!(asked.contains(default), "{default}: {asked}");
    }
}

// E-002
fn nothing_is_called_from_inside_connect(reactor: &Reactor) {
    let log = Log::default();
    let port = greeter(reactor);
    let script = Rc::new(Script::new("client", &log));

    let connecting = calling(|| endpoint(reactor, port).connect(script));

    log.assert(&[]);
    run_until(reactor, connecting).unwrap();
}

// E-009
#[test]
fn an_endpoint_prints_where_it_leads() {
    let reactor = Reactor::new().unwrap();
    let options = ConnectOptions::new();
    let named = ClientEndpoint::tcp(&reactor, "localhost", 80, options.clone());
    let numbered = ClientEndpoint::tcp(&reactor, "::1", 80, options);
    let port = ServerEndpoint::tcp(&reactor, ListenOptions::new(80));

    assert_eq!(named.to_string(), "tcp:localhost:80");
    assert_eq!(numbered.to_string(), "tcp:[::1]:80");
    assert_eq!(format!("{port:?}"), "ServerEndpoint(tcp:0.0.0.0:80)");
}
