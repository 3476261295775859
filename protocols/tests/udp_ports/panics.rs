//! Protocols of datagrams that panic.

use std::net::SocketAddr;
use std::rc::Rc;

use protocols::datagram::{DatagramProtocol, UdpPort};
use protocols::reactor::Reactor;

use crate::common::{Log, Reports, after_turns, on_every_backend, run, stop_at_call};
use crate::datagrams::{Speaker, listen_udp, peer};
use crate::stop_and_note;

on_every_backend!(
    a_panic_in_any_callback_is_reported_and_the_port_goes_on,
    a_panic_in_the_stop_fires_the_deferred_all_the_same,
    a_panic_in_the_drop_of_a_protocol_is_reported,
);

// N-087
// fault: a panic in a callback
fn a_panic_in_any_callback_is_reported_and_the_port_goes_on(reactor: &Reactor) {
    let reports = Reports::collected();
    let (log, stop) = (Log::default(), stop_at_call(3, reactor));
    let protocol = Speaker::new("port", &log)
        .on_start(|_| panic!("in start"))
        .on_datagram(move |_, data, _| {
            stop();
            assert_ne!(data, b"bad");
        })
        .on_stop(|| panic!("in stop"));
    let port = listen_udp(reactor, protocol);
    let peer = peer();
    for text in ["good", "bad", "good again"] {
        peer.send_to(text.as_bytes(), port.socket_address())
            .unwrap();
    }

    run(reactor);

    log.assert(&[
        "port started",
        "port got good",
        "port got bad",
        "port got good again",
        "port stopped",
    ]);
    let bad =
        "panic: assertion `left != right` failed\n  left: [98, 97, 100]\n right: [98, 97, 100]";
    reports.assert(&[
        ("Unhandled error in start_protocol", "panic: in start"),
        ("Unhandled error in datagram_received", bad),
        ("Unhandled error in stop_protocol", "panic: in stop"),
    ]);
}

// N-087
fn a_panic_in_the_stop_fires_the_deferred_all_the_same(reactor: &Reactor) {
    let reports = Reports::collected();
    let log = Log::default();
    let port = listen_udp(
        reactor,
        Speaker::new("port", &log).on_stop(|| panic!("in stop")),
    );
    let seen = log.clone();
    after_turns(reactor, 1, move |reactor| {
        stop_and_note(reactor, &port, &seen)
    });

    run(reactor);

    log.assert(&["port started", "port stopped", "fired"]);
    reports.assert(&[("Unhandled error in stop_protocol", "panic: in stop")]);
}

/// A protocol that cannot be dropped in peace.
struct Bomb;

impl DatagramProtocol for Bomb {
    fn datagram_received(&mut self, _: &Rc<UdpPort>, _: &[u8], _: &SocketAddr) {}
}

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("in drop");
    }
}

// N-087
fn a_panic_in_the_drop_of_a_protocol_is_reported(reactor: &Reactor) {
    let reports = Reports::collected();
    let log = Log::default();
    let port = listen_udp(reactor, Bomb);
    let seen = log.clone();
    after_turns(reactor, 1, move |reactor| {
        stop_and_note(reactor, &port, &seen)
    });

    run(reactor);

    log.assert(&["fired"]);
    reports.assert_reasons(&["panic: in drop"]);
}
