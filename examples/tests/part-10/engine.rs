//! What becomes of a poem when the engine fails.

use crate::checks::{Client, send};
use crate::clients::text;
use crate::common::{Ended, Program, run};
use crate::servers::{accept, address_of, listen};
use crate::{CLIENT_5, CLIENT_5_1};

#[test]
fn a_poem_that_comes_through_the_engine_is_another_one() {
    for client in [CLIENT_5, CLIENT_5_1] {
        let ended = poem_through(&client, &["--engine", "success"]);

        assert_eq!(text(&ended), "Née slow! Whole!\n");
        assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
    }
}

#[test]
fn gibberish_counts_as_no_poem() {
    for client in [CLIENT_5, CLIENT_5_1] {
        let ended = poem_through(&client, &["--engine", "gibberish"]);

        assert_eq!((ended.code, text(&ended)), (1, ""));
        assert_eq!(ended.errors, "The poem download failed.\n");
    }
}

#[test]
fn a_bug_of_the_engine_costs_no_poem() {
    for client in [CLIENT_5, CLIENT_5_1] {
        let ended = poem_through(&client, &["--engine", "bug"]);

        assert_eq!(text(&ended), "Byronificate failed!\nNée slow. Whole.\n");
        assert_eq!(ended.code, 0);
    }
}

#[test]
fn only_a_panic_is_told_by_rust_too() {
    let [panic, error] = [CLIENT_5, CLIENT_5_1].map(|client| {
        let ended = poem_through(&client, &["--engine", "bug"]);
        ended.errors
    });

    assert!(panic.contains("the engine has a bug"), "{panic}");
    assert_eq!(error, "");
}

#[test]
fn without_the_option_it_is_one_of_the_three() {
    for client in [CLIENT_5, CLIENT_5_1] {
        let ended = poem_through(&client, &[]);

        let outcomes = [
            (0, "Née slow! Whole!\n"),
            (1, ""),
            (0, "Byronificate failed!\nNée slow. Whole.\n"),
        ];
        assert!(
            outcomes.contains(&(ended.code, text(&ended))),
            "{}",
            text(&ended)
        );
    }
}

#[test]
fn an_engine_has_three_moods() {
    for client in [CLIENT_5, CLIENT_5_1] {
        let ended = run(client.path, &["--engine", "melancholy", "10000"]);

        ended.assert_refused(client.name, "success, gibberish, bug");
    }
}

/// Runs a client with these options, and sends it a poem.
#[track_caller]
fn poem_through(client: &Client, options: &[&str]) -> Ended {
    let listener = listen();
    let address = address_of(&listener);
    let client = Program::start(client.path, &[options, &[&address]].concat());
    send(accept(&listener), "Née slow. Whole.");
    client.end()
}
