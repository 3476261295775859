//! The server of part 12, run as a user runs it, with plain sockets for netcat.

#[allow(dead_code, reason = "what one part needs is not what another does")]
mod common;
#[path = "common/netcat.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod netcat;

use std::io::Write;
use std::net::Shutdown;

use common::serve;
use netcat::{connect, interrupt, rest_of};
use protocols::reactor::backend;

const TRANSFORMEDPOETRY: &str = env!("CARGO_BIN_EXE_transformedpoetry");

#[test]
fn a_request_is_answered_however_it_comes_on_every_backend() {
    for name in backend::NAMES {
        let (server, address) = serve(TRANSFORMEDPOETRY, &["--backend", name]);
        let request = "32:cummingsify.Here IS my NÉ. Poem,".as_bytes();
        let answer = "20:here is my nÉ. poem,".as_bytes();

        let mut client = connect(address);
        client.write_all(request).unwrap();
        assert_eq!(rest_of(client), answer);
        let mut client = connect(address);
        client.set_nodelay(true).unwrap();
        for byte in request {
            client.write_all(&[*byte]).unwrap();
        }
        assert_eq!(rest_of(client), answer);

        assert_eq!(interrupt(server), "", "{name}");
    }
}

#[test]
fn what_is_no_request_gets_no_answer() {
    let (server, address) = serve(TRANSFORMEDPOETRY, &[""; 0]);
    for request in [
        "13:cummingsify A,",
        "15:shakespearify.A,",
        "1:.,",
        "0:,",
        "cummingsify.A",
        "13:cummingsify.A;",
        "100000:",
    ] {
        let mut client = connect(address);
        client.write_all(request.as_bytes()).unwrap();

        assert_eq!(rest_of(client), b"", "{request}");
    }

    // Nor does half a request.
    let mut client = connect(address);
    client.write_all(b"13:cummings").unwrap();
    client.shutdown(Shutdown::Write).unwrap();
    assert_eq!(rest_of(client), b"");
    assert_eq!(interrupt(server), "");
}

#[test]
fn there_is_one_answer_a_connection_and_a_poem_may_be_long() {
    let (_server, address) = serve(TRANSFORMEDPOETRY, &[""; 0]);

    let mut client = connect(address);
    client
        .write_all(b"13:cummingsify.A,13:cummingsify.B,")
        .unwrap();
    assert_eq!(rest_of(client), b"1:a,");

    let poem = "O".repeat(99_999 - "cummingsify.".len());
    let mut client = connect(address);
    write!(client, "99999:cummingsify.{poem},").unwrap();
    let answer = format!("{}:{},", poem.len(), poem.to_ascii_lowercase());
    assert!(rest_of(client) == answer.as_bytes());
}
