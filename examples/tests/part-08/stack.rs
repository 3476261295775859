//! Client 4.0, which shows the stack on which a poem comes.

use protocols::reactor::backend;

use crate::checks::send;
use crate::clients::text;
use crate::common::{Program, run};
use crate::servers::{accept, address_of, listen, refusing};

const CLIENT_4_STACK: &str = env!("CARGO_BIN_EXE_client-4-stack");

#[test]
fn the_way_of_a_poem_goes_from_main_through_the_reactor_the_protocol_and_the_firer() {
    for name in backend::NAMES {
        let listener = listen();
        let client = Program::start(CLIENT_4_STACK, &["--backend", name, &address_of(&listener)]);

        send(accept(&listener), "a poem\n");

        let ended = client.end();
        let mut rest = text(&ended);
        for function in [
            "client_4_stack::main",
            "reactor",
            "connection_lost",
            "poem_received",
            "poem_finished",
            "Firer",
            "got_poem",
        ] {
            let found = rest.split_once(function);
            rest = found
                .unwrap_or_else(|| panic!("no {function} in: {rest}"))
                .1;
        }
        assert_eq!((ended.code, ended.errors.as_str()), (0, ""), "{name}");
    }
}

#[test]
fn the_first_poem_ends_the_program_and_failures_do_not() {
    let (_socket, refusing) = refusing();
    let listener = listen();
    let client = Program::start(CLIENT_4_STACK, &[&refusing, &address_of(&listener)]);

    send(accept(&listener), "a poem\n");

    let ended = client.end();
    assert_eq!(ended.code, 0);
    assert!(
        ended.errors.starts_with("Poem failed: "),
        "{}",
        ended.errors
    );
    assert_eq!(run(CLIENT_4_STACK, &[refusing]).code, 1);
}
