//! Protocols behind a balancer that says in whose name it connects.

mod common;
#[path = "common/recording.rs"]
mod recording;

use std::cell::RefCell;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, Shutdown};
use std::rc::Rc;
use std::slice;

use common::{
    Bytes, Kept, Log, Reports, Script, lose_write, on_every_backend, peer_of, read_all, run,
    stop_at_call,
};
use proptest::prelude::*;
use protocols::proxy::{BehindProxy, Proxied};
use protocols::reactor::Reactor;
use protocols::testing::{Producing, StrictPushProducer, StringConnection, StringTransport};
use protocols::{
    Address, Factory, Flow, ListenOptions, Port, Producer, Protocol, ReactorTcp, Transport,
    UnixAddress,
};
use recording::pieces;

on_every_backend!(
    the_peer_of_a_connection_of_tcp_is_the_client,
    a_connection_of_tcp_without_a_header_is_reset,
    a_header_that_ends_half_way_ends_the_connection,
);

const LINE: &[u8] = b"PROXY TCP4 203.0.113.7 198.51.100.1 56324 443\r\n";
const LINE_OF_IPV6: &[u8] = b"PROXY TCP6 2001:db8::7 2001:db8::1 56324 443\r\n";
const CLIENT: &str = "203.0.113.7:56324";
const SERVER: &str = "198.51.100.1:443";

/// The addresses of a [`StringTransport`].
const SOCKET: [&str; 2] = ["192.0.2.2:12345", "192.0.2.1:54321"];

/// A header of version 2.
fn block(command: u8, form: u8, addresses: &[u8]) -> Vec<u8> {
    let length = u16::try_from(addresses.len()).unwrap().to_be_bytes();
    let signature = b"\r\n\r\n\0\r\nQUIT\n";
    [&signature[..], &[command, form], &length, addresses].concat()
}

/// A header of version 2 for two UNIX sockets.
fn unix_block(source: &str, destination: &str) -> Vec<u8> {
    let mut names = [0; 216];
    names[..source.len()].copy_from_slice(source.as_bytes());
    names[108..][..destination.len()].copy_from_slice(destination.as_bytes());
    block(0x21, 0x31, &names)
}

type Connection = StringConnection<Proxied<<Script as Factory>::Protocol>>;

/// A connection from a balancer to the protocol of this script.
fn connection(script: Script) -> Connection {
    let transport = StringTransport::new();
    let factory = Rc::new(BehindProxy::new(Rc::new(script)));
    let protocol = factory.build_protocol(&transport.peer());
    StringConnection::on(transport, protocol.expect("scripts decline nothing"))
}

/// A connection, and the transport that its protocol has.
fn kept_connection() -> (Connection, Rc<dyn Transport>) {
    let kept = Kept::default();
    let keep = kept.clone();
    let connection = connection(Script::unnoted().on_made(move |transport| keep.keep(transport)));
    (connection, kept.get())
}

fn ends(transport: &Rc<dyn Transport>) -> [String; 2] {
    [transport.peer(), transport.host()].map(|end| end.to_string())
}

// P-045
#[test]
fn before_the_header_the_addresses_are_those_of_the_socket() {
    let (connection, transport) = kept_connection();
    assert_eq!(ends(&transport), SOCKET);

    connection.receive(&LINE[..LINE.len() - 1]);

    assert_eq!(ends(&transport), SOCKET);
    assert!(!connection.is_over());
}

// P-045
#[test]
fn after_a_line_the_addresses_are_those_in_it() {
    for (line, client, server) in [
        (LINE, CLIENT, SERVER),
        (LINE_OF_IPV6, "[2001:db8::7]:56324", "[2001:db8::1]:443"),
    ] {
        let (connection, transport) = kept_connection();

        connection.receive(line);

        assert_eq!(ends(&transport), [client, server]);
    }
}

// P-045
#[test]
fn after_a_block_the_addresses_are_those_in_it() {
    let ipv4 = b"\xcb\0\x71\x07\xc6\x33\x64\x01\xdc\x04\x01\xbb";
    let (connection, transport) = kept_connection();

    connection.receive(&block(0x21, 0x11, ipv4));

    assert_eq!(ends(&transport), [CLIENT, SERVER]);
}

// P-045
#[test]
fn after_a_block_of_unix_sockets_the_addresses_are_their_names() {
    let (connection, transport) = kept_connection();

    connection.receive(&unix_block("/run/client", "/run/server"));

    let name = |path: &str| Address::from(UnixAddress::from(path));
    assert_eq!(transport.peer(), name("/run/client"));
    assert_eq!(transport.host(), name("/run/server"));
}

