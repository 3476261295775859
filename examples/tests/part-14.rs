//! The proxies of part 14, run as a user runs them.

#[allow(dead_code, reason = "what one part needs is not what another does")]
mod common;
#[path = "common/netcat.rs"]
mod netcat;
#[path = "common/proxies.rs"]
mod proxies;
#[path = "common/servers.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod servers;

use std::net::TcpStream;

use common::serve;
use netcat::{connect, interrupt, rest_of};
use protocols::reactor::backend;
use proxies::{CACHED, FETCHING, Proxy};
use servers::{accept, address_of, finish, listen, reset};

const PROXY_1: Proxy = Proxy {
    name: "poetry-proxy-1",
    path: env!("CARGO_BIN_EXE_poetry-proxy-1"),
};

const PROXY_2: Proxy = Proxy {
    name: "poetry-proxy-2",
    path: env!("CARGO_BIN_EXE_poetry-proxy-2"),
};

const ONCE: Proxy = Proxy {
    name: "poetry-proxy-2-once",
    path: env!("CARGO_BIN_EXE_poetry-proxy-2-once"),
};

mod poetry_proxy_1 {
    crate::proxies::every_proxy_check! { PROXY_1 }
}

mod poetry_proxy_2 {
    crate::proxies::every_proxy_check! { PROXY_2 }
}

mod poetry_proxy_2_once {
    crate::proxies::every_proxy_check! { ONCE:
        a_poem_is_fetched_once_and_kept_on_every_backend,
        a_poem_is_passed_on_byte_for_byte,
        a_server_that_has_no_poem_is_asked_again,
        a_signal_ends_a_fetch_quietly_on_every_backend,
        an_address_of_its_own_that_is_none_is_refused,
    }
}

const WAITING: &str = "Waiting for the poem that is being fetched.";

#[test]
fn clients_that_come_while_the_poem_is_fetched_wait_for_it_together() {
    for name in backend::NAMES {
        let server = listen();
        let (proxy, address) = serve(ONCE.path, &["--backend", name, &address_of(&server)]);

        let first = connect(address);
        assert_eq!(proxy.line(), FETCHING);
        let fetch = accept(&server);
        let (second, leaving) = (connect(address), connect(address));
        assert_eq!([proxy.line(), proxy.line()], [WAITING, WAITING]);
        drop(leaving);
        send_poem(fetch);

        assert_eq!(rest_of(first), b"a poem\n", "{name}");
        assert_eq!(rest_of(second), b"a poem\n", "{name}");
        assert_eq!(rest_of(connect(address)), b"a poem\n", "{name}");
        assert_eq!(proxy.line(), CACHED, "{name}");
    }
}

#[test]
fn when_the_fetch_breaks_off_all_who_waited_for_it_have_no_poem_and_the_next_one_asks_again() {
    let server = listen();
    let (proxy, address) = serve(ONCE.path, &[address_of(&server)]);
    let first = connect(address);
    assert_eq!(proxy.line(), FETCHING);
    let fetch = accept(&server);
    let second = connect(address);
    assert_eq!(proxy.line(), WAITING);

    reset(fetch);

    assert_eq!((rest_of(first), rest_of(second)), (Vec::new(), Vec::new()));
    let next = connect(address);
    assert_eq!(proxy.line(), FETCHING);
    send_poem(accept(&server));
    assert_eq!(rest_of(next), b"a poem\n");
    assert_eq!(interrupt(proxy).matches("Poem failed: ").count(), 2);
}

#[test]
fn a_client_that_leaves_leaves_its_poem_to_the_next_one() {
    for proxy in [PROXY_1, PROXY_2, ONCE] {
        let server = listen();
        let (proxy, address) = serve(proxy.path, &[address_of(&server)]);

        let leaving = connect(address);
        assert_eq!(proxy.line(), FETCHING);
        let fetch = accept(&server);
        drop(leaving);
        send_poem(fetch);

        assert_eq!(rest_of(connect(address)), b"a poem\n");
        assert_eq!(proxy.line(), CACHED);
    }
}

/// Sends a poem, and waits until the proxy has taken it.
fn send_poem(fetch: TcpStream) {
    let proxy = fetch.try_clone().unwrap();
    finish(fetch, b"a poem\n");
    assert_eq!(rest_of(proxy), b"");
}
