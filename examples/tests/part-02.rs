//! The clients of part 2, run as a user runs them: the one that blocks, and the one with a loop of its own.

#[path = "common/clients.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod clients;
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod common;
#[path = "common/servers.rs"]
mod servers;

use std::io::Write;
use std::net::TcpListener;
use std::time::Duration;

use clients::{assert_got, finished, piece, poem, start, text};
use common::{poem_file, run, serve};
use rustix::process::Signal;
use servers::{accept, address_of, finish, is_asked, listen, refusing, reset};

const BLOCKING: &str = env!("CARGO_BIN_EXE_blocking-client");
const ASYNC: &str = env!("CARGO_BIN_EXE_async-client");
const SLOWPOETRY: &str = env!("CARGO_BIN_EXE_slowpoetry");

#[test]
fn the_blocking_client_asks_for_a_poem_when_it_has_the_one_before() {
    let (one, two) = (listen(), listen());
    let (first, second) = (address_of(&one), address_of(&two));
    let client = start(BLOCKING, &[&first, &second]);

    assert_eq!(client.line(), format!("Task 1: get poetry from: {first}"));
    let mut poem = accept(&one);
    poem.write_all(b"The first ").unwrap();
    assert!(!is_asked(&two, Duration::ZERO));
    finish(poem, b"poem\n");
    let got = format!("Task 1: got 15 bytes of poetry from {first} in 0:00:0");
    assert!(client.line().starts_with(&got));

    assert_eq!(client.line(), format!("Task 2: get poetry from: {second}"));
    finish(accept(&two), "Noël\n".as_bytes());
    let got = format!("Task 2: got 6 bytes of poetry from {second} in 0:00:0");
    assert!(client.line().starts_with(&got));
    assert_got(&client.end(), 0, "", &[], 2);
}

#[test]
fn the_blocking_clients_total_is_the_sum_of_its_tasks() {
    let (_server, address) = serve(SLOWPOETRY, &["--delay=0.01", "poems/lamp.txt"]);
    let address = address.to_string();

    let ended = run(BLOCKING, &[&address, &address]);

    let times: Vec<u64> = text(&ended).lines().filter_map(micros).collect();
    let [first, second, total] = times[..] else {
        panic!("three lines have a time: {}", text(&ended));
    };
    // Each of them leaves out what is less than a microsecond.
    assert!((first + second..=first + second + 1).contains(&total));
}

#[test]
fn a_server_that_refuses_costs_the_blocking_client_its_own_poem_only() {
    let (_socket, refusing) = refusing();
    let other = listen();
    let server = address_of(&other);
    let client = start(BLOCKING, &[&refusing, &server]);

    assert_eq!(
        client.line(),
        format!("Task 1: get poetry from: {refusing}")
    );
    assert_eq!(client.line(), format!("Task 2: get poetry from: {server}"));
    finish(accept(&other), b"a poem\n");
    assert!(client.line().starts_with(&piece(2, 7, &server)));

    let ended = client.end();
    let why = format!("Task 1: no poetry from {refusing}: Connection refused");
    assert!(ended.errors.starts_with(&why), "{}", ended.errors);
    assert_eq!((ended.code, ended.errors.lines().count()), (1, 1));
    assert!(text(&ended).starts_with("Got 1 poems in 0:00:"));
}

#[test]
fn a_server_that_resets_the_connection_costs_the_blocking_client_its_own_poem_only() {
    let (resetting, other) = (listen(), listen());
    let server = address_of(&resetting);
    let client = start(BLOCKING, &[&server, &address_of(&other)]);

    let mut half = accept(&resetting);
    half.write_all(b"half a po").unwrap();
    reset(half);
    finish(accept(&other), b"a poem\n");

    let ended = client.end();
    let why = format!("Task 1: no poetry from {server}: ");
    assert!(ended.errors.starts_with(&why), "{}", ended.errors);
    assert_eq!((ended.code, ended.errors.lines().count()), (1, 1));
    assert!(text(&ended).contains("\nGot 1 poems in 0:00:"));
}

#[test]
fn the_async_client_takes_each_piece_as_it_comes() {
    let (one, two) = (listen(), listen());
    let (first, second) = (address_of(&one), address_of(&two));
    let client = start(ASYNC, &[&first, &second]);
    let (mut one, mut two) = (accept(&one), accept(&two));

    two.write_all(b"I begin, ").unwrap();
    assert_eq!(client.line(), piece(2, 9, &second));
    one.write_all(b"and I fol").unwrap();
    assert_eq!(client.line(), piece(1, 9, &first));
    finish(one, b"low\n");
    assert_eq!(client.line(), piece(1, 4, &first));
    assert_eq!(client.line(), finished(1));
    finish(two, b"so long\n");
    assert_eq!(client.line(), piece(2, 8, &second));
    assert_eq!(client.line(), finished(2));

    assert_got(&client.end(), 0, "", &[poem(1, 13), poem(2, 17)], 2);
}

