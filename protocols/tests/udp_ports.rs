//! The life of a UDP port: it begins, it stops in whichever way, and what is left of it.

mod common;
#[path = "common/datagrams.rs"]
mod datagrams;

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::rc::Rc;
use std::sync::Once;
use std::time::Duration;

use common::child::{in_a_process_of_its_own, open_descriptors};
use common::{
    Log, Ownership, Reports, after_turns, another, on_every_backend, run, stop_at_call, stop_soon,
};
use datagrams::{Speaker, listen_udp, local, must_send, next_of, peer};
use protocols::Address;
use protocols::datagram::{
    DatagramError, DatagramProtocol, DatagramTransport, ReactorUdp, UdpOptions, UdpPort,
};
use protocols::reactor::Reactor;
use rustix::io::Errno;

on_every_backend!(
    a_port_in_use_is_an_error_that_names_it,
    an_interface_of_another_machine_is_an_error_that_names_it,
    ports_that_both_ask_for_it_have_one_number,
    a_protocol_is_started_by_the_loop_and_before_its_first_datagram,
    a_protocol_that_listens_in_a_delayed_call_is_started_before_its_first_datagram,
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
    the_same_protocol_listens_again,
    the_same_protocol_listens_on_two_ports,
    a_protocol_hears_that_the_reactor_stops,
    a_port_that_was_told_to_stop_as_the_reactor_stops_is_told_once,
    nobody_listens_while_the_reactor_stops,
    a_reactor_that_is_dropped_tells_its_ports,
    a_panic_in_any_callback_is_reported_and_the_port_goes_on,
    a_panic_in_the_stop_fires_the_deferred_all_the_same,
    a_panic_in_the_drop_of_a_protocol_is_reported,
    a_port_that_has_stopped_owns_nothing,
    ports_give_their_descriptors_back,
    the_printed_form_names_the_protocol_and_the_port,
    a_protocol_is_called_by_its_type_unless_it_knows_better,
    beginning_and_end_are_logged,
);

// N-080
fn a_port_in_use_is_an_error_that_names_it(reactor: &Reactor) {
    let taken = peer();
    let address = taken.local_addr().unwrap();
    let options = UdpOptions::new(address.port()).interface(address.ip());

    let error = reactor
        .listen_udp_with(options, Speaker::unnoted())
        .unwrap_err();

    assert_eq!(error.address, Address::Udp(address));
    assert_eq!(
        error.source.raw_os_error(),
        Some(Errno::ADDRINUSE.raw_os_error())
    );
    assert_eq!(error.to_string(), format!("cannot listen on {address}"));
}

// N-080
fn an_interface_of_another_machine_is_an_error_that_names_it(reactor: &Reactor) {
    let interface = Ipv4Addr::new(192, 0, 2, 1);
    let options = UdpOptions::new(0).interface(interface.into());

    let error = reactor
        .listen_udp_with(options, Speaker::unnoted())
        .unwrap_err();

    let address = SocketAddr::from((interface, 0));
    assert_eq!(error.address, Address::Udp(address));
    assert_eq!(
        error.source.raw_os_error(),
        Some(Errno::ADDRNOTAVAIL.raw_os_error())
    );
}

// N-080
fn ports_that_both_ask_for_it_have_one_number(reactor: &Reactor) {
    let first = reactor
        .listen_udp_with(local().listen_with_others(), Speaker::unnoted())
        .unwrap();
    let number = first.socket_address().port();
    let same = UdpOptions::new(number).interface(Ipv4Addr::LOCALHOST.into());

    let second = reactor.listen_udp_with(same.clone().listen_with_others(), Speaker::unnoted());
    let third = reactor.listen_udp_with(same, Speaker::unnoted());

    assert_eq!(second.unwrap().host(), first.host());
    assert!(third.is_err());
}

// N-078
fn a_protocol_is_started_by_the_loop_and_before_its_first_datagram(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let started = Rc::new(RefCell::new(None));
    let seen = Rc::clone(&started);
    let protocol = Speaker::new("port", &log)
        .on_start(move |port| *seen.borrow_mut() = Some(Rc::clone(port)))
        .on_datagram(move |_, _, _| stop());
    let port = listen_udp(reactor, protocol);
    log.note("listens");
    peer().send_to(b"hello", port.socket_address()).unwrap();

    run(reactor);

    log.assert(&["listens", "port started", "port got hello", "port stopped"]);
    assert!(Rc::ptr_eq(started.borrow().as_ref().unwrap(), &port));
}

// N-078
fn a_protocol_that_listens_in_a_delayed_call_is_started_before_its_first_datagram(
    reactor: &Reactor,
) {
    let log = Log::default();
    let seen = log.clone();
    reactor.call_later(Duration::ZERO, move |reactor| {
        let stop = stop_at_call(1, reactor);
        let protocol = Speaker::new("port", &seen).on_datagram(move |_, _, _| stop());
        let port = listen_udp(reactor, protocol);
        seen.note("listens");
        peer().send_to(b"hello", port.socket_address()).unwrap();
    });

    run(reactor);

    log.assert(&["listens", "port started", "port got hello", "port stopped"]);
}

/// Stops a port, notes that it has stopped, and ends the run soon after.
fn stop_and_note(reactor: &Reactor, port: &UdpPort, log: &Log) {
    let (log, reactor) = (log.clone(), reactor.clone());
    port.stop_listening()
        .map(move |()| {
            log.note("fired");
            stop_soon(&reactor);
        })
        .log_failure("while stopping");
}

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

