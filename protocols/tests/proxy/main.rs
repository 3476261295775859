//! Protocols behind a balancer that says in whose name it connects.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/recording.rs"]
mod recording;

mod balancer;
mod cutting;
mod passing;
mod refusing;
mod sockets;

use balancer::{
    CLIENT, LINE, LINE_OF_IPV6, SERVER, SOCKET, block, connection, ends, kept_connection,
    unix_block,
};
use common::{Bytes, Log, Script};
use protocols::{Address, UnixAddress};

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
