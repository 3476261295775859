//! The programs of part 17, run as a user runs them: functions that wait, and client 7.0.

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
mod inline;
#[path = "../common/servers.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod servers;
#[path = "../common/transforming.rs"]
mod transforming;

use std::sync::LazyLock;

use checks::Client;

static CLIENT_7: LazyLock<Client> =
    LazyLock::new(|| transforming::client("client-7", env!("CARGO_BIN_EXE_client-7")));

mod client_7 {
    crate::transforming::every_transforming_check! { CLIENT_7 }
}
