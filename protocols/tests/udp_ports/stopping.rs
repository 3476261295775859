//! Ports that are told to stop: when, from where, and how often.

use std::cell::{Cell, RefCell};
use std::net::UdpSocket;
use std::rc::Rc;
use std::time::Duration;

use protocols::datagram::{DatagramError, DatagramTransport, UdpPort};
use protocols::reactor::Reactor;

use crate::common::{Log, Reports, after_turns, on_every_backend, run, stop_soon};
use crate::datagrams::{Speaker, listen_udp, peer};
use crate::stop_and_note;

on_every_backend!(
    a_stop_ends_with_the_protocols_stop_in_a_later_turn_and_fires_then,
    a_port_that_is_stopped_before_it_starts_calls_nothing,
    a_port_that_begins_and_stops_in_one_callback_fires_in_a_later_turn,
    a_port_can_be_stopped_in_start_protocol,
    a_port_that_is_stopped_in_a_callback_receives_no_more,
    a_port_that_another_one_stops_receives_nothing_any_more,
    a_port_can_be_stopped_while_it_stops,
    stopping_twice_fires_both_times,
    stopping_a_stopped_port_has_fired_already,
    a_stopped_port_can_be_bound_again_at_once,
    what_is_sent_after_the_stop_is_an_error,
    a_protocol_that_sends_in_its_stop_is_told_that_it_is_over,
);

// N-078
fn a_stop_ends_with_the_protocols_stop_in_a_later_turn_and_fires_then(reactor: &Reactor) {
    let log = Log::default();
    let port = listen_udp(reactor, Speaker::new("port", &log));
    let seen = log.clone();
    after_turns(reactor, 2, move |reactor| {
        stop_and_note(reactor, &port, &seen);
        seen.note("asked");
        let seen = seen.clone();
        // What this leaves to the loop comes after what the stop has left to it, in the next turn.
        reactor.call_later(Duration::ZERO, move |_| seen.note("next turn"));
    });

    run(reactor);

    log.assert(&[
        "port started",
        "asked",
        "port stopped",
        "fired",
        "next turn",
    ]);
}

// N-078
fn a_port_that_is_stopped_before_it_starts_calls_nothing(reactor: &Reactor) {
    let log = Log::default();
    let port = listen_udp(reactor, Speaker::new("port", &log));

    stop_and_note(reactor, &port, &log);
    run(reactor);

    log.assert(&["fired"]);
}

// N-078
fn a_port_that_begins_and_stops_in_one_callback_fires_in_a_later_turn(reactor: &Reactor) {
    let log = Log::default();
    let (seen, same_turn) = (log.clone(), log.clone());
    reactor.call_later(Duration::ZERO, move |reactor| {
        let port = listen_udp(reactor, Speaker::new("port", &seen));
        stop_and_note(reactor, &port, &seen);
        seen.note("asked");
    });
    reactor.call_later(Duration::ZERO, move |_| same_turn.note("same turn"));

    run(reactor);

    log.assert(&["asked", "same turn", "fired"]);
}

// N-078
fn a_port_can_be_stopped_in_start_protocol(reactor: &Reactor) {
    let (log, seen, handle) = (Log::default(), Log::default(), reactor.clone());
    let noted = log.clone();
    let protocol = Speaker::new("port", &seen).on_start(move |port| {
        stop_and_note(&handle, port, &noted);
        noted.note("asked");
    });
    let port = listen_udp(reactor, protocol);
    peer().send_to(b"too late", port.socket_address()).unwrap();

    run(reactor);

    log.assert(&["asked", "fired"]);
    seen.assert(&["port started", "port stopped"]);
}

// N-078
fn a_port_that_is_stopped_in_a_callback_receives_no_more(reactor: &Reactor) {
    let (log, handle) = (Log::default(), reactor.clone());
    let noted = log.clone();
    let protocol = Speaker::new("port", &log).on_datagram(move |port, _, _| {
        stop_and_note(&handle, port, &noted);
        noted.note("asked");
    });
    let port = listen_udp(reactor, protocol);
    let peer = peer();
    for text in ["one", "two", "three"] {
        peer.send_to(text.as_bytes(), port.socket_address())
            .unwrap();
    }

    run(reactor);

    log.assert(&[
        "port started",
        "port got one",
        "asked",
        "port stopped",
        "fired",
    ]);
}

