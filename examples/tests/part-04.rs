//! The clients of part 4, run as a user runs them: sockets of the client's own, watched by a reactor.

#[path = "common/clients.rs"]
mod clients;
mod common;
#[path = "common/servers.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod servers;

use std::io::{Read, Write};

use clients::{assert_got, finished, piece, poem, start, text};
use common::{poem_file, run, serve};
use protocols::reactor::backend;
use rustix::process::Signal;
use servers::{accept, address_of, finish, listen, refusing, reset};

const CLIENT: &str = env!("CARGO_BIN_EXE_client-1");
const BROKEN: &str = env!("CARGO_BIN_EXE_client-1-broken");
const REFUSED: &str = env!("CARGO_BIN_EXE_client-1-refused");
const TIMEOUT: &str = env!("CARGO_BIN_EXE_client-1-timeout");
const SLOWPOETRY: &str = env!("CARGO_BIN_EXE_slowpoetry");

const ALL: [&str; 4] = [CLIENT, BROKEN, REFUSED, TIMEOUT];
/// Those that do not block.
const SOUND: [&str; 3] = [CLIENT, REFUSED, TIMEOUT];

#[test]
fn each_piece_is_taken_as_it_comes() {
    for program in SOUND {
        for name in backend::NAMES {
            let (one, two) = (listen(), listen());
            let (first, second) = (address_of(&one), address_of(&two));
            let client = start(program, &["--backend", name, &first, &second]);
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
    }
}

#[test]
fn a_long_poem_is_read_little_by_little() {
    let file = poem_file("part_04_long", &[b'o'; 100_000]);
    let (_server, address) = serve(SLOWPOETRY, &["--delay=0", "--num-bytes=100000", &file]);

    for program in SOUND {
        let ended = run(program, &[address.to_string()]);

        assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
        assert!(text(&ended).contains(&format!("\n{}\nGot 1 poems in ", poem(1, 100_000))));
        assert!(text(&ended).lines().count() > 100_000 / 1024);
    }
}

#[test]
fn the_broken_client_gets_its_poems_and_says_how_long_the_loop_stood_still() {
    for name in backend::NAMES {
        // Seven pieces, with a fiftieth of a second after each.
        let args = ["--delay=0.02", "--num-bytes=100", "poems/lamp.txt"];
        let (_server, address) = serve(SLOWPOETRY, &args);
        let server = address.to_string();

        let ended = run(BROKEN, &["--backend", name, &server]);

        let (slow, others): (Vec<_>, Vec<_>) = text(&ended)
            .lines()
            .partition(|line| line.contains(" held up the loop for "));
        assert_eq!(others[..2], [piece(1, 651, &server), poem(1, 651)]);
        assert!(others[2].starts_with("Got 1 poems in 0:00:00."));
        assert!(slow[0].starts_with("do_read of the socket of task 1 held"));
        assert_eq!((slow.len(), ended.code, ended.errors.as_str()), (1, 0, ""));
    }
}

#[test]
fn an_empty_poem_is_a_poem() {
    for program in ALL {
        let listener = listen();
        let server = address_of(&listener);
        let client = start(program, &[&server]);

        finish(accept(&listener), b"");

        let first = match program {
            BROKEN => piece(1, 0, &server),
            _ => finished(1),
        };
        assert_got(&client.end(), 0, "", &[first, poem(1, 0)], 1);
    }
}

#[test]
fn a_server_that_refuses_ends_the_clients_that_do_not_expect_it() {
    for program in [CLIENT, BROKEN] {
        let (_socket, refusing) = refusing();
        let other = listen();

        let ended = run(program, &[&address_of(&other), &refusing]);

        let why = format!("Task 2: no poetry from {refusing}: Connection refused");
        assert!(ended.errors.starts_with(&why), "{}", ended.errors);
        assert_eq!((ended.code, text(&ended)), (1, ""));
    }
}

#[test]
fn a_server_that_refuses_costs_its_own_poem_only_where_it_is_expected() {
    for program in [REFUSED, TIMEOUT] {
        let (_socket, refusing) = refusing();
        let other = listen();
        let server = address_of(&other);
        let client = start(program, &[&refusing, &server]);

        finish(accept(&other), b"a poem\n");

        let ended = client.end();
        let why = format!("Task 1: no poetry from {refusing}: Connection refused");
        assert!(ended.errors.starts_with(&why), "{}", ended.errors);
        let lines = [piece(2, 7, &server), finished(2), poem(2, 7)];
        assert_got(&ended, 1, &ended.errors, &lines, 1);
    }
}

#[test]
fn the_loop_stops_if_all_servers_refuse() {
    for program in [REFUSED, TIMEOUT] {
        for name in backend::NAMES {
            let ((_one, first), (_two, second)) = (refusing(), refusing());

            let ended = run(program, &["--backend", name, &first, &second]);

            assert_eq!(ended.errors.matches(": Connection refused").count(), 2);
            assert_got(&ended, 1, &ended.errors, &[], 0);
        }
    }
}

#[test]
fn a_server_that_resets_the_connection_costs_its_own_poem_only() {
    for program in SOUND {
        for name in backend::NAMES {
            let (resetting, other) = (listen(), listen());
            let (first, second) = (address_of(&resetting), address_of(&other));
            let client = start(program, &["--backend", name, &first, &second]);
            let (mut half, other) = (accept(&resetting), accept(&other));

            half.write_all(b"half a po").unwrap();
            assert_eq!(client.line(), piece(1, 9, &first));
            reset(half);
            finish(other, b"a poem\n");

            let ended = client.end();
            let why = format!("Task 1: no poetry from {first}: the connection was lost: ");
            assert!(ended.errors.starts_with(&why), "{}", ended.errors);
            let lines = [piece(2, 7, &second), finished(2), poem(2, 7)];
            assert_got(&ended, 1, &ended.errors, &lines, 1);
        }
    }
}

#[test]
fn a_server_that_resets_the_connection_costs_the_broken_client_its_own_poem_only() {
    let (resetting, other) = (listen(), listen());
    let (first, second) = (address_of(&resetting), address_of(&other));
    let client = start(BROKEN, &[&first, &second]);
    let (half, other) = (accept(&resetting), accept(&other));

    reset(half);
    finish(other, b"a poem\n");

    let ended = client.end();
    let why = format!("Task 1: no poetry from {first}: the connection was lost: ");
    assert!(ended.errors.starts_with(&why), "{}", ended.errors);
    assert!(text(&ended).contains(&poem(2, 7)));
    assert!(text(&ended).contains("Got 1 poems in "));
    assert_eq!((ended.code, ended.errors.lines().count()), (1, 1));
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

        let why = format!("Task 1: no poetry from {server}: the poem was not whole after 1s\n");
        assert_eq!((ended.code, &ended.errors), (1, &why));
        assert!(text(&ended).contains(&format!("{}\nGot 1 poems in 0:00:01.", poem(2, 7))));
    }
}

