//! Factories: when they are started and stopped, and what the log says of them.

mod common;
#[path = "common/logs.rs"]
mod logs;

use std::cell::Cell;
use std::net::Ipv4Addr;
use std::rc::Rc;

use common::peers::port_without_listener;
use common::{
    Log, Reports, Script, after_turns, connect, listen, listener, name_of, number,
    on_every_backend, run, stop_at_call, stop_soon,
};
use logs::Logged;
use protocols::deferred::Failure;
use protocols::endpoints::AnyFactory;
use protocols::policies::{AtMost, OrElse, Wrapping};
use protocols::proxy::BehindProxy;
use protocols::reactor::Reactor;
use protocols::{Address, Factory, ListenOptions, Port, Protocol, ReactorTcp, Transport};

on_every_backend!(
    a_client_begins_and_ends_with_its_factory,
    a_client_that_fails_ends_its_factory,
    a_client_stopped_before_it_begins_has_used_its_factory,
    a_client_that_connects_again_at_once_goes_on_using_its_factory,
    a_factory_of_two_ports_begins_and_ends_once,
    a_factory_of_a_port_and_a_client_begins_and_ends_once,
    a_factory_inside_others_begins_with_the_first_and_ends_with_the_last,
    a_factory_by_itself_and_inside_another_begins_and_ends_once,
    a_panic_at_the_end_inside_another_fails_the_stopping_of_the_port,
    a_factory_can_begin_again,
    a_port_that_stops_before_the_loop_runs_does_not_begin,
    a_factory_ends_when_the_reactor_stops,
    a_factory_begins_by_the_loop,
    a_panic_at_the_end_fails_the_stopping_of_the_port,
    a_panic_at_the_end_of_a_client_is_reported,
    a_panic_at_the_end_is_reported_when_the_reactor_stops,
    a_panic_at_the_beginning_is_reported_and_the_port_listens,
    beginnings_and_ends_are_logged,
    a_quiet_factory_is_left_out_of_the_log,
    a_protocol_can_reach_its_factory,
);

// N-002, L-007
fn a_client_begins_and_ends_with_its_factory(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let server = Script::unnoted().on_made(|transport| {
        transport.write(b"hello");
        transport.lose_connection();
    });
    let port = number(&listen(reactor, server));
    let client = Script::new("client", &log).noting_use();
    connect(reactor, port, client.on_gone(move |_, _| stop()));

    run(reactor);

    log.assert(&[
        "client begins",
        "client started",
        "client built",
        "client made",
        "client data hello",
        "client lost ConnectionDone",
        "client gone ConnectionDone",
        "client ends",
    ]);
}

// N-002, L-007
fn a_client_that_fails_ends_its_factory(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let (_taken, port) = port_without_listener();
    let client = Script::new("client", &log).noting_use();
    connect(reactor, port, client.on_failed(move |_, _| stop()));

    run(reactor);

    log.assert(&[
        "client begins",
        "client started",
        "client failed ConnectionRefused",
        "client ends",
    ]);
}

// L-007
fn a_client_stopped_before_it_begins_has_used_its_factory(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let client = Script::new("client", &log).noting_use();
    let connector = connect(reactor, 1, client.on_failed(move |_, _| stop()));
    connector.stop_connecting().unwrap();

    run(reactor);

    log.assert(&["client begins", "client failed Stopped", "client ends"]);
}

// L-007
fn a_client_that_connects_again_at_once_goes_on_using_its_factory(reactor: &Reactor) {
    let (log, stop, times) = (Log::default(), stop_at_call(1, reactor), Cell::new(0));
    let (_taken, port) = port_without_listener();
    let client = Script::new("client", &log)
        .noting_use()
        .on_failed(move |connector, _| {
            times.set(times.get() + 1);
            match times.get() {
                1 => connector.connect().unwrap(),
                _ => stop(),
            }
        });
    connect(reactor, port, client);

    run(reactor);

    log.assert(&[
        "client begins",
        "client started",
        "client failed ConnectionRefused",
        "client started",
        "client failed ConnectionRefused",
        "client ends",
    ]);
}

fn listen_with(reactor: &Reactor, factory: &Rc<impl Factory>) -> Port {
    let options = ListenOptions::new(0).interface(Ipv4Addr::LOCALHOST.into());
    reactor
        .listen_tcp_with(options, Rc::clone(factory))
        .expect("there is a free port")
}

/// Stops the ports one after the other, with a note of each.
fn stop_in_order(reactor: &Reactor, log: &Log, ports: Vec<Port>) {
    for (n, port) in ports.into_iter().enumerate() {
        let (log, turns) = (log.clone(), 3 * n);
        reactor.call_when_running(move |reactor| {
            after_turns(reactor, turns, move |_| {
                let stopped = port.stop_listening();
                stopped.map(move |()| log.note("stopped")).ignore();
            });
        });
    }
}

