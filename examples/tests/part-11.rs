//! The server of part 11, run as a user runs it, with plain sockets for netcat.

#[allow(dead_code, reason = "what one part needs is not what another does")]
mod common;
#[path = "common/netcat.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod netcat;
#[path = "common/servers.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod servers;

use std::fs;
use std::io::Read;
use std::net::SocketAddr;

use common::{Program, poem_file, run, serve};
use netcat::{connect, interrupt, rest_of};
use protocols::reactor::backend;
use servers::{listen, reset};

const FASTPOETRY: &str = env!("CARGO_BIN_EXE_fastpoetry");
const SLOW: &str = env!("CARGO_BIN_EXE_fastpoetry-slow");
const LAMP: &str = "poems/lamp.txt";

#[test]
fn a_poem_arrives_byte_for_byte_on_every_backend() {
    for name in backend::NAMES {
        let (server, address) = serve(FASTPOETRY, &["--backend", name, LAMP]);

        assert_eq!(rest_of(connect(address)), fs::read(LAMP).unwrap());
        assert_eq!(interrupt(server), "", "{name}");
    }
}

#[test]
fn any_file_is_a_poem() {
    let bytes: Vec<u8> = (0..=255).cycle().take(1_000_000).collect();
    for poem in [&b""[..], &bytes] {
        let file = poem_file("any_fast_file", poem);
        let (_server, address) = serve(FASTPOETRY, &[&file]);

        assert!(rest_of(connect(address)) == poem);
    }
}

#[test]
fn clients_that_do_not_read_or_go_away_keep_no_one_waiting() {
    // More than the system takes at once.
    let poem = vec![b'o'; 10_000_000];
    let file = poem_file("no_one_waits", &poem);
    let (server, address) = serve(FASTPOETRY, &[&file]);

    let idle: Vec<_> = (0..20).map(|_| connect(address)).collect();
    let mut leaving = connect(address);
    leaving.read_exact(&mut [0; 10]).unwrap();
    reset(leaving);
    assert!(rest_of(connect(address)) == poem);
    for client in idle {
        assert!(rest_of(client) == poem);
    }

    assert_eq!(interrupt(server), "");
}

#[test]
fn a_slow_poem_arrives_byte_for_byte_on_every_backend() {
    let bytes: Vec<u8> = (0..=255).cycle().take(10_000).collect();
    let file = poem_file("slow_file", &bytes);
    for name in backend::NAMES {
        let args = [
            "--delay=0.0001",
            "--num-bytes=999",
            "--backend",
            name,
            &file,
        ];
        let (server, address) = serve(SLOW, &args);

        assert!(rest_of(connect(address)) == bytes, "{name}");
        assert_eq!(interrupt(server), "", "{name}");
    }

    let nothing = poem_file("slow_nothing", b"");
    let (_server, address) = serve(SLOW, &[&nothing]);
    assert_eq!(rest_of(connect(address)), b"");
}

#[test]
fn the_first_piece_of_a_slow_poem_comes_at_once_to_everyone() {
    let (server, address) = serve(SLOW, &["--delay=86400", LAMP]);
    let lamp = fs::read(LAMP).unwrap();

    for _ in 0..3 {
        let mut client = connect(address);
        let mut piece = [0; 10];
        client.read_exact(&mut piece).unwrap();
        assert_eq!(piece, lamp[..10]);
        // It leaves before the poem is whole.
        reset(client);
    }

    assert_eq!(interrupt(server), "");
}

#[test]
fn a_piece_is_a_number_of_bytes() {
    for bad in ["0", "abc", "-1", "1.5"] {
        let right = "a piece is a whole number of bytes from 1 up";
        run(SLOW, &["--num-bytes", bad, LAMP]).assert_refused("fastpoetry-slow", right);
    }
}

#[test]
fn the_first_line_names_the_poem_and_the_address() {
    let server = Program::start(FASTPOETRY, &["--iface", "localhost", LAMP]);

    let line = server.line();

    let address = line.strip_prefix("Serving poems/lamp.txt on ").unwrap();
    let address: SocketAddr = address.strip_suffix('.').unwrap().parse().unwrap();
    assert!(address.ip().is_loopback());
}

#[test]
fn the_reactors_clients_understand_the_reactors_server() {
    let (_server, address) = serve(FASTPOETRY, &[LAMP]);
    for client in [
        env!("CARGO_BIN_EXE_client-1"),
        env!("CARGO_BIN_EXE_client-4"),
        env!("CARGO_BIN_EXE_get-poetry"),
    ] {
        let ended = run(client, &[address.to_string()]);

        assert_eq!(ended.code, 0, "{}", ended.errors);
        let is_silent = ended.output.starts_with(b"Task 1");
        assert!(is_silent || ended.output == fs::read(LAMP).unwrap());
    }
}

#[test]
fn a_file_whose_name_is_two_lines_is_refused_in_one() {
    run(FASTPOETRY, &["two\nlines"])
        .assert_refused("fastpoetry", "; a poem is a file that you may read");
}

#[test]
fn an_address_that_cannot_be_listened_on_is_told_in_one_line() {
    let taken = listen();
    let port = taken.local_addr().unwrap().port().to_string();
    let right = "; --iface is a name or an address of this machine";

    let refused = |args: &[&str], part| {
        let ended = run(FASTPOETRY, &[args, &[LAMP]].concat());
        ended.assert_refused("fastpoetry", part);
    };
    refused(&["--iface", ""], right);
    // This address is set apart for documentation: no machine has it.
    refused(&["--iface", "192.0.2.1"], right);
    // A name may have parts of 63 letters, so that no one needs to be asked about this one.
    refused(&["--iface", &"x".repeat(64)], right);
    refused(&["--port", &port], "; --port 0 takes one that is free");
}