// P-048, P-050
#[test]
fn a_header_without_addresses_keeps_those_of_the_socket() {
    let headers = [
        b"PROXY UNKNOWN\r\n".to_vec(),
        block(0x20, 0x11, &[1; 12]),
        block(0x21, 0x00, b""),
    ];
    for header in headers {
        let log = Log::default();
        let connection = connection(Script::new("server", &log).on_data(|transport, _| {
            assert_eq!(ends(transport), SOCKET);
        }));

        connection.receive(&header);
        connection.receive(b"hello");

        log.assert(&["server built", "server made", "server data hello"]);
    }
}

// P-046
#[test]
fn what_follows_the_header_goes_to_the_protocol_with_the_addresses_known() {
    let chunks: [&[&[u8]]; 4] = [
        &[LINE, b"hello"],
        &[&[LINE, b"hello"].concat()],
        &[&LINE[..20], &[&LINE[20..], b"hello"].concat()],
        &[&[LINE, b"hel"].concat(), b"lo"],
    ];
    for chunks in chunks {
        let bytes = Bytes::default();
        let taken = bytes.clone();
        let connection = connection(Script::unnoted().on_data(move |transport, data| {
            assert_eq!(ends(transport), [CLIENT, SERVER]);
            taken.add(data);
        }));

        for chunk in chunks {
            connection.receive(chunk);
        }

        assert_eq!(bytes.take(), b"hello");
    }
}

// P-046
#[test]
fn a_second_header_is_for_the_protocol() {
    let log = Log::default();
    let connection = connection(Script::new("server", &log));

    connection.receive(LINE);
    connection.receive(b"PROXY UNKNOWN");

    assert_eq!(log.count("server data PROXY UNKNOWN"), 1);
}

// P-047
#[test]
fn a_bad_header_ends_the_connection_and_nothing_of_it_is_delivered() {
    let headers = [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        b"PROXY TCP4 203.0.113.7\r\nhello".to_vec(),
        block(0x31, 0x11, &[1; 12]),
    ];
    for header in headers {
        let log = Log::default();
        let connection = connection(Script::new("server", &log));

        connection.receive(&header);

        assert!(connection.is_over());
        log.assert(&[
            "server built",
            "server made",
            "server lost ConnectionAborted",
        ]);
    }
}

// P-047
#[test]
fn part_of_a_header_that_cannot_become_a_good_one_ends_the_connection() {
    let chunks: [[&[u8]; 2]; 3] = [
        [b"PRO", b"F"],
        [b"PROXY TCP4 203.0.", b"113.256 "],
        [b"\r\n\r\n\0\r\nQUIT\n", b"\x11"],
    ];
    for [good, bad] in chunks {
        let connection = connection(Script::unnoted());

        connection.receive(good);
        assert!(!connection.is_over());
        connection.receive(bad);

        assert!(connection.is_over());
    }
}

// P-047
#[test]
fn neither_a_producer_nor_what_was_written_keeps_a_connection_with_a_bad_header() {
    let connection = connection(Script::unnoted().on_made(|transport| {
        transport.write(b"welcome");
        let producer = Producer::Push(StrictPushProducer::new());
        transport.register_producer(producer).unwrap();
    }));

    connection.receive(b"\n");

    assert!(connection.is_over());
    assert!(connection.transport().is_aborting());
}

// P-047
#[test]
fn a_transport_that_goes_on_after_a_bad_header_is_not_listened_to() {
    let log = Log::default();
    let factory = Rc::new(BehindProxy::new(Rc::new(Script::new("server", &log))));
    let transport: Rc<dyn Transport> = StringTransport::new();
    let mut protocol = factory.build_protocol(&transport.peer()).unwrap();
    protocol.connection_made(&transport);

    protocol.data_received(&transport, b"?");
    protocol.data_received(&transport, LINE);
    protocol.data_received(&transport, b"hello");

    log.assert(&["server built", "server made"]);
}

#[test]
fn a_protocol_may_write_and_close_before_the_header_has_come() {
    let log = Log::default();
    let connection = connection(Script::new("server", &log).on_made(|transport| {
        transport.write_vectored(&[b"too ", b"busy"]);
        transport.lose_connection();
    }));

    connection.receive(LINE);

    assert_eq!(connection.transport().value(), b"too busy");
    log.assert(&["server built", "server made", "server lost ConnectionDone"]);
}

#[test]
fn a_panic_in_what_comes_with_the_header_ends_the_connection_with_it() {
    let reports = Reports::collected();
    let log = Log::default();
    let connection = connection(Script::new("server", &log).on_data(|_, _| panic!("no")));

    connection.receive(&[LINE, b"hello"].concat());

    reports.assert_reasons(&["panic: no"]);
    assert_eq!(log.count("server lost panic: no"), 1);
}

