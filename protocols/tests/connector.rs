//! Connectors: what they answer in each state, and how they connect again and disconnect.

#[path = "common/clients.rs"]
mod clients;
mod common;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use clients::{greeter, stopping_client};
use common::peers::{port_without_answer, port_without_listener};
use common::{
    Log, Script, accepted, calling, connect, listener, on_every_backend, read_all, run, stop_soon,
};
use protocols::reactor::Reactor;
use protocols::{Connector, ConnectorError};

on_every_backend!(
    stopping_is_an_error_when_no_attempt_is_under_way,
    connecting_is_an_error_while_an_attempt_is_under_way,
    connecting_is_an_error_while_there_is_a_connection,
    connecting_is_an_error_while_the_protocol_is_built,
    a_connector_connects_again_when_its_connection_is_lost,
    a_connector_connects_again_when_its_attempt_has_failed,
    disconnecting_ends_a_connection_in_good_order,
    disconnecting_stops_an_attempt,
    disconnecting_when_there_is_nothing_does_nothing,
    a_client_that_always_tries_again_lets_the_reactor_stop,
    a_connector_works_in_the_next_run_of_its_reactor,
);

// N-011
fn stopping_is_an_error_when_no_attempt_is_under_way(reactor: &Reactor) {
    let answers: Rc<RefCell<Vec<_>>> = Rc::default();
    let (made, gone, stop) = (answers.clone(), answers.clone(), reactor.clone());
    let connector: Rc<RefCell<Option<Connector>>> = Rc::default();
    let kept = Rc::clone(&connector);
    let script = Script::unnoted()
        .on_started(move |connector| *kept.borrow_mut() = Some(connector.clone()))
        .on_made(move |_| {
            let connector = connector.borrow().clone().expect("the attempt has started");
            made.borrow_mut().push(connector.stop_connecting());
        })
        .on_gone(move |connector, _| {
            gone.borrow_mut().push(connector.stop_connecting());
            stop_soon(&stop);
        });
    connect(reactor, greeter(reactor), script);

    run(reactor);

    assert_eq!(*answers.borrow(), [Err(ConnectorError::NotConnecting); 2]);
}

// N-011
fn connecting_is_an_error_while_an_attempt_is_under_way(reactor: &Reactor) {
    let answers: Rc<RefCell<Vec<_>>> = Rc::default();
    let (_full, port) = port_without_answer();
    let (started, stop) = (answers.clone(), reactor.clone());
    let script = Script::unnoted().on_started(move |connector| {
        started.borrow_mut().push(connector.connect());
        let (connector, waiting) = (connector.clone(), started.clone());
        stop.call_later(Duration::ZERO, move |reactor| {
            waiting.borrow_mut().push(connector.connect());
            stop_soon(reactor);
        });
    });

    let connector = connect(reactor, port, script);
    answers.borrow_mut().push(connector.connect());
    run(reactor);

    assert_eq!(*answers.borrow(), [Err(ConnectorError::NotDisconnected); 3]);
}

// N-011
fn connecting_is_an_error_while_there_is_a_connection(reactor: &Reactor) {
    let log = Log::default();
    let (_listener, port) = listener();
    let (stop, answer) = (reactor.clone(), Rc::new(Cell::new(None)));
    let connector: Rc<RefCell<Option<Connector>>> = Rc::default();
    let (kept, seen) = (Rc::clone(&connector), Rc::clone(&answer));
    let script = Script::new("client", &log)
        .on_started(move |connector| *kept.borrow_mut() = Some(connector.clone()))
        .on_made(move |_| {
            let connector = connector.borrow().clone().expect("the attempt has started");
            seen.set(Some(connector.connect()));
            stop_soon(&stop);
        });
    connect(reactor, port, script);

    run(reactor);

    assert_eq!(answer.get(), Some(Err(ConnectorError::NotDisconnected)));
    assert_eq!(log.count("client started"), 1);
}

// N-011
fn connecting_is_an_error_while_the_protocol_is_built(reactor: &Reactor) {
    let log = Log::default();
    let (_listener, port) = listener();
    let (stop, answer) = (reactor.clone(), Rc::new(Cell::new(None)));
    let connector: Rc<RefCell<Option<Connector>>> = Rc::default();
    let (kept, seen) = (Rc::clone(&connector), Rc::clone(&answer));
    let script = Script::new("client", &log)
        .on_started(move |connector| *kept.borrow_mut() = Some(connector.clone()))
        .on_build(move |_| {
            let connector = connector.borrow().clone().expect("the attempt has started");
            if seen.get().is_none() {
                seen.set(Some(connector.connect()));
            }
            stop_soon(&stop);
            true
        });
    connect(reactor, port, script);

    run(reactor);

    assert_eq!(answer.get(), Some(Err(ConnectorError::NotDisconnected)));
    assert_eq!(log.count("client started"), 1);
}