// L-007
fn a_factory_of_two_ports_begins_and_ends_once(reactor: &Reactor) {
    let log = Log::default();
    let factory = Rc::new(Script::new("server", &log).noting_use());
    let ports = vec![
        listen_with(reactor, &factory),
        listen_with(reactor, &factory),
    ];
    stop_in_order(reactor, &log, ports);
    after_turns(reactor, 10, stop_soon);

    run(reactor);

    log.assert(&["server begins", "stopped", "server ends", "stopped"]);
}

// L-007
fn a_factory_of_a_port_and_a_client_begins_and_ends_once(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let (_listener, other) = listener();
    let script = Script::new("both", &log)
        .noting_use()
        .on_made(|transport| transport.lose_connection());
    let factory = Rc::new(script.on_stop_factory(stop));
    let port = listen_with(reactor, &factory);
    reactor.connect_tcp("127.0.0.1", other, factory);
    stop_in_order(reactor, &log, vec![port]);

    run(reactor);

    assert_eq!(log.count("both begins"), 1);
    assert_eq!(log.count("both ends"), 1);
    assert_eq!(log.count("stopped"), 1);
    assert_eq!(log.count("both gone ConnectionDone"), 1);
}

fn within(factory: &Rc<Script>) -> Rc<impl Factory> {
    Rc::new(Wrapping::new(Rc::clone(factory), AtMost::new(1)))
}

// L-007
fn a_factory_inside_others_begins_with_the_first_and_ends_with_the_last(reactor: &Reactor) {
    let log = Log::default();
    let factory = Rc::new(Script::new("server", &log).noting_use());
    let behind = BehindProxy::new(Rc::new(AnyFactory::new(Rc::clone(&factory))));
    let either = OrElse::new(Rc::clone(&factory), Rc::new(Script::unnoted()));
    let ports = vec![
        listen_with(reactor, &within(&factory)),
        listen_with(reactor, &Rc::new(behind)),
        listen_with(reactor, &Rc::new(either)),
    ];
    stop_in_order(reactor, &log, ports);
    after_turns(reactor, 15, stop_soon);

    run(reactor);

    log.assert(&[
        "server begins",
        "stopped",
        "stopped",
        "server ends",
        "stopped",
    ]);
}

// L-007
fn a_factory_by_itself_and_inside_another_begins_and_ends_once(reactor: &Reactor) {
    let log = Log::default();
    let factory = Rc::new(Script::new("server", &log).noting_use());
    let ports = vec![
        listen_with(reactor, &factory),
        listen_with(reactor, &within(&factory)),
    ];
    let again = listen_with(reactor, &factory);
    stop_in_order(reactor, &log, ports);
    after_turns(reactor, 10, move |reactor| {
        stop_in_order(reactor, &Log::default(), vec![again]);
        stop_soon(reactor);
    });

    run(reactor);

    log.assert(&["server begins", "stopped", "stopped", "server ends"]);
}

// L-007
fn a_panic_at_the_end_inside_another_fails_the_stopping_of_the_port(reactor: &Reactor) {
    let log = Log::default();
    let script = Script::unnoted().on_stop_factory(|| panic!("no end"));
    let port = listen_with(reactor, &within(&Rc::new(script)));
    let notes = log.clone();
    after_turns(reactor, 1, move |reactor| {
        port.stop_listening()
            .add_errback(move |failure| notes.note(name_of(&failure)))
            .ignore();
        stop_soon(reactor);
    });

    run(reactor);

    log.assert(&["panic: no end"]);
}

// L-007, L-004
fn a_factory_can_begin_again(reactor: &Reactor) {
    let log = Log::default();
    let port = listen(reactor, Script::new("server", &log).noting_use());
    let again = port.clone();
    after_turns(reactor, 3, move |_| {
        let stopped = port.stop_listening();
        stopped
            .map(move |()| again.start_listening().unwrap())
            .ignore();
    });
    after_turns(reactor, 9, stop_soon);

    run(reactor);

    log.assert(&[
        "server begins",
        "server ends",
        "server begins",
        "server ends",
    ]);
}

// L-007
fn a_port_that_stops_before_the_loop_runs_does_not_begin(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let port = listen(reactor, Script::new("server", &log).noting_use());
    port.stop_listening().map(move |()| stop()).ignore();

    run(reactor);

    log.assert(&[]);
}

// L-007
fn a_factory_ends_when_the_reactor_stops(reactor: &Reactor) {
    let log = Log::default();
    let _port = listen(reactor, Script::new("server", &log).noting_use());
    reactor.call_when_running(stop_soon);

    run(reactor);

    log.assert(&["server begins", "server ends"]);
}

// L-007
fn a_factory_begins_by_the_loop(reactor: &Reactor) {
    let log = Log::default();
    let notes = log.clone();
    reactor.call_when_running(move |reactor| {
        let port = listen(reactor, Script::new("server", &notes).noting_use());
        notes.note("listening");
        drop(port);
        stop_soon(reactor);
    });

    run(reactor);

    log.assert(&["listening", "server begins", "server ends"]);
}

