//! Every contender does right what it is measured with: a broken one must not have a figure.

use std::process::{Command, Output};

/// Runs the program.
fn benches(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_benches"));
    command.args(arguments).output().unwrap()
}

/// Has contenders do a scenario once, with small numbers.
#[track_caller]
fn check(scenario: &str, contenders: &str) {
    let output = benches(&["--check", scenario, "--contenders", contenders]);

    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert_eq!(said, format!("{scenario}: every contender does it right\n"));
}

const IN_RUST: &str = "bare,bare-polling,epoll,polling,poll,select,mio,calloop,tokio,smol";
const IN_PYTHON: &str = "twisted,asyncio,uvloop";

/// A test for each scenario of the network.
macro_rules! every_contender_does_right {
    ($($test:ident: $scenario:literal,)*) => {
        $(
            #[test]
            fn $test() {
                check($scenario, IN_RUST);
            }
        )*
    };
}

every_contender_does_right! {
    small_messages_come_back: "ping-pong",
    many_messages_under_way_come_back: "pipelined",
    large_chunks_come_back_whole: "streaming",
    a_short_connection_is_closed_when_its_peer_closes: "connect",
    those_that_talk_are_heard_among_the_silent: "idle",
    small_poems_arrive_whole_and_end: "small-poems",
    large_poems_arrive_whole_and_end: "large-poems",
    a_client_gets_all_poems: "client",
}

#[test]
fn those_in_python_do_it_right_or_are_left_out() {
    for scenario in ["connect", "large-poems", "client"] {
        check(scenario, IN_PYTHON);
    }
}

#[test]
fn the_list_has_every_scenario_and_contender() {
    let output = benches(&["--list"]);

    let said = String::from_utf8(output.stdout).unwrap();
    for name in IN_RUST.split(',').chain(IN_PYTHON.split(',')) {
        assert!(said.contains(&format!("\n  {name} ")), "{name}");
    }
    assert!(said.contains("\n  ping-pong "));
}

#[test]
fn an_unknown_scenario_is_refused_with_the_names_of_the_right_ones() {
    let output = benches(&["pingpong"]);

    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(said.contains("ping-pong, pipelined, streaming"), "{said}");
}