#[test]
fn half_closing_passes_through_once_the_header_has_come() {
    let log = Log::default();
    let script = Script::new("server", &log).half_closeable(lose_write, |_| ());
    let connection = connection(script);
    connection.receive(LINE);

    connection.end_reading();

    assert!(connection.transport().is_half_closed());
    connection.with_protocol(|protocol, transport| {
        let protocol = protocol.half_closeable().expect("the one inside is");
        protocol.write_connection_lost(transport);
    });
    log.assert(&[
        "server built",
        "server made",
        "server read ended",
        "server write ended",
    ]);
}

// P-047
#[test]
fn a_half_closed_connection_does_not_wait_for_the_rest_of_a_header() {
    let log = Log::default();
    let script = Script::new("server", &log).half_closeable(|_| (), |_| ());
    let connection = connection(script);
    connection.receive(&LINE[..20]);

    connection.end_reading();

    log.assert(&[
        "server built",
        "server made",
        "server lost ConnectionAborted",
    ]);
}

#[test]
fn a_protocol_that_is_not_half_closeable_is_none_behind_a_balancer() {
    let log = Log::default();
    let connection = connection(Script::new("server", &log));

    connection.end_reading();

    log.assert(&["server built", "server made", "server lost ConnectionDone"]);
}

#[test]
fn descriptors_pass_through_to_a_protocol_that_wants_them() {
    let has_receiver = |connection: &Connection| {
        connection.with_protocol(|protocol, _| protocol.descriptor_receiver().is_some())
    };
    assert_eq!(has_receiver(&connection(Script::unnoted())), Some(false));

    let log = Log::default();
    let connection = connection(Script::new("server", &log).on_descriptor(|transport, _| {
        assert_eq!(ends(transport), [CLIENT, SERVER]);
    }));
    connection.receive(LINE);
    connection.with_protocol(|protocol, transport| {
        let receiver = protocol.descriptor_receiver().expect("the one inside is");
        let file = File::open("/dev/null").unwrap();
        receiver.descriptor_received(transport, file.into());
    });

    log.assert(&["server built", "server made", "server descriptor"]);
}

/// Notes who the peer is whenever it is woken.
struct Sleeper(Rc<RefCell<Vec<String>>>);

impl Protocol for Sleeper {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        transport.wake();
    }

    fn data_received(&mut self, transport: &Rc<dyn Transport>, _data: &[u8]) {
        transport.wake();
    }

    fn woken(&mut self, transport: &Rc<dyn Transport>) {
        self.0.borrow_mut().push(transport.peer().to_string());
    }
}

impl Factory for Sleeper {
    type Protocol = Self;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Self> {
        Some(Self(Rc::clone(&self.0)))
    }

    fn log_prefix(&self) -> String {
        "Sleepers".to_owned()
    }
}

#[test]
fn a_protocol_is_woken_before_and_after_the_header() {
    let woken = Rc::default();
    let factory = Rc::new(BehindProxy::new(Rc::new(Sleeper(Rc::clone(&woken)))));
    let transport = StringTransport::new();
    let protocol = factory.build_protocol(&transport.peer()).unwrap();

    let connection = StringConnection::on(transport, protocol);
    connection.receive(&[LINE, b"hello"].concat());

    assert_eq!(woken.take(), [SOCKET[0], CLIENT]);
}

#[test]
fn the_factory_and_the_protocol_are_called_what_those_inside_are() {
    let factory = Rc::new(BehindProxy::new(Rc::new(Sleeper(Rc::default()))));
    let protocol = factory
        .build_protocol(&UnixAddress::Unnamed.into())
        .unwrap();

    assert_eq!(factory.log_prefix(), "Sleepers");
    assert_eq!(protocol.log_prefix(), "Sleeper (Proxied)");
    assert_eq!(
        format!("{factory:?}, {protocol:?}"),
        "BehindProxy(Sleeper), Proxied(Sleeper)"
    );
    assert!(!factory.is_quiet());
}

#[test]
fn a_factory_that_declines_is_heard() {
    let script = Script::unnoted().on_build(|balancer| balancer.ip().is_none());
    let factory = Rc::new(BehindProxy::new(Rc::new(script)));

    assert!(
        factory
            .build_protocol(&StringTransport::new().peer())
            .is_none()
    );
}

