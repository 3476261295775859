//! The clients of part 5, run as a user runs them: protocols, and a factory that makes them.

#[path = "common/clients.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod clients;
mod common;
#[path = "common/servers.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod servers;

use std::io::{Read, Write};
use std::net::Shutdown;

use clients::{assert_got, piece, poem, start, text};
use common::{poem_file, run, serve};
use protocols::reactor::backend;
use rustix::process::Signal;
use servers::{accept, address_of, finish, listen, refusing, reset};

const CLIENT: &str = env!("CARGO_BIN_EXE_client-2");
const STACK: &str = env!("CARGO_BIN_EXE_client-2-stack");
const SIMPLE: &str = env!("CARGO_BIN_EXE_client-2-simple");
const TIMEOUT: &str = env!("CARGO_BIN_EXE_client-2-timeout");
const SLOWPOETRY: &str = env!("CARGO_BIN_EXE_slowpoetry");

const ALL: [&str; 4] = [CLIENT, STACK, SIMPLE, TIMEOUT];
/// Those that tell of each piece.
const TALKATIVE: [&str; 2] = [CLIENT, TIMEOUT];

#[test]
fn each_piece_is_taken_as_it_comes() {
    for program in TALKATIVE {
        for name in backend::NAMES {
            let (one, two) = (listen(), listen());
            let (first, second) = (address_of(&one), address_of(&two));
            let client = start(program, &["--backend", name, &first, &second]);
            let (mut one, mut two) = (accept(&one), accept(&two));

            // Tasks are numbered as the connections are made, which need not be as they were asked for.
            two.write_all(b"I begin, ").unwrap();
            let line = client.line();
            let last = if line == piece(2, 9, &second) { 2 } else { 1 };
            assert_eq!(line, piece(last, 9, &second));
            one.write_all(b"and I fol").unwrap();
            assert_eq!(client.line(), piece(3 - last, 9, &first));
            finish(one, b"low\n");
            assert_eq!(client.line(), piece(3 - last, 4, &first));
            finish(two, b"so long\n");
            assert_eq!(client.line(), piece(last, 8, &second));

            let mut poems = [poem(3 - last, 13), poem(last, 17)];
            poems.sort();
            assert_got(&client.end(), 0, "", &poems, 2);
        }
    }
}

#[test]
fn an_empty_poem_is_a_poem() {
    for program in TALKATIVE {
        let listener = listen();
        let client = start(program, &[&address_of(&listener)]);

        finish(accept(&listener), b"");

        assert_got(&client.end(), 0, "", &[poem(1, 0)], 1);
    }
}

#[test]
fn a_server_that_refuses_costs_its_own_poem_only() {
    for program in TALKATIVE {
        for name in backend::NAMES {
            let (_socket, refusing) = refusing();
            let other = listen();
            let server = address_of(&other);
            let client = start(program, &["--backend", name, &refusing, &server]);

            finish(accept(&other), b"a poem\n");

            let ended = client.end();
            assert_failed_to_connect(&ended.errors, &[&refusing]);
            let lines = [piece(1, 7, &server), poem(1, 7)];
            assert_got(&ended, 1, &ended.errors, &lines, 1);
        }
    }
}

#[test]
fn the_loop_stops_if_all_servers_refuse() {
    for program in ALL {
        let ((_one, first), (_two, second)) = (refusing(), refusing());

        let ended = run(program, &[&first, &second]);

        assert_failed_to_connect(&ended.errors, &[&first, &second]);
        assert_eq!(ended.code, 1);
    }
}

