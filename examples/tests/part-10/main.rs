//! The programs of part 10, run as a user runs them: clients 5.0 and 5.1, with the Byronification Engine.

#[path = "../common/checks.rs"]
mod checks;
#[path = "../common/clients.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod clients;
#[path = "../common/mod.rs"]
mod common;
mod engine;
#[path = "../common/servers.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod servers;

use checks::Client;

const CLIENT_5: Client = Client {
    name: "client-5",
    path: env!("CARGO_BIN_EXE_client-5"),
    options: &["--engine=success"],
    printed: |poem| poem.replace('.', "!") + "\n",
    no_poem: "The poem download failed.\n",
};

const CLIENT_5_1: Client = Client {
    name: "client-5-1",
    path: env!("CARGO_BIN_EXE_client-5-1"),
    ..CLIENT_5
};

mod client_5 {
    crate::checks::every_check! { CLIENT_5 }
}

mod client_5_1 {
    crate::checks::every_check! { CLIENT_5_1 }
}
