//! The exercise about the order of the calls.

use protocols::reactor::backend;

use crate::checks::send;
use crate::clients::text;
use crate::common::{Program, run};
use crate::servers::{accept, address_of, listen, refusing};

const CLIENT_3_ORDER: &str = env!("CARGO_BIN_EXE_client-3-order");

#[test]
fn get_poetry_has_returned_before_an_attempt_begins_or_fails() {
    let (_socket, refusing) = refusing();

    for name in backend::NAMES {
        let ended = run(CLIENT_3_ORDER, &["--backend", name, &refusing]);

        let calls = [
            "get_poetry is called",
            "get_poetry has returned",
            "run is called",
            "started_connecting is called",
            "client_connection_failed is called",
            "poem_failed is called",
            "run has returned",
        ];
        assert_eq!(text(&ended), calls.join("\n") + "\n", "{name}");
        assert_eq!((ended.code, ended.errors.as_str()), (1, ""), "{name}");
    }
}

#[test]
fn with_a_server_the_protocol_is_built_told_and_lost_in_this_order() {
    let listener = listen();
    let client = Program::start(CLIENT_3_ORDER, &[address_of(&listener)]);

    send(accept(&listener), "a poem\n");

    let ended = client.end();
    let calls = [
        "get_poetry is called",
        "get_poetry has returned",
        "run is called",
        "started_connecting is called",
        "build_protocol is called",
        "connection_made is called",
        "connection_lost is called",
        "got_poem is called",
        "run has returned",
    ];
    assert_eq!(text(&ended), calls.join("\n") + "\n");
    assert_eq!((ended.code, ended.errors.as_str()), (0, ""));
}
