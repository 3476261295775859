//! Ports that end with their reactor, and what is left of those that have ended.

use std::cell::Cell;
use std::rc::Rc;

use protocols::datagram::{DatagramError, DatagramTransport, ReactorUdp};
use protocols::reactor::Reactor;

use crate::common::{Log, Ownership, after_turns, another, on_every_backend, run, stop_soon};
use crate::datagrams::{Speaker, listen_udp, local, peer};
use crate::stop_and_note;

on_every_backend!(
    a_protocol_hears_that_the_reactor_stops,
    a_port_that_was_told_to_stop_as_the_reactor_stops_is_told_once,
    nobody_listens_while_the_reactor_stops,
    a_reactor_that_is_dropped_tells_its_ports,
    a_port_that_has_stopped_owns_nothing,
);

//
fn a_protocol_hears_that_the_reactor_stops(reactor: &Reactor) {
    let log = Log::default();
    let port = listen_udp(reactor, Speaker::new("port", &log));
    stop_soon(reactor);

    run(reactor);

    log.assert(&["port started", "port stopped"]);
    let late = port.send_to(b"late", &peer().local_addr().unwrap());
    assert!(matches!(late, Err(DatagramError::Stopped)));
}

// N-078, R-013
fn a_port_that_was_told_to_stop_as_the_reactor_stops_is_told_once(reactor: &Reactor) {
    let log = Log::default();
    let port = listen_udp(reactor, Speaker::new("port", &log));
    let seen = log.clone();
    after_turns(reactor, 1, move |reactor| {
        let seen = seen.clone();
        port.stop_listening()
            .map(move |()| seen.note("fired"))
            .log_failure("while stopping");
        reactor.stop().unwrap();
    });

    run(reactor);

    log.assert(&["port started", "port stopped", "fired"]);
}

fn nobody_listens_while_the_reactor_stops(reactor: &Reactor) {
    let (handle, refused) = (reactor.clone(), Rc::new(Cell::new(false)));
    let seen = Rc::clone(&refused);
    let _port = listen_udp(
        reactor,
        Speaker::unnoted().on_stop(move || {
            seen.set(handle.listen_udp_with(local(), Speaker::unnoted()).is_err());
        }),
    );
    stop_soon(reactor);

    run(reactor);

    assert!(refused.get());
}

//
fn a_reactor_that_is_dropped_tells_its_ports(reactor: &Reactor) {
    let (log, reactor) = (Log::default(), another(reactor));
    let port = listen_udp(&reactor, Speaker::new("port", &log));

    drop(reactor);

    log.assert(&["port started", "port stopped"]);
    assert!(matches!(port.send(b"late"), Err(DatagramError::Stopped)));
}

//
fn a_port_that_has_stopped_owns_nothing(reactor: &Reactor) {
    let (owned, ownership) = Ownership::new();
    let protocol = Speaker::unnoted().on_start(move |_| {
        let _ = &owned;
    });
    let port = listen_udp(reactor, protocol);
    let weak = Rc::downgrade(&port);
    let seen = Log::default();
    stop_and_note(reactor, &port, &seen);

    run(reactor);

    // The program's handle is the last.
    assert!(ownership.is_over());
    drop(port);
    assert!(weak.upgrade().is_none());
}
