//! Attempts that end without a connection: they fail, their time is over, they are stopped, or the reactor
//! ends them.

#[path = "common/clients.rs"]
mod clients;
mod common;

use std::cell::Cell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use clients::{greeter, stopping_client};
use common::peers::{port_without_answer, port_without_listener};
use common::{
    Log, Ownership, Script, accepted, another, calling, connect, connect_within, listener,
    on_every_backend, read_all, recorded, run, stop_soon,
};
use protocols::reactor::Reactor;
use protocols::{ConnectError, ConnectOptions, ReactorTcp};
use rustix::io::Errno;

on_every_backend!(
    a_bad_local_address_is_no_failure_of_the_call_itself,
    a_refused_connection_fails_with_the_error_of_the_system,
    an_address_without_a_route_is_told_from_others,
    an_attempt_ends_when_its_time_is_over,
    the_time_limit_is_gone_when_the_connection_stands,
    the_time_limit_is_gone_when_the_attempt_has_failed,
    the_time_limit_is_gone_when_the_attempt_was_stopped,
    an_attempt_can_be_stopped_before_it_begins,
    an_attempt_can_be_stopped_as_it_starts,
    an_attempt_can_be_stopped_while_the_name_is_resolved,
    an_attempt_can_be_stopped_while_it_waits_for_an_answer,
    a_stopped_attempt_closes_its_socket,
    an_attempt_stopped_and_begun_again_before_its_turn_is_made_once,
    an_attempt_that_waits_for_an_answer_fails_when_the_reactor_stops,
    an_attempt_that_has_not_begun_fails_when_the_reactor_stops,
    a_reactor_that_is_dropped_frees_its_attempts,
);

// N-006, N-008
fn a_bad_local_address_is_no_failure_of_the_call_itself(reactor: &Reactor) {
    let log = Log::default();
    let port = greeter(reactor);
    // It is kept for books, and is no machine's.
    let nowhere = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 0));
    let options = ConnectOptions::new().bind_address(nowhere);
    let script = Rc::new(stopping_client(reactor, &log));

    calling(|| reactor.connect_tcp_with("127.0.0.1", port, script, options));
    let at_first = log.is_empty();
    run(reactor);

    assert!(at_first);
    log.assert(&["client started", "client failed BindFailed"]);
}

// N-007, N-008
// fault: refused
fn a_refused_connection_fails_with_the_error_of_the_system(reactor: &Reactor) {
    let log = Log::default();
    let (_taken, port) = port_without_listener();
    let error = Rc::new(Cell::new(None));
    let (seen, stop) = (Rc::clone(&error), reactor.clone());
    let script = Script::new("client", &log).on_failed(move |_, reason| {
        if let Some(ConnectError::ConnectionRefused(address, source)) = reason.check() {
            seen.set(Some((address.clone(), source.raw_os_error())));
        }
        stop_soon(&stop);
    });
    connect(reactor, port, script);

    run(reactor);

    log.assert(&["client started", "client failed ConnectionRefused"]);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    assert_eq!(
        error.take(),
        Some((address.into(), Some(Errno::CONNREFUSED.raw_os_error())))
    );
}

// N-008
// fault: no route
#[cfg(target_os = "linux")]
fn an_address_without_a_route_is_told_from_others(reactor: &Reactor) {
    let log = Log::default();
    let script = Rc::new(stopping_client(reactor, &log));
    // Nobody is connected to by broadcast.
    reactor.connect_tcp("127.255.255.255", 1, script);

    run(reactor);

    log.assert(&["client started", "client failed NoRoute"]);
}

// N-009
// fault: no answer in time
fn an_attempt_ends_when_its_time_is_over(reactor: &Reactor) {
    let log = Log::default();
    let (_full, port) = port_without_answer();
    let limit = Duration::from_millis(30);
    let ended = Rc::new(Cell::new(None));
    let (seen, stop) = (Rc::clone(&ended), reactor.clone());
    let script = Script::new("client", &log).on_failed(move |_, reason| {
        let told = matches!(
            reason.check(),
            Some(ConnectError::TimedOut { to, after })
                if to.to_string() == format!("127.0.0.1:{port}") && *after == limit
        );
        seen.set(Some((told, stop.now())));
        stop_soon(&stop);
    });
    let begun = reactor.now();
    connect_within(limit, reactor, port, script);

    run(reactor);

    log.assert(&["client started", "client failed TimedOut"]);
    let (told, at) = ended.get().unwrap();
    assert!(told);
    assert!(at - begun >= limit);
    assert_eq!(reactor.writers().len(), 0);
}

/// A limit that is far below that of the test.
const SHORT: Duration = Duration::from_secs(2);

// N-009, N-044
fn the_time_limit_is_gone_when_the_connection_stands(reactor: &Reactor) {
    let (reactor, waits) = recorded(reactor);
    let (_listener, port) = listener();
    let (seen, stop) = (waits.clone(), reactor.clone());
    let script = Script::unnoted().on_made(move |_| seen.stop_in_next(&stop));
    connect_within(SHORT, &reactor, port, script);

    run(&reactor);

    assert!(waits.last().unwrap() > SHORT);
}

// N-009, N-044
// fault: no answer in time
fn the_time_limit_is_gone_when_the_attempt_has_failed(reactor: &Reactor) {
    let (reactor, waits) = recorded(reactor);
    let (_taken, port) = port_without_listener();
    let (seen, stop) = (waits.clone(), reactor.clone());
    let script = Script::unnoted().on_failed(move |_, _| seen.stop_in_next(&stop));
    connect_within(SHORT, &reactor, port, script);

    run(&reactor);

    assert!(waits.last().unwrap() > SHORT);
}