#[test]
fn the_async_client_reads_a_long_poem_little_by_little() {
    let file = poem_file("async_long", &[b'o'; 100_000]);
    let (_server, address) = serve(SLOWPOETRY, &["--delay=0", "--num-bytes=100000", &file]);

    let ended = run(ASYNC, &[address.to_string()]);

    assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
    assert!(text(&ended).contains(&format!("\n{}\nGot 1 poems in ", poem(1, 100_000))));
    assert!(text(&ended).lines().count() > 100_000 / 1024);
}

#[test]
fn an_empty_poem_is_a_poem() {
    for (program, lines) in [
        (BLOCKING, &["get poetry", "got 0 bytes"][..]),
        (ASYNC, &["finished", "0 bytes"]),
    ] {
        let listener = listen();
        let client = start(program, &[&address_of(&listener)]);

        finish(accept(&listener), b"");

        for part in lines {
            assert!(client.line().contains(part));
        }
        assert_got(&client.end(), 0, "", &[], 1);
    }
}

#[test]
fn a_server_that_refuses_ends_the_async_client() {
    let (_socket, refusing) = refusing();
    let other = listen();

    let ended = run(ASYNC, &[&address_of(&other), &refusing]);

    let why = format!("Task 2: no poetry from {refusing}: Connection refused");
    assert!(ended.errors.starts_with(&why), "{}", ended.errors);
    assert_eq!((ended.code, text(&ended)), (1, ""));
}

#[test]
fn a_server_that_resets_the_connection_costs_the_async_client_its_own_poem_only() {
    let (resetting, other) = (listen(), listen());
    let servers = [address_of(&resetting), address_of(&other)];
    let client = start(ASYNC, &[&servers[0], &servers[1]]);
    let (mut half, other) = (accept(&resetting), accept(&other));

    half.write_all(b"half a po").unwrap();
    assert_eq!(client.line(), piece(1, 9, &servers[0]));
    reset(half);
    finish(other, b"a poem\n");

    let ended = client.end();
    let why = format!("Task 1: no poetry from {}: ", servers[0]);
    assert!(ended.errors.starts_with(&why), "{}", ended.errors);
    assert_eq!((ended.code, ended.errors.lines().count()), (1, 1));
    assert!(text(&ended).contains(&format!("{}\nGot 1 poems in ", poem(2, 7))));
}

#[test]
fn a_host_may_be_a_name_or_an_ipv6_address() {
    let listen = |host: &str| TcpListener::bind((host, 0));
    for (host, shown) in [("localhost", "localhost"), ("::1", "[::1]")] {
        let Ok(listener) = listen(host) else {
            println!("not tested, this machine has no {host}");
            continue;
        };
        for program in [BLOCKING, ASYNC] {
            let server = format!("{shown}:{}", listener.local_addr().unwrap().port());
            let client = start(program, &[&server]);

            finish(accept(&listener), b"a poem\n");

            let ended = client.end();
            assert!(
                text(&ended).contains(&piece(1, 7, &server)),
                "{}",
                text(&ended)
            );
            assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
        }
    }
}

#[test]
fn a_silent_server_is_waited_for_until_ctrl_c() {
    for program in [BLOCKING, ASYNC] {
        let (client, _silent) = clients::half_way(program, &[]);
        // By then it waits, or is about to.
        client.line();

        client.signal(Signal::INT);
        let ended = client.end();

        assert_eq!(
            (ended.code, text(&ended), ended.errors.as_str()),
            (130, "", "")
        );
    }
}

#[test]
fn an_output_that_no_one_reads_to_its_end_ends_the_program_quietly() {
    let file = poem_file("part_02_head", &[b'o'; 1_000_000]);
    let (_server, address) = serve(SLOWPOETRY, &["--delay=0", "--num-bytes=1000", &file]);

    for program in [BLOCKING, ASYNC] {
        clients::assert_ends_quietly_when_no_one_reads(program, &[&address.to_string()]);
    }
}

/// The time at the end of a line.
fn micros(line: &str) -> Option<u64> {
    let (_, time) = line.split_once(" in ")?;
    let mut parts = time.split([':', '.']).map(|part| part.parse::<u64>().ok());
    let (hours, minutes) = (parts.next()??, parts.next()??);
    let (seconds, micros) = (parts.next()??, parts.next()??);
    Some(((hours * 60 + minutes) * 60 + seconds) * 1_000_000 + micros)
}
