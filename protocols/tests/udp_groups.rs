//! Datagrams to many at once: broadcast and multicast.

mod common;
#[path = "common/datagrams.rs"]
mod datagrams;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::rc::Rc;

use common::{Log, on_every_backend, run, stop_at_call};
use datagrams::{Speaker, listen_udp, local, must_send, peer};
use protocols::datagram::{
    DatagramError, DatagramTransport, Delivery, JoinError, MulticastInterface, ReactorUdp,
    UdpOptions, UdpPort,
};
use protocols::deferred::Deferred;
use protocols::deferred::testing::success_result_of;
use protocols::reactor::Reactor;

on_every_backend!(
    broadcast_is_forbidden_until_it_is_allowed,
    a_datagram_to_everybody_goes_out_when_it_is_allowed,
    the_settings_of_multicast_are_as_they_should_be_at_first,
    the_settings_of_multicast_can_be_set_and_read_back,
    the_settings_of_multicast_can_be_set_and_read_back_on_ipv6,
    an_interface_of_the_other_family_is_an_error,
    a_member_of_a_group_gets_what_is_sent_to_it,
    two_members_on_one_machine_get_what_is_sent_to_their_group,
    a_port_that_is_in_no_group_gets_nothing_that_is_sent_to_one,
    a_group_can_be_left,
    an_ipv6_group_can_be_joined_and_left,
    an_address_that_is_no_group_cannot_be_joined,
    a_group_of_the_other_family_cannot_be_joined,
    a_group_can_be_joined_once_and_left_once,
    a_stopped_port_joins_nothing,
);

/// A group for this machine's use, of those that nobody else has.
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 17, 71);

/// The interface by which a machine speaks with itself.
const LOOPBACK: MulticastInterface = MulticastInterface::V4(Ipv4Addr::LOCALHOST);

/// What a Deferred that has fired already has fired with.
#[track_caller]
fn error_of(fired: Deferred<()>) -> Option<String> {
    let text = fired
        .map(|()| None)
        .add_errback(|failure| Ok(Some(failure.trap::<JoinError>()?.to_string())));
    success_result_of(text)
}

// N-090
fn broadcast_is_forbidden_until_it_is_allowed(reactor: &Reactor) {
    let port = listen_udp(reactor, Speaker::unnoted());

    let first = port.is_broadcast_allowed().unwrap();
    port.set_broadcast_allowed(true).unwrap();
    let second = port.is_broadcast_allowed().unwrap();
    port.set_broadcast_allowed(false).unwrap();

    assert_eq!([first, second], [false, true]);
    assert!(!port.is_broadcast_allowed().unwrap());
}

// N-090
fn a_datagram_to_everybody_goes_out_when_it_is_allowed(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let receiver = reactor
        .listen_udp(
            0,
            Speaker::new("port", &log).on_datagram(move |_, _, _| stop()),
        )
        .unwrap();
    // The broadcast address of the network that is this machine.
    let everybody = SocketAddr::from(([127, 255, 255, 255], receiver.socket_address().port()));
    let sender = listen_udp(reactor, Speaker::unnoted());
    assert!(sender.send_to(b"forbidden", &everybody).is_err());

    sender.set_broadcast_allowed(true).unwrap();
    must_send(&*sender, b"hello, all", &everybody);
    run(reactor);

    log.assert(&["port started", "port got hello, all", "port stopped"]);
}

// N-092
fn the_settings_of_multicast_are_as_they_should_be_at_first(reactor: &Reactor) {
    let port = reactor.listen_udp(0, Speaker::unnoted()).unwrap();

    assert_eq!(port.multicast_ttl().unwrap(), 1);
    assert!(port.multicast_loopback().unwrap());
    assert_eq!(
        port.multicast_interface().unwrap(),
        MulticastInterface::V4(Ipv4Addr::UNSPECIFIED)
    );
}