// N-002, N-003
fn a_connector_connects_again_when_its_connection_is_lost(reactor: &Reactor) {
    let log = Log::default();
    let port = greeter(reactor);
    let (times, stop) = (Cell::new(0), reactor.clone());
    let script = Script::new("client", &log).on_gone(move |connector, _| {
        times.set(times.get() + 1);
        if times.get() < 3 {
            calling(|| connector.connect()).unwrap();
        } else {
            stop_soon(&stop);
        }
    });
    connect(reactor, port, script);

    run(reactor);

    let once = [
        "client started",
        "client built",
        "client made",
        "client data hello",
        "client lost ConnectionDone",
        "client gone ConnectionDone",
    ];
    log.assert(&once.repeat(3));
}

// N-003, N-007
fn a_connector_connects_again_when_its_attempt_has_failed(reactor: &Reactor) {
    let log = Log::default();
    let (_taken, port) = port_without_listener();
    let (times, stop) = (Cell::new(0), reactor.clone());
    let script = Script::new("client", &log).on_failed(move |connector, _| {
        times.set(times.get() + 1);
        if times.get() < 3 {
            calling(|| connector.connect()).unwrap();
        } else {
            stop_soon(&stop);
        }
    });
    connect(reactor, port, script);

    run(reactor);

    log.assert(&["client started", "client failed ConnectionRefused"].repeat(3));
}

/// A client that disconnects itself through its connector when it has a connection.
fn disconnecting_client(reactor: &Reactor, log: &Log) -> Script {
    let connector: Rc<RefCell<Option<Connector>>> = Rc::default();
    let kept = Rc::clone(&connector);
    stopping_client(reactor, log)
        .on_started(move |connector| *kept.borrow_mut() = Some(connector.clone()))
        .on_made(move |transport| {
            transport.write(b"bye");
            let connector = connector.borrow().clone().expect("the attempt has started");
            calling(|| connector.disconnect());
        })
}

// N-003, N-021
fn disconnecting_ends_a_connection_in_good_order(reactor: &Reactor) {
    let log = Log::default();
    let (listener, port) = listener();
    connect(reactor, port, disconnecting_client(reactor, &log));

    run(reactor);

    log.assert(&[
        "client started",
        "client built",
        "client made",
        "client lost ConnectionDone",
        "client gone ConnectionDone",
    ]);
    assert_eq!(read_all(&accepted(&listener)).unwrap(), b"bye");
}

// N-011
fn disconnecting_stops_an_attempt(reactor: &Reactor) {
    let log = Log::default();
    let port = greeter(reactor);
    let connector = connect(reactor, port, stopping_client(reactor, &log));

    calling(|| connector.disconnect());
    run(reactor);

    log.assert(&["client failed Stopped"]);
}

// N-011
fn disconnecting_when_there_is_nothing_does_nothing(reactor: &Reactor) {
    let log = Log::default();
    let (_taken, port) = port_without_listener();
    let stop = reactor.clone();
    let script = Script::new("client", &log).on_failed(move |connector, _| {
        connector.disconnect();
        stop_soon(&stop);
    });
    connect(reactor, port, script);

    run(reactor);

    log.assert(&["client started", "client failed ConnectionRefused"]);
}

// N-044
fn a_client_that_always_tries_again_lets_the_reactor_stop(reactor: &Reactor) {
    let log = Log::default();
    let (_listener, port) = listener();
    let stop = reactor.clone();
    let script = Script::new("client", &log)
        .on_made(move |_| stop.stop().unwrap())
        .on_gone(|connector, _| {
            let _ = connector.connect();
        })
        .on_failed(|connector, _| {
            let _ = connector.connect();
        });
    connect(reactor, port, script);

    run(reactor);

    assert_eq!(log.count("client gone ReactorStopped"), 1);
}

// N-011
fn a_connector_works_in_the_next_run_of_its_reactor(reactor: &Reactor) {
    let log = Log::default();
    let (_listener, port) = listener();
    let stop = reactor.clone();
    let script = Script::new("client", &log)
        .on_made(move |_| stop.stop().unwrap())
        .on_gone(|connector, _| {
            let _ = connector.connect();
        })
        .on_failed(|connector, _| {
            let _ = connector.connect();
        });
    let connector = connect(reactor, port, script);
    run(reactor);

    // Either the attempt that was asked for as the reactor stopped is still wanted, or a new one may be.
    let _ = connector.connect();
    run(reactor);

    assert_eq!(log.count("client made"), 2);
}
