//! The life of a UDP port: it begins, it stops in whichever way, and what is left of it.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/datagrams.rs"]
mod datagrams;

mod ends;
mod panics;
mod stopping;

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Once;
use std::time::Duration;

use common::child::{in_a_process_of_its_own, open_descriptors};
use common::{Log, after_turns, on_every_backend, run, stop_at_call, stop_soon};
use datagrams::{Speaker, listen_udp, local, must_send, next_of, peer};
use protocols::Address;
use protocols::datagram::{DatagramProtocol, DatagramTransport, ReactorUdp, UdpOptions, UdpPort};
use protocols::reactor::Reactor;
use rustix::io::Errno;

on_every_backend!(
    a_port_in_use_is_an_error_that_names_it,
    an_interface_of_another_machine_is_an_error_that_names_it,
    ports_that_both_ask_for_it_have_one_number,
    a_protocol_is_started_by_the_loop_and_before_its_first_datagram,
    a_protocol_that_listens_in_a_delayed_call_is_started_before_its_first_datagram,
    the_same_protocol_listens_again,
    the_same_protocol_listens_on_two_ports,
    the_printed_form_names_the_protocol_and_the_port,
    a_protocol_is_called_by_its_type_unless_it_knows_better,
    beginning_and_end_are_logged,
    ports_give_their_descriptors_back,
);

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
