//! Beginning connections: the order of what happens, what the callbacks are given, and what follows when
//! one of them declines or panics.

#[path = "common/clients.rs"]
mod clients;
mod common;

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use clients::{greeter, stopping_client};
use common::peers::port_without_listener;
use common::{
    Kept, Log, Reports, Script, accepted, calling, connect, connect_within, listen, listener,
    name_of, number, on_every_backend, read_all, run, stop_at_call, stop_soon,
};
use protocols::reactor::Reactor;
use protocols::{Address, ConnectOptions, Connector, ConnectorError, ReactorTcp};

on_every_backend!(
    the_events_of_a_client_come_in_order,
    all_callbacks_are_given_the_connector_that_connect_returned,
    a_requested_local_address_is_seen_on_both_sides,
    nothing_is_called_from_inside_connect,
    a_factory_that_declines_closes_in_good_order,
    a_panic_in_started_connecting_is_reported_and_ends_in_a_callback_before_the_time_limit,
    a_panic_in_build_protocol_is_reported_and_closes_the_connection,
    a_panic_in_connection_made_is_reported_and_is_the_reason,
    a_panic_in_client_connection_failed_is_reported_and_the_loop_goes_on,
    a_panic_in_client_connection_lost_is_reported_and_the_loop_goes_on,
);

// N-001, N-002, N-003
fn the_events_of_a_client_come_in_order(reactor: &Reactor) {
    let log = Log::default();
    let port = greeter(reactor);
    connect(reactor, port, stopping_client(reactor, &log));

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

// N-003
fn all_callbacks_are_given_the_connector_that_connect_returned(reactor: &Reactor) {
    let given: Rc<RefCell<Vec<Connector>>> = Rc::default();
    let (at_start, at_end, stop) = (given.clone(), given.clone(), reactor.clone());
    let script = Script::unnoted()
        .on_started(move |connector| at_start.borrow_mut().push(connector.clone()))
        .on_gone(move |connector, _| {
            at_end.borrow_mut().push(connector.clone());
            stop_soon(&stop);
        });
    let port = greeter(reactor);
    let returned = connect(reactor, port, script);

    run(reactor);

    // What one of them begins, the others have under way.
    assert_eq!(given.borrow().len(), 2);
    for connector in &*given.borrow() {
        returned.connect().unwrap();
        assert_eq!(connector.connect(), Err(ConnectorError::NotDisconnected));
        connector.disconnect();
        assert_eq!(
            returned.stop_connecting(),
            Err(ConnectorError::NotConnecting)
        );
        run_until_disconnected(reactor, &returned);
    }
}

/// Has the failure that waits delivered.
fn run_until_disconnected(reactor: &Reactor, connector: &Connector) {
    reactor.call_when_running(stop_soon);
    run(reactor);
    assert_eq!(
        connector.stop_connecting(),
        Err(ConnectorError::NotConnecting)
    );
}

// N-004, N-005, N-058
fn a_requested_local_address_is_seen_on_both_sides(reactor: &Reactor) {
    let (client, server) = (Kept::default(), Kept::default());
    let stop = stop_at_call(2, reactor);
    let (kept, done) = (server.clone(), stop.clone());
    let port = listen(
        reactor,
        Script::unnoted().on_made(move |transport| {
            kept.keep(transport);
            done();
        }),
    );
    let kept = client.clone();
    let script = Script::unnoted().on_made(move |transport| {
        // They are asked of the system while the connection stands, and known from then on.
        transport.host();
        kept.keep(transport);
        stop();
    });
    let local = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), 0));
    let options = ConnectOptions::new().bind_address(local);
    reactor.connect_tcp_with("127.0.0.1", number(&port), Rc::new(script), options);

    run(reactor);

    let Address::Tcp(host) = client.get().host() else {
        unreachable!("there is TCP only")
    };
    assert_eq!(host.ip(), local.ip());
    assert_eq!(server.get().peer(), host.into());
    assert_eq!(server.get().host(), port.address());
    assert_eq!(client.get().peer(), port.address());
}

