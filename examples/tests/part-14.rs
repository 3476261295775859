//! The proxies of part 14, run as a user runs them.

#[path = "common/clients.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod clients;
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
use netcat::{connect, rest_of};
use proxies::{CACHED, FETCHING, Proxy};
use servers::{accept, address_of, finish, listen};

const PROXY_1: Proxy = Proxy {
    name: "poetry-proxy-1",
    path: env!("CARGO_BIN_EXE_poetry-proxy-1"),
};

const PROXY_2: Proxy = Proxy {
    name: "poetry-proxy-2",
    path: env!("CARGO_BIN_EXE_poetry-proxy-2"),
};

mod poetry_proxy_1 {
    crate::proxies::every_proxy_check! { PROXY_1 }
}

mod poetry_proxy_2 {
    crate::proxies::every_proxy_check! { PROXY_2 }
}

#[test]
fn a_client_that_leaves_leaves_its_poem_to_the_next_one() {
    for proxy in [PROXY_1, PROXY_2] {
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
