//! The blocking server of part 2, run as a user runs it, with plain sockets for netcat.

mod common;

use std::fs;
use std::io::Read;
use std::net::{SocketAddr, TcpListener, TcpStream};

use common::{PATIENCE, Program, poem_file, run, serve};
use rustix::process::Signal;

const SLOWPOETRY: &str = env!("CARGO_BIN_EXE_slowpoetry");
const LAMP: &str = "poems/lamp.txt";

#[test]
fn a_poem_arrives_byte_for_byte() {
    let (_server, address) = serve(SLOWPOETRY, &["--delay", "0", LAMP]);

    assert_eq!(rest_of(connect(address)), fs::read(LAMP).unwrap());
}

#[test]
fn any_file_is_a_poem() {
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let file = poem_file("any_file", &bytes);
    let (_server, address) = serve(SLOWPOETRY, &["--delay=0", "--num-bytes=999", &file]);

    assert_eq!(rest_of(connect(address)), bytes);
}

#[test]
fn an_empty_poem_is_served_as_nothing() {
    let file = poem_file("empty", b"");
    let (server, address) = serve(SLOWPOETRY, &["--delay", "86400", &file]);

    let client = connect(address);
    let line = wants_poetry(&client);

    assert_eq!(rest_of(client), b"");
    assert_eq!(server.line(), line);
}

#[test]
fn the_server_tells_what_it_does() {
    let file = poem_file("tells", b"as slow as syrup, this one");
    let (server, address) = serve(SLOWPOETRY, &["--delay", "0.001", &file]);

    let client = connect(address);
    let line = wants_poetry(&client);
    rest_of(client);

    assert_eq!(server.line(), line);
    assert_eq!(server.line(), "Sending 10 bytes");
    assert_eq!(server.line(), "Sending 10 bytes");
    assert_eq!(server.line(), "Sending 6 bytes");
}

#[test]
fn the_first_line_names_the_poem_and_the_address() {
    let server = Program::start(SLOWPOETRY, &["--iface", "localhost", LAMP]);

    let line = server.line();

    let address = line.strip_prefix("Serving poems/lamp.txt on ").unwrap();
    let address: SocketAddr = address.strip_suffix('.').unwrap().parse().unwrap();
    assert!(address.ip().is_loopback());
}

#[test]
fn clients_are_served_one_after_the_other() {
    let args = ["--delay", "0", "--num-bytes", "400", LAMP];
    let (server, address) = serve(SLOWPOETRY, &args);

    let (first, second) = (connect(address), connect(address));
    let (first_line, second_line) = (wants_poetry(&first), wants_poetry(&second));
    let poems = (rest_of(first), rest_of(second));

    let lines: Vec<_> = (0..6).map(|_| server.line()).collect();
    let sending = ["Sending 400 bytes", "Sending 251 bytes"];
    let expected = [
        &[first_line.as_str()],
        &sending[..],
        &[second_line.as_str()],
        &sending[..],
    ];
    assert_eq!(lines, expected.concat());
    assert_eq!(poems.0, poems.1);
}

#[test]
fn a_client_that_goes_away_does_not_stop_the_server() {
    let file = poem_file("goes_away", &[b'o'; 1_000_000]);
    let (server, address) = serve(SLOWPOETRY, &["--delay", "0.001", &file]);

    let leaving = connect(address);
    let gone = format!("Somebody at {} went away: ", leaving.local_addr().unwrap());
    // A connection that is closed with something unread in it is reset.
    leaving.peek(&mut [0]).unwrap();
    drop(leaving);
    while !server.line().starts_with(&gone) {}

    let mut staying = connect(address);
    let mut piece = [0; 10];
    staying.read_exact(&mut piece).unwrap();
    assert_eq!(&piece, b"oooooooooo");
    assert_eq!(server.line(), wants_poetry(&staying));
}

#[test]
fn bad_usage_is_told_in_one_line() {
    let port = "a port is a number from 0 to 65535";
    let delay = "a delay is a number of seconds from 0 to 86400";
    let num_bytes = "a piece is a whole number of bytes from 1 up";

    assert_refused(&[], "<POEM-FILE>; Usage: slowpoetry [OPTIONS] <POEM-FILE>");
    assert_refused(
        &[LAMP, LAMP],
        "unexpected argument 'poems/lamp.txt' found; Usage: ",
    );
    assert_refused(
        &["--prot", "1", LAMP],
        "a similar argument exists: '--port'",
    );
    assert_refused(
        &["--port", "1", "--port", "2", LAMP],
        "multiple times; Usage: ",
    );
    assert_refused(&["--port"], "a value is required for '--port <N>'");
    for bad in ["abc", "", "-1", "65536", "1.5", "two\n\nlines"] {
        assert_refused(&["--port", bad, LAMP], port);
    }
    for bad in ["abc", "", "-1", "nan", "inf", "1e9", "1e999"] {
        assert_refused(&["--delay", bad, LAMP], delay);
    }
    for bad in ["abc", "", "-1", "0", "1.5", "99999999999999999999"] {
        assert_refused(&["--num-bytes", bad, LAMP], num_bytes);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_told_in_one_line() {
    let right = "; a poem is a file that you may read";

    assert_refused(&["poems/nowhere.txt"], right);
    assert_refused(&["poems"], right);
    assert_refused(&["two\nlines"], right);
}

#[test]
fn an_address_that_cannot_be_listened_on_is_told_in_one_line() {
    let right = "; --iface is a name or an address of this machine";
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();

    assert_refused(&["--iface", "", LAMP], right);
    // This address is set apart for documentation: no machine has it.
    assert_refused(&["--iface", "192.0.2.1", LAMP], right);
    // A name may have parts of 63 letters, so that no one needs to be asked about this one.
    assert_refused(&["--iface", &"x".repeat(64), LAMP], right);
    assert_refused(
        &["--port", &port, LAMP],
        "; --port 0 takes one that is free",
    );
}

#[test]
fn ctrl_c_ends_the_server() {
    let (server, _address) = serve(SLOWPOETRY, &[LAMP]);

    server.signal(Signal::INT);

    assert_eq!(server.end().code, 130);
}

#[test]
fn help_and_version_are_no_errors() {
    let help = run(SLOWPOETRY, &["--help"]);
    let text = String::from_utf8(help.output).unwrap();
    assert!(text.contains("Usage: slowpoetry [OPTIONS] <POEM-FILE>"));
    assert_eq!((help.code, help.errors.as_str()), (0, ""));

    let version = run(SLOWPOETRY, &["--version"]);
    assert!(version.output.starts_with(b"slowpoetry "));
    assert_eq!((version.code, version.errors.as_str()), (0, ""));
}

/// Checks that the program refuses these arguments in one line that has `part` in it.
#[track_caller]
fn assert_refused(args: &[&str], part: &str) {
    run(SLOWPOETRY, args).assert_refused("slowpoetry", part);
}

/// Connects as netcat would, but not to wait for ever.
fn connect(address: SocketAddr) -> TcpStream {
    let client = TcpStream::connect_timeout(&address, PATIENCE).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client
}

fn rest_of(mut client: TcpStream) -> Vec<u8> {
    let mut poem = Vec::new();
    client.read_to_end(&mut poem).unwrap();
    poem
}

/// The line with which the server welcomes this client.
fn wants_poetry(client: &TcpStream) -> String {
    format!("Somebody at {} wants poetry!", client.local_addr().unwrap())
}
