//! The programs of part 8, run as a user runs them: clients with a Deferred, and a callback that blocks.

mod blocking;
#[path = "../common/checks.rs"]
mod checks;
#[path = "../common/clients.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod clients;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/servers.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod servers;
mod stack;
#[path = "../common/timeouts.rs"]
mod timeouts;

use checks::Client;

const CLIENT_4: Client = Client {
    name: "client-4",
    path: env!("CARGO_BIN_EXE_client-4"),
    options: &[],
    printed: str::to_owned,
    no_poem: "Poem failed: ",
};

const CLIENT_4_TIMEOUT: Client = Client {
    name: "client-4-timeout",
    path: env!("CARGO_BIN_EXE_client-4-timeout"),
    // Longer than any test waits.
    options: &["--timeout=3600"],
    ..CLIENT_4
};

mod client_4 {
    crate::checks::every_check! { CLIENT_4 }
}

mod client_4_timeout {
    crate::checks::every_check! { CLIENT_4_TIMEOUT }
    crate::timeouts::every_timeout_check! { CLIENT_4_TIMEOUT }
}
