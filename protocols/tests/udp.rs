//! Datagrams of UDP: that they come and go whole, with the right addresses, and what cannot be sent.

mod common;
#[path = "common/datagrams.rs"]
mod datagrams;

use std::cell::{Cell, RefCell};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::rc::Rc;

use common::{Log, Reports, on_every_backend, run, stop_at_call, stop_soon};
use datagrams::{Speaker, listen_udp, local, must_send, next_of, peer};
use protocols::Address;
use protocols::datagram::{
    DatagramError, DatagramProtocol, DatagramTransport, Delivery, ReactorUdp, UdpOptions, UdpPort,
};
use protocols::reactor::Reactor;
use rustix::io::Errno;

on_every_backend!(
    a_datagram_comes_with_the_address_of_its_sender,
    datagrams_come_one_by_one_and_in_order,
    an_empty_datagram_is_one,
    datagrams_pass_both_ways_between_two_ports,
    datagrams_pass_both_ways_over_ipv6,
    datagrams_pass_both_ways_between_connected_ports,
    connected_ports_speak_ipv6,
    a_port_sends_before_the_loop_runs,
    a_port_of_all_interfaces_has_its_real_number,
    a_port_of_an_ipv6_interface_has_an_ipv6_address,
    a_connected_port_has_the_address_that_it_sends_from,
    a_connected_port_sends_to_its_peer_only,
    a_connected_port_receives_from_its_peer_only,
    a_port_connects_once,
    without_a_peer_an_address_is_needed,
    an_address_of_the_other_family_is_an_error,
    the_parts_of_a_sequence_go_out_as_one_datagram,
    a_datagram_that_is_too_long_is_an_error_and_the_next_one_goes_out,
    a_datagram_longer_than_the_limit_is_cut,
    the_limit_is_8192_bytes_unless_set,
    the_largest_datagram_arrives_whole,
    one_turn_reads_a_bounded_number_of_datagrams,
    a_port_keeps_as_many_bytes_as_it_asked_for,
);

fn any_v6() -> Option<UdpOptions> {
    if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        eprintln!("skipped: this machine has no IPv6");
        return None;
    }
    Some(UdpOptions::new(0).interface(Ipv6Addr::LOCALHOST.into()))
}

// N-081
fn a_datagram_comes_with_the_address_of_its_sender(reactor: &Reactor) {
    let (log, seen, stop) = (Log::default(), Rc::new(Cell::new(None)), reactor.clone());
    let noted = Rc::clone(&seen);
    let protocol = Speaker::new("server", &log).on_datagram(move |_, _, from| {
        noted.set(Some(*from));
        stop_soon(&stop);
    });
    let port = listen_udp(reactor, protocol);
    let peer = peer();
    peer.send_to(b"hello", port.socket_address()).unwrap();

    run(reactor);

    log.assert(&["server started", "server got hello", "server stopped"]);
    assert_eq!(seen.get(), Some(peer.local_addr().unwrap()));
}

// N-081
fn datagrams_come_one_by_one_and_in_order(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(3, reactor));
    let port = listen_udp(
        reactor,
        Speaker::new("server", &log).on_datagram(move |_, _, _| stop()),
    );
    let peer = peer();
    for text in ["one", "two", "three"] {
        peer.send_to(text.as_bytes(), port.socket_address())
            .unwrap();
    }

    run(reactor);

    log.assert(&[
        "server started",
        "server got one",
        "server got two",
        "server got three",
        "server stopped",
    ]);
}

// N-081
fn an_empty_datagram_is_one(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(2, reactor));
    let protocol = Speaker::new("server", &log).on_datagram(move |port, data, from| {
        must_send(&**port, data, from);
        stop();
    });
    let port = listen_udp(reactor, protocol);
    let peer = peer();
    peer.send_to(b"", port.socket_address()).unwrap();
    peer.send_to(b"more", port.socket_address()).unwrap();

    run(reactor);

    log.assert(&[
        "server started",
        "server got ",
        "server got more",
        "server stopped",
    ]);
    assert_eq!([next_of(&peer), next_of(&peer)], ["", "more"]);
}

