//! Beginning connections: the order of what happens, and every way in which it ends otherwise.

mod common;

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use common::peers::{port_without_answer, port_without_listener};
use common::{
    Kept, Log, Ownership, Reports, Script, accepted, another, calling, connect, connect_within,
    listen, listener, name_of, number, on_every_backend, read_all, recorded, run, stop_at_call,
    stop_soon,
};
use protocols::reactor::Reactor;
use protocols::{Address, ConnectError, ConnectOptions, Connector, ConnectorError, ReactorTcp};
use rustix::io::Errno;

on_every_backend!(
    the_events_of_a_client_come_in_order,
    all_callbacks_are_given_the_connector_that_connect_returned,
    build_protocol_gets_the_numeric_address_of_a_named_peer,
    a_requested_local_address_is_seen_on_both_sides,
    nothing_is_called_from_inside_connect,
    a_bad_local_address_is_no_failure_of_the_call_itself,
    a_refused_connection_fails_with_the_error_of_the_system,
    an_address_without_a_route_is_told_from_others,
    an_attempt_ends_when_its_time_is_over,
    the_time_limit_is_gone_when_the_connection_stands,
    the_time_limit_is_gone_when_the_attempt_has_failed,
    the_time_limit_is_gone_when_the_attempt_was_stopped,
    stopping_is_an_error_when_no_attempt_is_under_way,
    connecting_is_an_error_while_an_attempt_is_under_way,
    connecting_is_an_error_while_there_is_a_connection,
    connecting_is_an_error_while_the_protocol_is_built,
    a_factory_that_declines_closes_in_good_order,
    a_name_is_resolved_and_connected_to,
    an_unknown_host_is_named_by_the_failure,
    an_attempt_can_be_stopped_before_it_begins,
    an_attempt_can_be_stopped_as_it_starts,
    an_attempt_can_be_stopped_while_the_name_is_resolved,
    an_attempt_can_be_stopped_while_it_waits_for_an_answer,
    a_stopped_attempt_closes_its_socket,
    a_connector_connects_again_when_its_connection_is_lost,
    a_connector_connects_again_when_its_attempt_has_failed,
    an_attempt_stopped_and_begun_again_before_its_turn_is_made_once,
    the_answer_for_a_stopped_attempt_is_not_taken_for_the_next_one,
    a_panic_in_started_connecting_is_reported_and_ends_in_a_callback_before_the_time_limit,
    a_panic_in_build_protocol_is_reported_and_closes_the_connection,
    a_panic_in_connection_made_is_reported_and_is_the_reason,
    a_panic_in_client_connection_failed_is_reported_and_the_loop_goes_on,
    a_panic_in_client_connection_lost_is_reported_and_the_loop_goes_on,
    disconnecting_ends_a_connection_in_good_order,
    disconnecting_stops_an_attempt,
    disconnecting_when_there_is_nothing_does_nothing,
    an_attempt_that_waits_for_an_answer_fails_when_the_reactor_stops,
    an_attempt_that_waits_for_a_name_fails_when_the_reactor_stops,
    an_attempt_that_has_not_begun_fails_when_the_reactor_stops,
    a_client_that_always_tries_again_lets_the_reactor_stop,
    a_connector_works_in_the_next_run_of_its_reactor,
    a_reactor_that_is_dropped_frees_its_attempts,
);

/// A server that says hello to each client and closes.
fn greeter(reactor: &Reactor) -> u16 {
    let script = Script::unnoted().on_made(|transport| {
        transport.write(b"hello");
        transport.lose_connection();
    });
    number(&listen(reactor, script))
}

/// A client that stops the reactor when its attempt has ended, in whichever way.
fn stopping_client(reactor: &Reactor, log: &Log) -> Script {
    let stop = stop_at_call(1, reactor);
    let failed = stop.clone();
    Script::new("client", log)
        .on_gone(move |_, _| stop())
        .on_failed(move |_, _| failed())
}

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
fn a_refused_connection_fails_with_the_error_of_the_system(reactor: &Reactor) {
    let log = Log::default();
    let (_taken, port) = port_without_listener();
    let error = Rc::new(Cell::new(None));
    let (seen, stop) = (Rc::clone(&error), reactor.clone());
    let script = Script::new("client", &log).on_failed(move |_, reason| {
        if let Some(ConnectError::ConnectionRefused(address, source)) = reason.check() {
            seen.set(Some((*address, source.raw_os_error())));
        }
        stop_soon(&stop);
    });
    connect(reactor, port, script);

    run(reactor);

    log.assert(&["client started", "client failed ConnectionRefused"]);
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    assert_eq!(
        error.get(),
        Some((address, Some(Errno::CONNREFUSED.raw_os_error())))
    );
}

// N-008
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
                if *to == format!("127.0.0.1:{port}") && *after == limit
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

// N-013
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

// N-002
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
fn an_attempt_that_waits_for_a_name_fails_when_the_reactor_stops(reactor: &Reactor) {
    let log = Log::default();
    let stop = reactor.clone();
    let script = Script::new("client", &log).on_started(move |_| stop.stop().unwrap());
    reactor.connect_tcp("localhost", 1, Rc::new(script));

    run(reactor);

    log.assert(&["client started", "client failed ReactorStopped"]);
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
