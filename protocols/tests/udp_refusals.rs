//! Datagrams that nobody takes, and errors that the system keeps for a port: the port goes on.

mod common;
#[path = "common/datagrams.rs"]
mod datagrams;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use common::{Log, Reports, on_every_backend, run, stop_at_call, stop_soon};
use datagrams::{Speaker, listen_udp, must_send, next_of, nobody, peer};
use protocols::datagram::{DatagramError, DatagramTransport, Delivery, UdpPort};
use protocols::reactor::Reactor;

on_every_backend!(
    a_refused_datagram_is_told_to_a_connected_port,
    a_refusal_that_a_send_meets_is_told_by_the_loop_and_the_datagram_goes_out,
    a_refusal_that_is_met_before_the_start_is_told_after_it,
    a_protocol_that_answers_refusals_by_sending_more_leaves_the_loop_to_others,
    a_refused_datagram_is_ignored_on_an_unconnected_port_which_goes_on,
    a_panic_about_a_refusal_is_reported_and_the_port_goes_on,
    a_port_can_be_stopped_when_it_is_refused,
    a_stop_after_a_refusal_is_all_that_the_protocol_hears_of,
    sending_to_a_broadcast_address_that_is_not_allowed_is_an_error_and_the_port_goes_on,
);

// N-086, R-068
// fault: a datagram refused
fn a_refused_datagram_is_told_to_a_connected_port(reactor: &Reactor) {
    let reports = Reports::collected();
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let (_taken, to) = nobody();
    let port = listen_udp(
        reactor,
        Speaker::new("port", &log).on_refused(move |_| stop()),
    );
    port.connect(&to).unwrap();
    assert_eq!(port.send(b"anybody there?").unwrap(), Delivery::Sent);

    run(reactor);

    log.assert(&["port started", "port refused", "port stopped"]);
    reports.assert(&[]);
}

// N-086, R-068
// fault: a datagram refused
fn a_refusal_that_a_send_meets_is_told_by_the_loop_and_the_datagram_goes_out(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let (taken, to) = nobody();
    let noted = log.clone();
    let protocol = Speaker::new("port", &log)
        .on_start(move |port| {
            port.connect(&to).unwrap();
            assert_eq!(port.send(b"anybody there?").unwrap(), Delivery::Sent);
            // By now somebody is.
            taken.connect(port.socket_address()).unwrap();
            assert_eq!(port.send(b"and now?").unwrap(), Delivery::Sent);
            assert_eq!(next_of(&taken), "and now?");
            noted.note("arrived");
        })
        .on_refused(move |_| stop());
    listen_udp(reactor, protocol);

    run(reactor);

    log.assert(&["port started", "arrived", "port refused", "port stopped"]);
}

// N-086
fn a_refusal_that_is_met_before_the_start_is_told_after_it(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let (taken, to) = nobody();
    let port = listen_udp(
        reactor,
        Speaker::new("port", &log).on_refused(move |_| stop()),
    );
    port.connect(&to).unwrap();
    assert_eq!(port.send(b"anybody there?").unwrap(), Delivery::Sent);
    taken.connect(port.socket_address()).unwrap();
    assert_eq!(port.send(b"and now?").unwrap(), Delivery::Sent);

    run(reactor);

    log.assert(&["port started", "port refused", "port stopped"]);
}

// N-086
fn a_protocol_that_answers_refusals_by_sending_more_leaves_the_loop_to_others(reactor: &Reactor) {
    let (refusals, (_taken, to)) = (Rc::new(Cell::new(0)), nobody());
    let counted = Rc::clone(&refusals);
    let knocks = |port: &Rc<UdpPort>| {
        // The second one meets the refusal of the first.
        for _ in 0..2 {
            assert_eq!(port.send(b"open").unwrap(), Delivery::Sent);
        }
    };
    let protocol = Speaker::unnoted()
        .on_start(move |port| {
            port.connect(&to).unwrap();
            knocks(port);
        })
        .on_refused(move |port| {
            counted.set(counted.get() + 1);
            knocks(port);
        });
    listen_udp(reactor, protocol);
    // The loop has to come to this in spite of all that.
    stop_soon(reactor);

    run(reactor);

    let refusals = refusals.get();
    assert!((1..100).contains(&refusals), "{refusals}");
}

