//! The programs of part 19, run as a user runs them: Deferreds that are cancelled, and a proxy.

mod cancelling;
#[path = "../common/clients.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod clients;
#[path = "../common/mod.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod common;
mod leaving;
#[path = "../common/netcat.rs"]
mod netcat;
#[path = "../common/proxies.rs"]
mod proxies;
#[path = "../common/servers.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod servers;

use proxies::Proxy;

const PROXY_3: Proxy = Proxy {
    name: "poetry-proxy-3",
    path: env!("CARGO_BIN_EXE_poetry-proxy-3"),
};

mod poetry_proxy_3 {
    crate::proxies::every_proxy_check! { PROXY_3 }
}