/// Counts its datagrams and its lives.
#[derive(Default)]
struct Counter {
    started: usize,
    received: usize,
    stopped: usize,
}

impl DatagramProtocol for Counter {
    fn start_protocol(&mut self, _: &Rc<UdpPort>) {
        self.started += 1;
    }

    fn datagram_received(&mut self, port: &Rc<UdpPort>, data: &[u8], from: &SocketAddr) {
        self.received += 1;
        must_send(&**port, data, from);
    }

    fn stop_protocol(&mut self) {
        self.stopped += 1;
    }
}

// N-079
fn the_same_protocol_listens_again(reactor: &Reactor) {
    let counter = Rc::new(RefCell::new(Counter::default()));
    let (first, peer) = (listen_udp(reactor, Rc::clone(&counter)), peer());
    peer.send_to(b"one", first.socket_address()).unwrap();
    let (again, asker) = (Rc::clone(&counter), peer.try_clone().unwrap());
    after_turns(reactor, 3, move |reactor| {
        let reactor = reactor.clone();
        let stopped = first.stop_listening().map(move |()| {
            let second = listen_udp(&reactor, again);
            asker.send_to(b"two", second.socket_address()).unwrap();
            stop_soon(&reactor);
        });
        stopped.log_failure("while stopping");
    });

    run(reactor);

    let counter = counter.borrow();
    assert_eq!(
        (counter.started, counter.received, counter.stopped),
        (2, 2, 2)
    );
    assert_eq!([next_of(&peer), next_of(&peer)], ["one", "two"]);
}

// N-079
fn the_same_protocol_listens_on_two_ports(reactor: &Reactor) {
    let counter = Rc::new(RefCell::new(Counter::default()));
    let ports = [(); 2].map(|()| listen_udp(reactor, Rc::clone(&counter)));
    let peer = peer();
    for port in &ports {
        peer.send_to(b"hello", port.socket_address()).unwrap();
    }
    stop_soon(reactor);

    run(reactor);

    assert_eq!(counter.borrow().received, 2);
    assert_eq!(counter.borrow().stopped, 2);
}

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

// N-087
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

//
#[cfg(target_os = "linux")]
fn ports_give_their_descriptors_back(reactor: &Reactor) {
    in_a_process_of_its_own(reactor, "ports_give_their_descriptors_back", || {
        let before = open_descriptors();
        let (ends_before, ports) = (stop_at_call(20, reactor), 50);
        let kept: Vec<_> = (0..ports)
            .map(|_| listen_udp(reactor, Speaker::unnoted()))
            .collect();
        assert_eq!(open_descriptors(), before + ports);
        // Some are told to stop, and the others stop with the reactor.
        for port in &kept[..20] {
            let stop = ends_before.clone();
            port.stop_listening()
                .map(move |()| stop())
                .log_failure("while stopping");
        }

        run(reactor);

        assert_eq!(open_descriptors(), before);
        println!("measured: {ports} ports, and no descriptor is left");
    });
}

// N-082
fn the_printed_form_names_the_protocol_and_the_port(reactor: &Reactor) {
    let port = listen_udp(reactor, Speaker::new("The echo", &Log::default()));
    let address = port.socket_address();

    let listening = format!("{port:?}");
    let prefixes: Vec<_> = reactor.readers().iter().map(|it| it.log_prefix()).collect();
    drop(port.stop_listening());
    let stopped = format!("{port:?}");

    assert_eq!(listening, format!("UdpPort(The echo on {address})"));
    assert_eq!(prefixes, [format!("The echo at {address}")]);
    assert_eq!(stopped, format!("UdpPort(The echo, stopped, on {address})"));
}

// N-082
fn a_protocol_is_called_by_its_type_unless_it_knows_better(reactor: &Reactor) {
    let counter = Rc::new(RefCell::new(Counter::default()));
    let port = listen_udp(reactor, Rc::clone(&counter));
    let printed = format!("{port:?}");

    assert!(
        printed.starts_with("UdpPort(udp_ports::Counter on 127.0.0.1:"),
        "{printed}"
    );
    let borrowed = counter.borrow_mut();
    let second = listen_udp(reactor, Rc::clone(&counter));
    assert!(format!("{second:?}").starts_with("UdpPort(udp_ports::Counter on "));
    drop(borrowed);
}

thread_local! {
    static LOGGED: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// A logger that keeps what is logged in each thread.
struct Kept;

impl log::Log for Kept {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.target() == "protocols"
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = format!("{} {}", record.level(), record.args());
            LOGGED.with_borrow_mut(|lines| lines.push(line));
        }
    }

    fn flush(&self) {}
}

// N-082
fn beginning_and_end_are_logged(reactor: &Reactor) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        log::set_logger(&Kept).expect("there is no other logger");
        log::set_max_level(log::LevelFilter::Info);
    });
    let port = listen_udp(reactor, Speaker::new("The echo", &Log::default()));
    let address = port.socket_address();
    stop_soon(reactor);

    run(reactor);

    assert_eq!(
        LOGGED.take(),
        [
            format!("INFO The echo starts on the UDP port {address}"),
            format!("INFO The echo has stopped on the UDP port {address}"),
        ]
    );
}