// N-092
fn the_settings_of_multicast_can_be_set_and_read_back(reactor: &Reactor) {
    let port = reactor.listen_udp(0, Speaker::unnoted()).unwrap();

    port.set_multicast_ttl(7).unwrap();
    port.set_multicast_loopback(false).unwrap();
    port.set_multicast_interface(LOOPBACK).unwrap();

    assert_eq!(port.multicast_ttl().unwrap(), 7);
    assert!(!port.multicast_loopback().unwrap());
    assert_eq!(port.multicast_interface().unwrap(), LOOPBACK);
}

/// A port that speaks IPv6, where the machine does.
fn listen_v6(reactor: &Reactor, protocol: Speaker) -> Option<Rc<UdpPort>> {
    if UdpSocket::bind((Ipv6Addr::LOCALHOST, 0)).is_err() {
        eprintln!("skipped: this machine has no IPv6");
        return None;
    }
    let options = UdpOptions::new(0).interface(Ipv6Addr::UNSPECIFIED.into());
    Some(reactor.listen_udp_with(options, protocol).unwrap())
}

// N-092
fn the_settings_of_multicast_can_be_set_and_read_back_on_ipv6(reactor: &Reactor) {
    let Some(port) = listen_v6(reactor, Speaker::unnoted()) else {
        return;
    };
    assert_eq!(port.multicast_ttl().unwrap(), 1);
    assert!(port.multicast_loopback().unwrap());
    assert_eq!(
        port.multicast_interface().unwrap(),
        MulticastInterface::V6(0)
    );

    port.set_multicast_ttl(7).unwrap();
    port.set_multicast_loopback(false).unwrap();
    port.set_multicast_interface(MulticastInterface::V6(1))
        .unwrap();

    assert_eq!(port.multicast_ttl().unwrap(), 7);
    assert!(!port.multicast_loopback().unwrap());
    assert_eq!(
        port.multicast_interface().unwrap(),
        MulticastInterface::V6(1)
    );
}

// N-092
fn an_interface_of_the_other_family_is_an_error(reactor: &Reactor) {
    let port = listen_udp(reactor, Speaker::unnoted());

    let error = port
        .set_multicast_interface(MulticastInterface::V6(1))
        .unwrap_err();

    assert!(matches!(error, DatagramError::Setting(_)));
    let group = IpAddr::V4(GROUP);
    assert_eq!(
        error_of(port.join_group_on(MulticastInterface::V6(1), group)),
        Some("239.255.17.71 or its interface is of another family than the port".to_owned())
    );
}

/// A port on all interfaces that has joined the group.
fn member(reactor: &Reactor, options: UdpOptions, protocol: Speaker) -> Rc<UdpPort> {
    let port = reactor.listen_udp_with(options, protocol).unwrap();
    assert_eq!(error_of(port.join_group_on(LOOPBACK, GROUP.into())), None);
    port
}

/// A port that sends to groups of this machine.
fn sender(reactor: &Reactor) -> Rc<UdpPort> {
    let port = reactor
        .listen_udp_with(local(), Speaker::unnoted())
        .unwrap();
    port.set_multicast_interface(LOOPBACK).unwrap();
    port
}

// N-092
fn a_member_of_a_group_gets_what_is_sent_to_it(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let protocol = Speaker::new("member", &log).on_datagram(move |_, _, _| stop());
    let member = member(reactor, UdpOptions::new(0), protocol);
    let group = SocketAddr::from((GROUP, member.socket_address().port()));

    must_send(&*sender(reactor), b"hello, group", &group);
    run(reactor);

    log.assert(&[
        "member started",
        "member got hello, group",
        "member stopped",
    ]);
}

// N-092
fn two_members_on_one_machine_get_what_is_sent_to_their_group(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(2, reactor));
    let protocol = |name| {
        let stop = stop.clone();
        Speaker::new(name, &log).on_datagram(move |_, _, _| stop())
    };
    // Taken by nobody else: the system may give ports that share their numbers the same one by chance.
    let number = peer().local_addr().unwrap().port();
    let options = UdpOptions::new(number).listen_with_others();
    member(reactor, options.clone(), protocol("first"));
    member(reactor, options, protocol("second"));

    must_send(&*sender(reactor), b"hello", &(GROUP, number).into());
    run(reactor);

    assert_eq!(log.count("first got hello"), 1);
    assert_eq!(log.count("second got hello"), 1);
}