// N-086, R-068
// fault: a datagram refused
fn a_refused_datagram_is_ignored_on_an_unconnected_port_which_goes_on(reactor: &Reactor) {
    let reports = Reports::collected();
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let (_taken, to) = nobody();
    let protocol = Speaker::new("port", &log).on_datagram(move |port, data, from| {
        must_send(&**port, data, from);
        stop();
    });
    let port = listen_udp(reactor, protocol);
    let peer = peer();
    must_send(&*port, b"anybody there?", &to);
    must_send(&*port, b"really nobody?", &to);
    peer.send_to(b"I am", port.socket_address()).unwrap();

    run(reactor);

    log.assert(&["port started", "port got I am", "port stopped"]);
    assert_eq!(next_of(&peer), "I am");
    reports.assert(&[]);
}

// N-086, N-087
// fault: a datagram refused
fn a_panic_about_a_refusal_is_reported_and_the_port_goes_on(reactor: &Reactor) {
    let reports = Reports::collected();
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let (taken, to) = nobody();
    let protocol = Speaker::new("port", &log)
        .on_refused(move |port| {
            taken.connect(port.socket_address()).unwrap();
            taken.send(b"I am late").unwrap();
            panic!("nobody there");
        })
        .on_datagram(move |_, _, _| stop());
    let port = listen_udp(reactor, protocol);
    port.connect(&to).unwrap();
    assert_eq!(port.send(b"anybody there?").unwrap(), Delivery::Sent);

    run(reactor);

    log.assert(&[
        "port started",
        "port refused",
        "port got I am late",
        "port stopped",
    ]);
    reports.assert(&[(
        "Unhandled error in connection_refused",
        "panic: nobody there",
    )]);
}

// N-078, N-086
fn a_port_can_be_stopped_when_it_is_refused(reactor: &Reactor) {
    let (log, handle, (_taken, to)) = (Log::default(), reactor.clone(), nobody());
    let noted = log.clone();
    let protocol = Speaker::new("port", &log).on_refused(move |port| {
        let (noted, handle) = (noted.clone(), handle.clone());
        port.stop_listening()
            .map(move |()| {
                noted.note("fired");
                stop_soon(&handle);
            })
            .log_failure("while stopping");
    });
    let port = listen_udp(reactor, protocol);
    port.connect(&to).unwrap();
    assert_eq!(port.send(b"anybody there?").unwrap(), Delivery::Sent);

    run(reactor);

    log.assert(&["port started", "port refused", "port stopped", "fired"]);
}

// N-078, N-086
fn a_stop_after_a_refusal_is_all_that_the_protocol_hears_of(reactor: &Reactor) {
    let (log, (_taken, to)) = (Log::default(), nobody());
    let kept = Rc::new(RefCell::new(None));
    let stopping = Rc::clone(&kept);
    let protocol = Speaker::new("port", &log).on_start(move |port| {
        port.connect(&to).unwrap();
        // The second one meets the refusal of the first.
        for _ in 0..2 {
            assert_eq!(port.send(b"anybody there?").unwrap(), Delivery::Sent);
        }
        *stopping.borrow_mut() = Some(port.stop_listening());
    });
    listen_udp(reactor, protocol);
    stop_soon(reactor);

    run(reactor);

    log.assert(&["port started", "port stopped"]);
}

// N-090
fn sending_to_a_broadcast_address_that_is_not_allowed_is_an_error_and_the_port_goes_on(
    reactor: &Reactor,
) {
    let reports = Reports::collected();
    let (port, peer) = (listen_udp(reactor, Speaker::unnoted()), peer());
    let everybody = "255.255.255.255:9".parse().unwrap();

    let error = port.send_to(b"hello, all", &everybody).unwrap_err();
    must_send(&*port, b"hello", &peer.local_addr().unwrap());

    assert!(matches!(error, DatagramError::Io(..)), "{error}");
    assert_eq!(error.to_string(), "cannot send to 255.255.255.255:9");
    assert_eq!(next_of(&peer), "hello");
    reports.assert(&[]);
}