#[test]
fn a_timeout_that_was_cancelled_is_not_waited_for() {
    for name in backend::NAMES {
        let listener = listen();
        let server = address_of(&listener);
        let client = start(TIMEOUT, &["--timeout=86400", "--backend", name, &server]);

        finish(accept(&listener), b"a poem\n");

        let lines = [piece(1, 7, &server), finished(1), poem(1, 7)];
        assert_got(&client.end(), 0, "", &lines, 1);
    }
}

#[test]
fn ctrl_c_ends_the_wait_and_tells_what_is_missing() {
    for program in SOUND {
        for name in backend::NAMES {
            let (client, _silent) = clients::half_way(program, &["--backend", name]);
            assert!(client.line().starts_with("Task 1: got 9 bytes of poetry"));

            client.signal(Signal::INT);
            let ended = client.end();

            assert_eq!(ended.code, 130, "{program} {name}");
            let why = ": the connection was lost because the reactor stopped\n";
            assert!(ended.errors.ends_with(why), "{program} {name}");
            assert_eq!(ended.errors.lines().count(), 1, "{}", ended.errors);
            assert!(text(&ended).contains("Got 0 poems in 0:00:"));
        }
    }
}

#[test]
fn ctrl_c_ends_even_the_client_that_blocks() {
    for name in backend::NAMES {
        let (client, _silent) = clients::half_way(BROKEN, &["--backend", name]);

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
    let file = poem_file("part_04_head", &[b'o'; 1_000_000]);
    let (_server, address) = serve(SLOWPOETRY, &["--delay=0", "--num-bytes=1000", &file]);

    for program in ALL {
        clients::assert_ends_quietly_when_no_one_reads(program, &[&address.to_string()]);
    }
}

#[test]
fn a_timeout_that_is_none_is_refused() {
    for bad in ["abc", "", "-1", "0", "nan", "1e9"] {
        let right = "a time to wait is a number of seconds above 0, up to 86400";
        run(TIMEOUT, &["--timeout", bad, "10000"]).assert_refused("client-1-timeout", right);
    }
}