// N-006
fn nothing_is_called_from_inside_connect(reactor: &Reactor) {
    let log = Log::default();
    let port = greeter(reactor);
    let script = stopping_client(reactor, &log);
    let (client, seen) = (Cell::new(Some(script)), log.clone());
    reactor.call_when_running(move |reactor| {
        let script = client.take().expect("it is called once");
        calling(|| connect(reactor, port, script));
        seen.note("connect has returned");
    });

    run(reactor);

    log.assert(&[
        "connect has returned",
        "client started",
        "client built",
        "client made",
        "client data hello",
        "client lost ConnectionDone",
        "client gone ConnectionDone",
    ]);
}

// N-013
// fault: declined
fn a_factory_that_declines_closes_in_good_order(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(2, reactor);
    let done = stop.clone();
    let server = Script::new("server", &Log::default());
    let lost: Rc<RefCell<String>> = Rc::default();
    let seen = Rc::clone(&lost);
    let port = listen(
        reactor,
        server.on_lost(move |reason| {
            *seen.borrow_mut() = name_of(reason);
            done();
        }),
    );
    let script = Script::new("client", &log)
        .on_build(|_| false)
        .on_gone(move |_, _| stop());
    connect(reactor, number(&port), script);

    run(reactor);

    log.assert(&[
        "client started",
        "client built",
        "client gone ConnectionDone",
    ]);
    assert_eq!(*lost.borrow(), "ConnectionDone");
}

// N-002
// fault: a panic in a callback
fn a_panic_in_started_connecting_is_reported_and_ends_in_a_callback_before_the_time_limit(
    reactor: &Reactor,
) {
    let (log, reports) = (Log::default(), Reports::collected());
    let port = greeter(reactor);
    let script = stopping_client(reactor, &log).on_started(|_| panic!("no start"));
    connect_within(Duration::from_millis(200), reactor, port, script);

    run(reactor);

    reports.assert_reasons(&["panic: no start"]);
    assert_eq!(log.count("client failed TimedOut"), 0);
}

// N-002, N-013
// fault: a panic in a callback
fn a_panic_in_build_protocol_is_reported_and_closes_the_connection(reactor: &Reactor) {
    let (log, reports) = (Log::default(), Reports::collected());
    let (listener, port) = listener();
    let script = stopping_client(reactor, &log).on_build(|_| panic!("no protocol"));
    connect(reactor, port, script);

    run(reactor);

    reports.assert(&[("Unhandled error in build_protocol", "panic: no protocol")]);
    log.assert(&[
        "client started",
        "client built",
        "client gone panic: no protocol",
    ]);
    assert_eq!(read_all(&accepted(&listener)).unwrap(), b"");
}

// N-002, N-040
fn a_panic_in_connection_made_is_reported_and_is_the_reason(reactor: &Reactor) {
    let (log, reports) = (Log::default(), Reports::collected());
    let (listener, port) = listener();
    let script = stopping_client(reactor, &log).on_made(|_| panic!("no beginning"));
    connect(reactor, port, script);

    run(reactor);

    reports.assert(&[("Unhandled error in connection_made", "panic: no beginning")]);
    log.assert(&[
        "client started",
        "client built",
        "client made",
        "client lost panic: no beginning",
        "client gone panic: no beginning",
    ]);
    assert_eq!(read_all(&accepted(&listener)).unwrap(), b"");
}

// N-002
// fault: a panic in a callback
fn a_panic_in_client_connection_failed_is_reported_and_the_loop_goes_on(reactor: &Reactor) {
    let reports = Reports::collected();
    let (_taken, port) = port_without_listener();
    let stop = reactor.clone();
    let script = Script::unnoted().on_failed(move |_, _| {
        stop_soon(&stop);
        panic!("no failure");
    });
    connect(reactor, port, script);

    run(reactor);

    reports.assert_reasons(&["panic: no failure"]);
}

// N-002
// fault: a panic in a callback
fn a_panic_in_client_connection_lost_is_reported_and_the_loop_goes_on(reactor: &Reactor) {
    let reports = Reports::collected();
    let stop = reactor.clone();
    let script = Script::unnoted().on_gone(move |_, _| {
        stop_soon(&stop);
        panic!("no end");
    });
    connect(reactor, greeter(reactor), script);

    run(reactor);

    reports.assert_reasons(&["panic: no end"]);
}
