//! The programs of part 18, run as a user runs them: lists of Deferreds, and client 8.0.

#[path = "../common/checks.rs"]
#[allow(
    dead_code,
    unused_macros,
    unused_imports,
    reason = "what one part needs is not what another does"
)]
mod checks;
#[path = "../common/clients.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod clients;
#[path = "../common/mod.rs"]
mod common;
mod lists;
#[path = "../common/servers.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod servers;
#[path = "../common/transforming.rs"]
mod transforming;

use std::sync::LazyLock;

use checks::Client;

static CLIENT_8: LazyLock<Client> =
    LazyLock::new(|| transforming::client("client-8", env!("CARGO_BIN_EXE_client-8")));

mod client_8 {
    crate::transforming::every_transforming_check! { CLIENT_8 }
}