#[test]
fn a_server_that_resets_the_connection_costs_its_own_poem_only() {
    for program in TALKATIVE {
        for name in backend::NAMES {
            let (resetting, other) = (listen(), listen());
            let (first, second) = (address_of(&resetting), address_of(&other));
            let client = start(program, &["--backend", name, &first, &second]);
            let (mut half, other) = (accept(&resetting), accept(&other));

            half.write_all(b"half a po").unwrap();
            let line = client.line();
            let task = if line == piece(1, 9, &first) { 1 } else { 2 };
            assert_eq!(line, piece(task, 9, &first));
            reset(half);
            finish(other, b"a poem\n");

            let ended = client.end();
            let why = format!("Task {task}: no poetry from {first}: the connection was lost: ");
            assert!(ended.errors.starts_with(&why), "{}", ended.errors);
            let lines = [piece(3 - task, 7, &second), poem(3 - task, 7)];
            assert_got(&ended, 1, &ended.errors, &lines, 1);
        }
    }
}

#[test]
fn the_simple_client_prints_the_poems_in_the_order_in_which_they_are_complete() {
    for name in backend::NAMES {
        let (one, two) = (listen(), listen());
        let servers = [address_of(&one), address_of(&two)];
        let client = start(SIMPLE, &["--backend", name, &servers[0], &servers[1]]);
        let (mut one, mut two) = (accept(&one), accept(&two));

        // A piece may end in the middle of a letter.
        let (begin, end) = "Noël, and last\n".as_bytes().split_at(3);
        one.write_all(begin).unwrap();
        two.write_all(b"And I am done\n").unwrap();
        two.shutdown(Shutdown::Write).unwrap();
        // The client closes its side when it has all of it.
        assert_eq!(two.read(&mut [0]).unwrap(), 0);
        finish(one, end);

        let ended = client.end();
        assert_eq!(text(&ended), "And I am done\nNoël, and last\n", "{name}");
        assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
    }
}

#[test]
fn the_simple_client_prints_what_arrived_and_says_what_did_not() {
    let (_socket, refusing) = refusing();
    let (whole, broken) = (listen(), listen());
    let (first, second) = (address_of(&whole), address_of(&broken));
    let client = start(SIMPLE, &[&refusing, &first, &second]);

    let (mut whole, broken) = (accept(&whole), accept(&broken));
    // When the client has closed its side, it has long seen that the other connection stands too: one that
    // is reset before that has never been one.
    whole.write_all(b"a poem\n").unwrap();
    whole.shutdown(Shutdown::Write).unwrap();
    assert_eq!(whole.read(&mut [0]).unwrap(), 0);
    reset(broken);

    let ended = client.end();
    assert_eq!((ended.code, text(&ended)), (1, "a poem\n"));
    let lost = format!("Lost the connection to: {second}: the connection was lost: ");
    assert!(ended.errors.contains(&lost), "{}", ended.errors);
    assert!(
        ended
            .errors
            .contains(&format!("Failed to connect to: {refusing}: "))
    );
    assert_eq!(ended.errors.lines().count(), 2);
}

#[test]
fn the_stack_of_data_received_goes_by_do_read() {
    for name in backend::NAMES {
        let (client, _silent) = clients::half_way(STACK, &["--backend", name]);

        let ended = client.end();

        let parts = [
            "::main",
            "reactor::",
            "::do_read",
            "::data_received",
            "::print_stack",
        ];
        assert_stack(text(&ended), &parts);
        assert!(!text(&ended).contains("connection_lost"));
        assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
    }
}

#[test]
fn the_stack_of_connection_lost_does_not_go_by_do_read() {
    for name in backend::NAMES {
        let listener = listen();
        let server = address_of(&listener);
        let client = start(STACK, &["--connection-lost", "--backend", name, &server]);

        finish(accept(&listener), b"a poem\n");

        let ended = client.end();
        let parts = ["::main", "reactor::", "::connection_lost", "::print_stack"];
        assert_stack(text(&ended), &parts);
        assert!(!text(&ended).contains("::do_read"), "{}", text(&ended));
        assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
    }
}

