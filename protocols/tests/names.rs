//! Connecting to a host by its name, which is resolved before the attempt is made.

#[path = "common/clients.rs"]
mod clients;
mod common;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use clients::{greeter, stopping_client};
use common::{Log, Script, listen, number, on_every_backend, run, stop_soon};
use protocols::reactor::Reactor;
use protocols::{Address, ConnectError, ReactorTcp};

on_every_backend!(
    build_protocol_gets_the_numeric_address_of_a_named_peer,
    a_name_is_resolved_and_connected_to,
    an_unknown_host_is_named_by_the_failure,
    the_answer_for_a_stopped_attempt_is_not_taken_for_the_next_one,
    an_attempt_that_waits_for_a_name_fails_when_the_reactor_stops,
);

// N-004, N-058
fn build_protocol_gets_the_numeric_address_of_a_named_peer(reactor: &Reactor) {
    let seen: Rc<RefCell<Vec<Address>>> = Rc::default();
    let (built, made, stop) = (seen.clone(), seen.clone(), reactor.clone());
    let script = Script::unnoted()
        .on_build(move |peer| {
            built.borrow_mut().push(peer.clone());
            true
        })
        .on_made(move |transport| {
            made.borrow_mut().push(transport.peer());
            stop_soon(&stop);
        });
    let port = listen(reactor, Script::unnoted());
    reactor.connect_tcp("localhost", number(&port), Rc::new(script));

    run(reactor);

    assert_eq!(*seen.borrow(), [port.address(), port.address()]);
}

// N-002, N-004
fn a_name_is_resolved_and_connected_to(reactor: &Reactor) {
    let log = Log::default();
    let port = greeter(reactor);
    reactor.connect_tcp("localhost", port, Rc::new(stopping_client(reactor, &log)));

    run(reactor);

    log.assert(&[
        "client started",
        "client built",
        "client made",
        "client data hello",
        "client lost ConnectionDone",
        "client gone ConnectionDone",
    ]);
}

// N-008
fn an_unknown_host_is_named_by_the_failure(reactor: &Reactor) {
    let log = Log::default();
    let host: Rc<RefCell<String>> = Rc::default();
    let (seen, stop) = (Rc::clone(&host), reactor.clone());
    let script = Script::new("client", &log).on_failed(move |_, reason| {
        if let Some(ConnectError::UnknownHost(host, _)) = reason.check() {
            seen.borrow_mut().clone_from(host);
        }
        stop_soon(&stop);
    });
    reactor.connect_tcp("poetry.invalid", 10000, Rc::new(script));

    run(reactor);

    log.assert(&["client started", "client failed UnknownHost"]);
    assert_eq!(*host.borrow(), "poetry.invalid");
}

// N-003
fn the_answer_for_a_stopped_attempt_is_not_taken_for_the_next_one(reactor: &Reactor) {
    let log = Log::default();
    let port = greeter(reactor);
    let (loop_, times) = (reactor.clone(), Cell::new(0));
    let script = stopping_client(reactor, &log)
        .on_started(move |connector| {
            times.set(times.get() + 1);
            if times.get() == 1 {
                let connector = connector.clone();
                loop_.call_later(Duration::ZERO, move |_| connector.stop_connecting());
            }
        })
        .on_failed(|connector, _| connector.connect().unwrap());
    reactor.connect_tcp("localhost", port, Rc::new(script));

    run(reactor);

    log.assert(&[
        "client started",
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
fn an_attempt_that_waits_for_a_name_fails_when_the_reactor_stops(reactor: &Reactor) {
    let log = Log::default();
    let stop = reactor.clone();
    let script = Script::new("client", &log).on_started(move |_| stop.stop().unwrap());
    reactor.connect_tcp("localhost", 1, Rc::new(script));

    run(reactor);

    log.assert(&["client started", "client failed ReactorStopped"]);
}