/// Has a client ask a server, which answers.
fn ask(reactor: &Reactor, options: UdpOptions, connects: bool) {
    let (log, stop) = (Log::default(), reactor.clone());
    let answers = |port: &Rc<UdpPort>, _: &[u8], from: &SocketAddr| {
        must_send(&**port, b"answer", from);
    };
    let server = reactor
        .listen_udp_with(
            options.clone(),
            Speaker::new("server", &log).on_datagram(answers),
        )
        .unwrap();
    let (to, senders) = (server.socket_address(), Rc::new(RefCell::new(Vec::new())));
    let noted = Rc::clone(&senders);
    let client = Speaker::new("client", &log)
        .on_start(move |port| {
            if connects {
                port.connect(&to).unwrap();
                assert_eq!(port.send(b"question").unwrap(), Delivery::Sent);
                assert_eq!(port.peer(), Some(Address::Udp(to)));
            } else {
                must_send(&**port, b"question", &to);
                assert_eq!(port.peer(), None);
            }
        })
        .on_datagram(move |_, _, from| {
            noted.borrow_mut().push(*from);
            stop_soon(&stop);
        });
    reactor.listen_udp_with(options, client).unwrap();

    run(reactor);

    log.assert(&[
        "server started",
        "client started",
        "server got question",
        "client got answer",
        "server stopped",
        "client stopped",
    ]);
    assert_eq!(*senders.borrow(), [to]);
}

// N-081
fn datagrams_pass_both_ways_between_two_ports(reactor: &Reactor) {
    ask(reactor, local(), false);
}

// N-081
fn datagrams_pass_both_ways_between_connected_ports(reactor: &Reactor) {
    ask(reactor, local(), true);
}

// N-081
fn datagrams_pass_both_ways_over_ipv6(reactor: &Reactor) {
    if let Some(options) = any_v6() {
        ask(reactor, options, false);
    }
}

// N-081
fn connected_ports_speak_ipv6(reactor: &Reactor) {
    if let Some(options) = any_v6() {
        ask(reactor, options, true);
    }
}

// N-081
fn a_port_sends_before_the_loop_runs(reactor: &Reactor) {
    let peer = peer();
    let port = listen_udp(reactor, Speaker::unnoted());

    must_send(&*port, b"early", &peer.local_addr().unwrap());

    assert_eq!(next_of(&peer), "early");
}

// N-082
fn a_port_of_all_interfaces_has_its_real_number(reactor: &Reactor) {
    let port = reactor.listen_udp(0, Speaker::unnoted()).unwrap();

    let Address::Udp(address) = port.host() else {
        panic!("it is {:?}", port.host());
    };
    assert_eq!(address.ip(), IpAddr::V4(Ipv4Addr::UNSPECIFIED));
    assert_ne!(address.port(), 0);
    assert_eq!(address, port.socket_address());
}

// N-082
fn a_port_of_an_ipv6_interface_has_an_ipv6_address(reactor: &Reactor) {
    let Some(options) = any_v6() else { return };

    let port = reactor
        .listen_udp_with(options, Speaker::unnoted())
        .unwrap();

    let Address::Udp(address) = port.host() else {
        panic!("it is {:?}", port.host());
    };
    assert_eq!(address.ip(), IpAddr::V6(Ipv6Addr::LOCALHOST));
    assert_ne!(address.port(), 0);
}

// N-082
fn a_connected_port_has_the_address_that_it_sends_from(reactor: &Reactor) {
    let port = reactor.listen_udp(0, Speaker::unnoted()).unwrap();
    let number = port.socket_address().port();

    port.connect(&peer().local_addr().unwrap()).unwrap();

    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, number));
    assert_eq!(port.host(), Address::Udp(address));
}