#[test]
fn a_poem_that_takes_too_long_is_given_up_and_the_others_arrive() {
    // They all wait at the same time.
    let clients = backend::NAMES.iter().map(|name| {
        let (late, other) = (listen(), listen());
        let (first, second) = (address_of(&late), address_of(&other));
        let args = ["--timeout=1", "--backend", name, &first, &second];
        let client = start(TIMEOUT, &args);
        let (mut late, other) = (accept(&late), accept(&other));
        finish(other, b"a poem\n");
        late.write_all(b"half a po").unwrap();
        (client, late, first)
    });
    let clients: Vec<_> = clients.collect();

    for (client, mut late, server) in clients {
        // The connection is closed, in order or not, as it is whether the half was read.
        assert!(!late.read(&mut [0]).is_ok_and(|n| n > 0));
        let ended = client.end();

        let why = format!(": no poetry from {server}: the poem was not whole after 1s\n");
        assert!(ended.errors.ends_with(&why), "{}", ended.errors);
        assert_eq!((ended.code, ended.errors.lines().count()), (1, 1));
        assert!(text(&ended).contains("Got 1 poems in 0:00:01."));
    }
}

#[test]
fn a_timeout_that_was_cancelled_is_not_waited_for() {
    for name in backend::NAMES {
        let listener = listen();
        let server = address_of(&listener);
        let client = start(TIMEOUT, &["--timeout=86400", "--backend", name, &server]);

        finish(accept(&listener), b"a poem\n");

        assert_got(&client.end(), 0, "", &[piece(1, 7, &server), poem(1, 7)], 1);
    }
}

#[test]
fn ctrl_c_ends_the_wait_and_tells_what_is_missing() {
    for program in TALKATIVE {
        for name in backend::NAMES {
            let (client, _silent) = clients::half_way(program, &["--backend", name]);
            assert!(client.line().starts_with("Task 1: got 9 bytes of poetry"));

            client.signal(Signal::INT);
            let ended = client.end();

            let why = ": the connection was lost because the reactor stopped\n";
            assert!(ended.errors.ends_with(why), "{program} {name}");
            assert_got(&ended, 130, &ended.errors, &[], 0);
        }
    }
}

#[test]
fn ctrl_c_ends_the_simple_client_without_half_a_poem() {
    let (client, _silent) = clients::half_way(SIMPLE, &[]);

    client.signal(Signal::INT);
    let ended = client.end();

    assert_eq!((ended.code, text(&ended)), (130, ""));
}

#[test]
fn an_output_that_no_one_reads_to_its_end_ends_the_program_quietly() {
    let file = poem_file("part_05_head", &b"a line of many\n".repeat(100_000));
    let (_server, address) = serve(SLOWPOETRY, &["--delay=0", "--num-bytes=9999", &file]);

    for program in ALL {
        clients::assert_ends_quietly_when_no_one_reads(program, &[&address.to_string()]);
    }
}

#[test]
fn a_timeout_that_is_none_is_refused() {
    for bad in ["abc", "", "-1", "0", "nan", "1e9"] {
        let right = "a time to wait is a number of seconds above 0, up to 86400";
        run(TIMEOUT, &["--timeout", bad, "10000"]).assert_refused("client-2-timeout", right);
    }
}

/// Checks that these servers could not be connected to, and that nothing else went wrong.
#[track_caller]
fn assert_failed_to_connect(errors: &str, servers: &[&str]) {
    for server in servers {
        let line =
            format!("Failed to connect to: {server}: the connection to {server} was refused: ");
        assert_eq!(errors.matches(&line).count(), 1, "{errors}");
    }
    assert_eq!(errors.lines().count(), servers.len(), "{errors}");
}

/// Checks that functions with these in their names stand in a stack in this order.
#[track_caller]
fn assert_stack(stack: &str, parts: &[&str]) {
    let mut lines = stack.lines();
    for part in parts {
        assert!(
            lines.any(|line| line.contains(part)),
            "no {part} in {stack}"
        );
    }
}