// N-092
fn a_port_that_is_in_no_group_gets_nothing_that_is_sent_to_one(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let number = peer().local_addr().unwrap().port();
    let options = UdpOptions::new(number).listen_with_others();
    reactor
        .listen_udp_with(options.clone(), Speaker::new("other", &log))
        .unwrap();
    let protocol = Speaker::new("member", &log).on_datagram(move |_, _, _| stop());
    member(reactor, options, protocol);

    must_send(&*sender(reactor), b"hello", &(GROUP, number).into());
    run(reactor);

    log.assert(&[
        "other started",
        "member started",
        "member got hello",
        "other stopped",
        "member stopped",
    ]);
}

// N-092
fn a_group_can_be_left(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let protocol = Speaker::new("member", &log).on_datagram(move |_, _, _| stop());
    let member = member(reactor, UdpOptions::new(0), protocol);
    let (number, sender) = (member.socket_address().port(), sender(reactor));

    assert_eq!(
        error_of(member.leave_group_on(LOOPBACK, GROUP.into())),
        None
    );
    must_send(&*sender, b"to the group", &(GROUP, number).into());
    must_send(&*sender, b"to it", &(Ipv4Addr::LOCALHOST, number).into());
    run(reactor);

    log.assert(&["member started", "member got to it", "member stopped"]);
}

// N-092
fn an_ipv6_group_can_be_joined_and_left(reactor: &Reactor) {
    let Some(port) = listen_v6(reactor, Speaker::unnoted()) else {
        return;
    };
    let group = "ff02::1771".parse().unwrap();
    // The first interface is the one by which a machine speaks with itself.
    let first = MulticastInterface::V6(1);

    let joined = error_of(port.join_group_on(first, group));
    let left = error_of(port.leave_group_on(first, group));
    let again = error_of(port.leave_group_on(first, group));

    let refused = Some("cannot join or leave the group ff02::1771".to_owned());
    assert_eq!([joined, left, again], [None, None, refused]);
}

// N-093
fn an_address_that_is_no_group_cannot_be_joined(reactor: &Reactor) {
    let port = listen_udp(reactor, Speaker::unnoted());

    let error = error_of(port.join_group(Ipv4Addr::LOCALHOST.into()));

    assert_eq!(
        error.as_deref(),
        Some("127.0.0.1 is not a multicast address")
    );
}

// N-093
fn a_group_of_the_other_family_cannot_be_joined(reactor: &Reactor) {
    let port = listen_udp(reactor, Speaker::unnoted());
    let group = "ff02::1771".parse().unwrap();

    let error = error_of(port.join_group(group));

    let text = "ff02::1771 or its interface is of another family than the port";
    assert_eq!(error.as_deref(), Some(text));
}

// N-093
fn a_group_can_be_joined_once_and_left_once(reactor: &Reactor) {
    let (port, group) = (
        member(reactor, UdpOptions::new(0), Speaker::unnoted()),
        IpAddr::V4(GROUP),
    );

    let joined = error_of(port.join_group_on(LOOPBACK, group));
    let left = error_of(port.leave_group_on(LOOPBACK, group));
    let again = error_of(port.leave_group_on(LOOPBACK, group));

    let refused = Some("cannot join or leave the group 239.255.17.71".to_owned());
    assert_eq!([joined, left, again], [refused.clone(), None, refused]);
}

// N-093
fn a_stopped_port_joins_nothing(reactor: &Reactor) {
    let port = listen_udp(reactor, Speaker::unnoted());
    drop(port.stop_listening());

    let error = error_of(port.join_group(GROUP.into()));

    assert_eq!(error.as_deref(), Some("the port has stopped"));
    let sent = port.send_to(b"late", &SocketAddr::from((GROUP, 9)));
    assert!(!matches!(sent, Ok(Delivery::Sent | Delivery::Dropped)));
}