// N-085
fn a_connected_port_sends_to_its_peer_only(reactor: &Reactor) {
    let (mine, other) = (peer(), peer());
    let (to, elsewhere) = (mine.local_addr().unwrap(), other.local_addr().unwrap());
    let port = listen_udp(reactor, Speaker::unnoted());
    port.connect(&to).unwrap();

    let refused = port.send_to(b"no", &elsewhere).unwrap_err();
    must_send(&*port, b"given again", &to);
    assert_eq!(port.send(b"or not").unwrap(), Delivery::Sent);

    assert!(matches!(
        &refused,
        DatagramError::OtherPeer { to: other, peer }
            if *other == Address::Udp(elsewhere) && *peer == Address::Udp(to)
    ));
    assert_eq!([next_of(&mine), next_of(&mine)], ["given again", "or not"]);
    other.set_nonblocking(true).unwrap();
    assert!(other.recv(&mut [0]).is_err());
}

// N-085
fn a_connected_port_receives_from_its_peer_only(reactor: &Reactor) {
    let (mine, other) = (peer(), peer());
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let port = listen_udp(
        reactor,
        Speaker::new("port", &log).on_datagram(move |_, _, _| stop()),
    );
    port.connect(&mine.local_addr().unwrap()).unwrap();
    other
        .send_to(b"not for you", port.socket_address())
        .unwrap();
    mine.send_to(b"for you", port.socket_address()).unwrap();

    run(reactor);

    log.assert(&["port started", "port got for you", "port stopped"]);
}

// N-085
fn a_port_connects_once(reactor: &Reactor) {
    let to = peer().local_addr().unwrap();
    let port = listen_udp(reactor, Speaker::unnoted());
    port.connect(&to).unwrap();

    let again = port.connect(&to).unwrap_err();

    assert!(matches!(&again, DatagramError::AlreadyConnected(peer) if *peer == Address::Udp(to)));
    assert_eq!(
        again.to_string(),
        format!("the port is already connected, to {to}")
    );
}

// N-085
fn without_a_peer_an_address_is_needed(reactor: &Reactor) {
    let port = listen_udp(reactor, Speaker::unnoted());

    let error = port.send(b"to whom?").unwrap_err();

    assert!(matches!(error, DatagramError::NotConnected));
}

// N-084
fn an_address_of_the_other_family_is_an_error(reactor: &Reactor) {
    let mine = peer();
    let v4 = mine.local_addr().unwrap();
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, 7));
    let is_about = |error: DatagramError, address| matches!(error, DatagramError::WrongFamily(it) if it == Address::Udp(address));

    let port = listen_udp(reactor, Speaker::unnoted());
    assert!(is_about(port.send_to(b"no", &v6).unwrap_err(), v6));
    assert!(is_about(port.connect(&v6).unwrap_err(), v6));
    must_send(&*port, b"still here", &v4);

    assert_eq!(next_of(&mine), "still here");
    if let Some(options) = any_v6() {
        let port = reactor
            .listen_udp_with(options, Speaker::unnoted())
            .unwrap();
        assert!(is_about(port.send_to(b"no", &v4).unwrap_err(), v4));
        assert!(is_about(port.connect(&v4).unwrap_err(), v4));
    }
}

// N-088
fn the_parts_of_a_sequence_go_out_as_one_datagram(reactor: &Reactor) {
    let mine = peer();
    let to = mine.local_addr().unwrap();
    let port = listen_udp(reactor, Speaker::unnoted());

    let first = port.send_vectored_to(&[b"one", b"", b"two"], &to).unwrap();
    port.connect(&to).unwrap();
    let second = port.send_vectored(&[b"three", b"four"]).unwrap();

    assert_eq!([first, second], [Delivery::Sent; 2]);
    assert_eq!([next_of(&mine), next_of(&mine)], ["onetwo", "threefour"]);
}

// N-088
fn a_datagram_that_is_too_long_is_an_error_and_the_next_one_goes_out(reactor: &Reactor) {
    let mine = peer();
    let to = mine.local_addr().unwrap();
    let port = listen_udp(reactor, Speaker::unnoted());

    let error = port.send_to(&[b'x'; 70_000], &to).unwrap_err();
    must_send(&*port, b"short", &to);

    assert!(matches!(error, DatagramError::TooLong(70_000)));
    assert_eq!(next_of(&mine), "short");
    assert_eq!(port.dropped(), 0);
}