#[test]
fn all_that_is_asked_of_the_transport_passes_through() {
    let (connection, transport) = kept_connection();
    let beneath = connection.transport();
    assert!(transport.abilities().half_close.is_some());
    assert_eq!(
        transport.describe(),
        (Rc::clone(beneath) as Rc<dyn Transport>).describe()
    );
    connection.receive(LINE);
    assert!(transport.describe().ends_with(&format!(" for {CLIENT}")));

    transport.set_water_marks(3, 0);
    assert_eq!(transport.write(b"four"), Flow::Full);
    transport.pause_producing();
    assert_eq!(beneath.producing(), Producing::Paused);
    transport.resume_producing();
    assert_eq!(beneath.producing(), Producing::On);
    let producer = Producer::Push(StrictPushProducer::new());
    transport.register_producer(producer).unwrap();
    assert!(beneath.producer().is_some());
    transport.unregister_producer();
    assert!(beneath.producer().is_none());
    transport.lose_connection_within(common::LIMIT);
    assert_eq!(beneath.limit(), Some(common::LIMIT));
}

/// What a connection has delivered, from whom to whom, and whether it is over, which no panic may be the reason of.
fn outcome(chunks: &[Vec<u8>]) -> (Vec<u8>, [String; 2], bool) {
    let reports = Reports::collected();
    let (bytes, kept) = (Bytes::default(), Kept::default());
    let (taken, keep) = (bytes.clone(), kept.clone());
    let script = Script::unnoted()
        .on_made(move |transport| keep.keep(transport))
        .on_data(move |_, data| taken.add(data));
    let connection = connection(script);
    for chunk in chunks {
        connection.receive(chunk);
    }
    reports.assert_reasons(&[]);
    (bytes.take(), ends(&kept.get()), connection.is_over())
}

/// The beginning of a connection: a header, often a good one, sometimes with one byte changed.
fn beginning() -> impl Strategy<Value = Vec<u8>> {
    let headers = prop::sample::select(vec![
        LINE.to_vec(),
        LINE_OF_IPV6.to_vec(),
        b"PROXY UNKNOWN whatever\r\n".to_vec(),
        block(0x20, 0x00, &[7; 300]),
        block(0x21, 0x11, &[7; 20]),
        unix_block("/a", "/b"),
    ]);
    let change = prop::option::of((any::<prop::sample::Index>(), any::<u8>()));
    (headers, change).prop_map(|(mut header, change)| {
        if let Some((at, byte)) = change {
            let at = at.index(header.len());
            header[at] = byte;
        }
        header
    })
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    // P-045, P-046, P-047
    #[test]
    fn how_the_bytes_are_cut_makes_no_difference(
        header in prop_oneof![4 => beginning(), 1 => prop::collection::vec(any::<u8>(), 0..20)],
        rest in prop::collection::vec(any::<u8>(), 0..60),
        lengths in prop::collection::vec(1..90_usize, 1..6),
    ) {
        let all = [header, rest].concat();

        let whole = outcome(slice::from_ref(&all));

        prop_assert_eq!(outcome(&pieces(&all, &lengths)), whole.clone());
        prop_assert_eq!(outcome(&pieces(&all, &[1])), whole);
    }
}

fn listen(reactor: &Reactor, script: Script) -> Port {
    let options = ListenOptions::new(0).interface(Ipv4Addr::LOCALHOST.into());
    let factory = BehindProxy::new(Rc::new(script));
    reactor
        .listen_tcp_with(options, Rc::new(factory))
        .expect("there is a free port")
}

// P-045, P-046
fn the_peer_of_a_connection_of_tcp_is_the_client(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log)
        .noting_use()
        .on_made(|transport| {
            assert!(transport.abilities().tcp.is_some());
            transport.write(b"who is there? ");
        })
        .on_data(|transport, _| {
            transport.write(transport.peer().to_string().as_bytes());
            transport.lose_connection();
        })
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    peer.write_all(&[LINE, b"me"].concat()).unwrap();

    run(reactor);

    let answer = read_all(&peer).unwrap();
    assert_eq!(answer, format!("who is there? {CLIENT}").as_bytes());
    log.assert(&[
        "server begins",
        "server built",
        "server made",
        "server data me",
        "server lost ConnectionDone",
        "server ends",
    ]);
}

// P-047
fn a_connection_of_tcp_without_a_header_is_reset(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let port = listen(
        reactor,
        Script::new("server", &log).on_lost(move |_| stop()),
    );
    let mut peer = peer_of(&port);
    peer.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();

    run(reactor);

    let error = read_all(&peer).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    log.assert(&[
        "server built",
        "server made",
        "server lost ConnectionAborted",
    ]);
}

// P-047
fn a_header_that_ends_half_way_ends_the_connection(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log)
        .half_closeable(|_| (), |_| ())
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    peer.write_all(&LINE[..LINE.len() - 1]).unwrap();
    peer.shutdown(Shutdown::Write).unwrap();

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server lost ConnectionAborted",
    ]);
}
