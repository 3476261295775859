//! What the third proxy does when its client leaves.

use protocols::reactor::backend;

use crate::PROXY_3;
use crate::common::serve;
use crate::netcat::{connect, interrupt, rest_of};
use crate::proxies::{CACHED, FETCHING};
use crate::servers::{accept, address_of, finish, listen, reset};

const CANCELING: &str = "Canceling poem download.";

#[test]
fn a_client_that_leaves_has_its_fetch_cancelled_on_every_backend() {
    for name in backend::NAMES {
        for leave in [drop, reset] {
            let server = listen();
            let args = ["--backend", name, &address_of(&server)];
            let (proxy, address) = serve(PROXY_3.path, &args);

            let client = connect(address);
            assert_eq!(proxy.line(), FETCHING);
            let fetch = accept(&server);
            leave(client);

            assert_eq!(proxy.line(), CANCELING);
            assert_eq!(rest_of(fetch), b"", "{name}");
            assert_eq!(interrupt(proxy), "", "{name}");
        }
    }
}

#[test]
fn a_fetch_that_was_cancelled_leaves_nothing_for_the_next_client() {
    let server = listen();
    let (proxy, address) = serve(PROXY_3.path, &[address_of(&server)]);
    let leaving = connect(address);
    let fetch = accept(&server);
    drop(leaving);
    assert_eq!(rest_of(fetch), b"");

    let client = connect(address);
    finish(accept(&server), b"a poem\n");

    assert_eq!(rest_of(client), b"a poem\n");
    assert_eq!(rest_of(connect(address)), b"a poem\n");
    let lines = [(); 4].map(|()| proxy.line());
    assert_eq!(lines, [FETCHING, CANCELING, FETCHING, CACHED]);
}

#[test]
fn each_client_cancels_its_own_fetch_only() {
    let server = listen();
    let (proxy, address) = serve(PROXY_3.path, &[address_of(&server)]);
    let leaving = connect(address);
    let its_fetch = accept(&server);
    let staying = connect(address);
    let other_fetch = accept(&server);

    drop(leaving);
    assert_eq!(rest_of(its_fetch), b"");
    finish(other_fetch, b"a poem\n");

    assert_eq!(rest_of(staying), b"a poem\n");
    assert_eq!(interrupt(proxy), "");
}

#[test]
fn a_client_that_leaves_with_its_poem_cancels_nothing() {
    let server = listen();
    let (proxy, address) = serve(PROXY_3.path, &[address_of(&server)]);

    let client = connect(address);
    finish(accept(&server), b"a poem\n");
    assert_eq!(rest_of(client), b"a poem\n");

    assert_eq!(rest_of(connect(address)), b"a poem\n");
    assert_eq!([proxy.line(), proxy.line()], [FETCHING, CACHED]);
    assert_eq!(interrupt(proxy), "");
}