// N-009, N-044
fn the_time_limit_is_gone_when_the_attempt_was_stopped(reactor: &Reactor) {
    let (reactor, waits) = recorded(reactor);
    let (_full, port) = port_without_answer();
    let (seen, stop) = (waits.clone(), reactor.clone());
    let script = Script::unnoted()
        .on_started(|connector| connector.stop_connecting().unwrap())
        .on_failed(move |_, _| seen.stop_in_next(&stop));
    connect_within(SHORT, &reactor, port, script);

    run(&reactor);

    assert!(waits.last().unwrap() > SHORT);
}

// N-006
fn an_attempt_can_be_stopped_before_it_begins(reactor: &Reactor) {
    let log = Log::default();
    let port = greeter(reactor);
    let connector = connect(reactor, port, stopping_client(reactor, &log));

    calling(|| connector.stop_connecting()).unwrap();
    run(reactor);

    log.assert(&["client failed Stopped"]);
}

// N-006
fn an_attempt_can_be_stopped_as_it_starts(reactor: &Reactor) {
    let log = Log::default();
    let port = greeter(reactor);
    let script = stopping_client(reactor, &log)
        .on_started(|connector| calling(|| connector.stop_connecting()).unwrap());
    connect(reactor, port, script);

    run(reactor);

    log.assert(&["client started", "client failed Stopped"]);
}

/// A client that stops its attempt later in the turn in which that has begun.
fn client_that_stops_its_attempt(reactor: &Reactor, log: &Log) -> Script {
    let loop_ = reactor.clone();
    stopping_client(reactor, log).on_started(move |connector| {
        let connector = connector.clone();
        loop_.call_later(Duration::ZERO, move |_| {
            calling(|| connector.stop_connecting()).unwrap();
        });
    })
}

// N-006
fn an_attempt_can_be_stopped_while_the_name_is_resolved(reactor: &Reactor) {
    let log = Log::default();
    let script = Rc::new(client_that_stops_its_attempt(reactor, &log));
    let port = greeter(reactor);
    reactor.connect_tcp("localhost", port, script);

    run(reactor);

    log.assert(&["client started", "client failed Stopped"]);
}

// N-006
fn an_attempt_can_be_stopped_while_it_waits_for_an_answer(reactor: &Reactor) {
    let log = Log::default();
    let (_full, port) = port_without_answer();
    connect(reactor, port, client_that_stops_its_attempt(reactor, &log));

    run(reactor);

    log.assert(&["client started", "client failed Stopped"]);
    assert_eq!(reactor.writers().len(), 0);
}

// N-044
fn a_stopped_attempt_closes_its_socket(reactor: &Reactor) {
    let log = Log::default();
    let (listener, port) = listener();
    connect(reactor, port, client_that_stops_its_attempt(reactor, &log));

    run(reactor);

    // The system let the client in; it finds the end, and no data.
    assert_eq!(read_all(&accepted(&listener)).unwrap(), b"");
    log.assert(&["client started", "client failed Stopped"]);
}

// N-006
fn an_attempt_stopped_and_begun_again_before_its_turn_is_made_once(reactor: &Reactor) {
    let log = Log::default();
    let port = greeter(reactor);
    let script = stopping_client(reactor, &log).on_failed(|connector, _| {
        connector.connect().unwrap();
    });
    let connector = connect(reactor, port, script);

    connector.stop_connecting().unwrap();
    run(reactor);

    log.assert(&[
        "client failed Stopped",
        "client started",
        "client built",
        "client made",
        "client data hello",
        "client lost ConnectionDone",
        "client gone ConnectionDone",
    ]);
}

// N-044
fn an_attempt_that_waits_for_an_answer_fails_when_the_reactor_stops(reactor: &Reactor) {
    let log = Log::default();
    let (_full, port) = port_without_answer();
    let stop = reactor.clone();
    let script = Script::new("client", &log).on_started(move |_| stop_soon(&stop));
    connect(reactor, port, script);

    run(reactor);

    log.assert(&["client started", "client failed ReactorStopped"]);
    assert_eq!(reactor.writers().len(), 0);
}

// N-044
fn an_attempt_that_has_not_begun_fails_when_the_reactor_stops(reactor: &Reactor) {
    let log = Log::default();
    let (_listener, port) = listener();
    let script = Cell::new(Some(Script::new("client", &log)));
    reactor.call_later(Duration::ZERO, move |reactor| {
        connect(reactor, port, script.take().expect("it is called once"));
        reactor.stop()
    });

    run(reactor);

    assert_eq!(log.count("client failed ReactorStopped"), 1);
    assert_eq!(log.count("client failed Other"), 0);
}

// N-043
fn a_reactor_that_is_dropped_frees_its_attempts(reactor: &Reactor) {
    let (owned, ownership) = Ownership::new();
    let (_full, port) = port_without_answer();
    let owner = another(reactor);
    for host in ["127.0.0.1", "localhost"] {
        let (owned, clone) = (owned.clone(), owner.clone());
        let script = Script::unnoted().on_started(move |_| {
            let _ = (&owned, &clone);
        });
        owner.connect_tcp(host, port, Rc::new(script));
    }
    drop(owned);

    drop(owner);

    assert!(ownership.is_over());
}