// L-005
fn a_panic_at_the_end_fails_the_stopping_of_the_port(reactor: &Reactor) {
    let (log, reports) = (Log::default(), Reports::collected());
    let script = Script::unnoted().on_stop_factory(|| panic!("it does not end"));
    let port = listen(reactor, script);
    let (stopping, notes, stop) = (port.clone(), log.clone(), reactor.clone());
    after_turns(reactor, 3, move |_| {
        let again = stopping.clone();
        let note = move |result: Result<(), Failure>| {
            notes.note(name_of(&result.unwrap_err()));
            // Its address is free, whatever the factory says.
            notes.note(format!("free {}", again.start_listening().is_ok()));
            stop_soon(&stop);
        };
        stopping.stop_listening().add_both(note).ignore();
    });

    run(reactor);

    log.assert(&["panic: it does not end", "free true"]);
    // It has ended once more, with the reactor.
    reports.assert(&[("Unhandled error in stop_factory", "panic: it does not end")]);
}

// L-005
fn a_panic_at_the_end_of_a_client_is_reported(reactor: &Reactor) {
    let (reports, stop) = (Reports::collected(), stop_at_call(1, reactor));
    let (_taken, port) = port_without_listener();
    let script = Script::unnoted().on_stop_factory(|| panic!("it does not end"));
    connect(reactor, port, script.on_failed(move |_, _| stop()));

    run(reactor);

    reports.assert(&[("Unhandled error in stop_factory", "panic: it does not end")]);
}

// L-005
// fault: a panic in a callback
fn a_panic_at_the_end_is_reported_when_the_reactor_stops(reactor: &Reactor) {
    let reports = Reports::collected();
    let script = Script::unnoted().on_stop_factory(|| panic!("it does not end"));
    let port = listen(reactor, script);
    reactor.call_when_running(stop_soon);

    run(reactor);

    reports.assert(&[("Unhandled error in stop_factory", "panic: it does not end")]);
    assert!(!port.is_listening());
}

/// A factory that cannot begin.
struct Stuck;

impl Factory for Stuck {
    type Protocol = Silent;

    fn build_protocol(self: &Rc<Self>, _: &Address) -> Option<Silent> {
        None
    }

    fn start_factory(self: &Rc<Self>) {
        panic!("it does not begin");
    }
}

/// Says nothing.
struct Silent;

impl Protocol for Silent {
    fn data_received(&mut self, _: &Rc<dyn Transport>, _: &[u8]) {}
}

// L-007
// fault: a panic in a callback
fn a_panic_at_the_beginning_is_reported_and_the_port_listens(reactor: &Reactor) {
    let (reports, listens) = (Reports::collected(), Rc::new(Cell::new(false)));
    let port = listen_with(reactor, &Rc::new(Stuck));
    let seen = Rc::clone(&listens);
    after_turns(reactor, 3, move |reactor| {
        seen.set(port.is_listening());
        stop_soon(reactor);
    });

    run(reactor);

    assert!(listens.get());
    reports.assert(&[(
        "Unhandled error in start_factory",
        "panic: it does not begin",
    )]);
}

// L-008
fn beginnings_and_ends_are_logged(reactor: &Reactor) {
    let logged = Logged::collected();
    let port = listen(reactor, Script::unnoted().noisy());
    reactor.call_when_running(stop_soon);

    run(reactor);

    let address = port.address();
    let expected = [
        "INFO Script starts".to_owned(),
        format!("INFO Script listens on TCP {address}"),
        format!("INFO Script listens no more on TCP {address}"),
        "INFO Script stops".to_owned(),
    ];
    assert_eq!(logged.take(), expected);
}

// L-008
fn a_quiet_factory_is_left_out_of_the_log(reactor: &Reactor) {
    let logged = Logged::collected();
    let _port = listen(reactor, Script::unnoted());
    reactor.call_when_running(stop_soon);

    run(reactor);

    assert_eq!(logged.take(), [""; 0]);
}

/// Counts its connections.
#[derive(Default)]
struct Counting(Cell<usize>);

impl Factory for Counting {
    type Protocol = Counted;

    fn build_protocol(self: &Rc<Self>, _: &Address) -> Option<Counted> {
        Some(Counted(Rc::clone(self)))
    }
}

/// The protocol of a [`Counting`].
struct Counted(Rc<Counting>);

impl Protocol for Counted {
    fn connection_made(&mut self, _: &Rc<dyn Transport>) {
        self.0.0.set(self.0.0.get() + 1);
    }

    fn data_received(&mut self, _: &Rc<dyn Transport>, _: &[u8]) {}
}

// L-009
fn a_protocol_can_reach_its_factory(reactor: &Reactor) {
    let factory = Rc::new(Counting::default());
    let port = number(&listen_with(reactor, &factory));
    let stop = stop_at_call(2, reactor);
    for _ in 0..2 {
        let stop = stop.clone();
        connect(reactor, port, Script::unnoted().on_made(move |_| stop()));
    }

    run(reactor);

    assert_eq!(factory.0.get(), 2);
}
