//! The client of part 13, run as a user runs it.

#[path = "common/checks.rs"]
#[allow(
    dead_code,
    unused_macros,
    unused_imports,
    reason = "what one part needs is not what another does"
)]
mod checks;
#[path = "common/clients.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod clients;
#[path = "common/mod.rs"]
mod common;
#[path = "common/servers.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod servers;
#[path = "common/transforming.rs"]
mod transforming;

use std::sync::LazyLock;

use checks::Client;

static CLIENT_6: LazyLock<Client> =
    LazyLock::new(|| transforming::client("client-6", env!("CARGO_BIN_EXE_client-6")));

mod client_6 {
    crate::transforming::every_transforming_check! { CLIENT_6 }
}