// N-078
// fault: another's end in a callback
fn a_port_that_another_one_stops_receives_nothing_any_more(reactor: &Reactor) {
    let log = Log::default();
    let ports: Rc<RefCell<Vec<Rc<UdpPort>>>> = Rc::default();
    for _ in 0..2 {
        let all = Rc::clone(&ports);
        let protocol = Speaker::new("port", &log).on_datagram(move |port, _, _| {
            for other in all.borrow().iter().filter(|it| !Rc::ptr_eq(it, port)) {
                drop(other.stop_listening());
            }
        });
        ports.borrow_mut().push(listen_udp(reactor, protocol));
    }
    let peer = peer();
    // Both are ready in the same turn.
    for port in ports.borrow().iter() {
        peer.send_to(b"hello", port.socket_address()).unwrap();
    }
    stop_soon(reactor);

    run(reactor);

    assert_eq!(log.count("port got hello"), 1);
    assert_eq!(log.count("port stopped"), 2);
}

// N-078
fn a_port_can_be_stopped_while_it_stops(reactor: &Reactor) {
    let (log, handle) = (Log::default(), reactor.clone());
    let kept: Rc<RefCell<Option<Rc<UdpPort>>>> = Rc::default();
    let (port, noted) = (Rc::clone(&kept), log.clone());
    let protocol = Speaker::new("port", &log).on_stop(move || {
        let port = port.borrow().clone().unwrap();
        stop_and_note(&handle, &port, &noted);
        noted.note("asked again");
    });
    *kept.borrow_mut() = Some(listen_udp(reactor, protocol));
    let port = Rc::clone(&kept);
    after_turns(reactor, 1, move |_| {
        drop(port.borrow().as_ref().unwrap().stop_listening());
    });

    run(reactor);

    log.assert(&["port started", "port stopped", "asked again", "fired"]);
}

// N-078
fn stopping_twice_fires_both_times(reactor: &Reactor) {
    let log = Log::default();
    let port = listen_udp(reactor, Speaker::new("port", &log));
    let seen = log.clone();
    after_turns(reactor, 1, move |reactor| {
        stop_and_note(reactor, &port, &seen);
        stop_and_note(reactor, &port, &seen);
    });

    run(reactor);

    log.assert(&["port started", "port stopped", "fired", "fired"]);
}

// N-078
fn stopping_a_stopped_port_has_fired_already(reactor: &Reactor) {
    let log = Log::default();
    let port = listen_udp(reactor, Speaker::unnoted());
    stop_and_note(reactor, &port, &Log::default());
    run(reactor);

    stop_and_note(reactor, &port, &log);

    log.assert(&["fired"]);
}

// N-078
fn a_stopped_port_can_be_bound_again_at_once(reactor: &Reactor) {
    let port = listen_udp(reactor, Speaker::unnoted());
    let (address, bound) = (port.socket_address(), Rc::new(Cell::new(false)));
    let (seen, handle) = (Rc::clone(&bound), reactor.clone());

    port.stop_listening()
        .map(move |()| {
            seen.set(UdpSocket::bind(address).is_ok());
            stop_soon(&handle);
        })
        .log_failure("while stopping");
    run(reactor);

    assert!(bound.get());
}

// N-078
fn what_is_sent_after_the_stop_is_an_error(reactor: &Reactor) {
    let to = peer().local_addr().unwrap();
    let port = listen_udp(reactor, Speaker::unnoted());
    let address = port.host();

    drop(port.stop_listening());

    let is_over = |error| matches!(error, DatagramError::Stopped);
    assert!(is_over(port.send_to(b"late", &to).unwrap_err()));
    assert!(is_over(port.send(b"late").unwrap_err()));
    assert!(is_over(port.connect(&to).unwrap_err()));
    assert!(is_over(port.is_broadcast_allowed().unwrap_err()));
    assert_eq!(port.host(), address);
}

// N-078
fn a_protocol_that_sends_in_its_stop_is_told_that_it_is_over(reactor: &Reactor) {
    let reports = Reports::collected();
    let kept: Rc<RefCell<Option<Rc<UdpPort>>>> = Rc::default();
    let (sends, over) = (Rc::clone(&kept), Rc::new(Cell::new(false)));
    let (seen, to) = (Rc::clone(&over), peer().local_addr().unwrap());
    let protocol = Speaker::unnoted().on_stop(move || {
        let port = sends.borrow().clone().unwrap();
        let sent = port.send_to(b"goodbye", &to);
        seen.set(matches!(sent, Err(DatagramError::Stopped)));
    });
    *kept.borrow_mut() = Some(listen_udp(reactor, protocol));
    stop_soon(reactor);

    run(reactor);

    assert!(over.get());
    reports.assert(&[]);
}