/// How many bytes of datagrams of these sizes arrive.
fn received(reactor: &Reactor, options: UdpOptions, sizes: &[usize]) -> Vec<usize> {
    let (lens, stop) = (
        Rc::new(RefCell::new(Vec::new())),
        stop_at_call(sizes.len(), reactor),
    );
    let noted = Rc::clone(&lens);
    let protocol = Speaker::unnoted().on_datagram(move |_, data, _| {
        noted.borrow_mut().push(data.len());
        assert!(data.iter().all(|&byte| byte == b'x'));
        stop();
    });
    let port = reactor.listen_udp_with(options, protocol).unwrap();
    let peer = peer();
    for &size in sizes {
        peer.send_to(&vec![b'x'; size], port.socket_address())
            .unwrap();
    }

    run(reactor);

    lens.take()
}

// N-088
fn a_datagram_longer_than_the_limit_is_cut(reactor: &Reactor) {
    let lens = received(reactor, local().max_packet_size(10), &[9, 10, 11, 1000, 3]);

    assert_eq!(lens, [9, 10, 10, 10, 3]);
}

// N-088
fn the_limit_is_8192_bytes_unless_set(reactor: &Reactor) {
    let lens = received(reactor, local(), &[8192, 8193, 20_000]);

    assert_eq!(lens, [8192, 8192, 8192]);
}

// N-088
fn the_largest_datagram_arrives_whole(reactor: &Reactor) {
    const LARGEST: usize = 65_507;

    let lens = received(reactor, local().max_packet_size(70_000), &[LARGEST]);

    assert_eq!(lens, [LARGEST]);
}

/// Counts what it gets until something else is called.
struct Count(Rc<Cell<usize>>);

impl DatagramProtocol for Count {
    fn datagram_received(&mut self, _: &Rc<UdpPort>, _: &[u8], _: &SocketAddr) {
        self.0.set(self.0.get() + 1);
    }
}

// N-031
fn one_turn_reads_a_bounded_number_of_datagrams(reactor: &Reactor) {
    const SENT: usize = 150;
    let (so_far, seen) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(Vec::new())));
    let port = listen_udp(reactor, Count(Rc::clone(&so_far)));
    let peer = peer();
    for _ in 0..SENT {
        peer.send_to(b"x", port.socket_address()).unwrap();
    }
    fn watch(reactor: &Reactor, so_far: Rc<Cell<usize>>, seen: Rc<RefCell<Vec<usize>>>) {
        reactor.call_later(std::time::Duration::ZERO, move |reactor| {
            seen.borrow_mut().push(so_far.get());
            if so_far.get() == SENT {
                stop_soon(reactor);
            } else {
                watch(reactor, so_far, seen);
            }
        });
    }
    watch(reactor, so_far, Rc::clone(&seen));

    run(reactor);

    let mut steps = seen.take();
    steps.dedup();
    assert_eq!(steps, [0, 100, 150]);
}

// N-081
fn a_port_keeps_as_many_bytes_as_it_asked_for(reactor: &Reactor) {
    let reports = Reports::collected();
    let small = local().receive_buffer_size(4096);
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let port = reactor
        .listen_udp_with(
            small,
            Speaker::new("port", &log).on_datagram(move |_, _, _| stop()),
        )
        .unwrap();
    let peer = peer();
    // Each counts for more than its length, so that the system has no room for all of these, and loses the rest.
    for _ in 0..100 {
        match peer.send_to(&[b'x'; 1000], port.socket_address()) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.raw_os_error(), Some(Errno::NOBUFS.raw_os_error())),
        }
    }

    run(reactor);

    let got = log.count(&format!("port got {}", "x".repeat(1000)));
    assert!((1..100).contains(&got), "{got}");
    reports.assert(&[]);
}
