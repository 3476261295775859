//! The programs of part 6, run as a user runs them: callbacks, errbacks and failures.

#[path = "../common/checks.rs"]
mod checks;
mod client_3;
#[path = "../common/clients.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod clients;
#[path = "../common/mod.rs"]
mod common;
mod failures;
mod order;
#[path = "../common/servers.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod servers;
#[path = "../common/timeouts.rs"]
mod timeouts;

use checks::Client;

const CLIENT_3_1: Client = Client {
    name: "client-3-1",
    path: env!("CARGO_BIN_EXE_client-3-1"),
    options: &[],
    printed: str::to_owned,
    no_poem: "Poem failed: ",
};

const CLIENT_3_TIMEOUT: Client = Client {
    name: "client-3-timeout",
    path: env!("CARGO_BIN_EXE_client-3-timeout"),
    // Longer than any test waits.
    options: &["--timeout=3600"],
    ..CLIENT_3_1
};

/// It hears of no failure, and with poems does what its successors do.
const CLIENT_3: Client = Client {
    name: "client-3",
    path: env!("CARGO_BIN_EXE_client-3"),
    ..CLIENT_3_1
};

mod client_3_0 {
    crate::checks::checks! { CLIENT_3:
        poems_are_printed_in_the_order_in_which_they_are_complete_on_every_backend,
        a_piece_may_end_inside_a_letter,
        an_empty_poem_is_a_poem,
        a_signal_ends_the_wait_quietly_on_every_backend,
        an_output_that_no_one_reads_to_its_end_ends_the_program_quietly,
    }
}

mod client_3_1 {
    crate::checks::every_check! { CLIENT_3_1 }
}

mod client_3_timeout {
    crate::checks::every_check! { CLIENT_3_TIMEOUT }
    crate::timeouts::every_timeout_check! { CLIENT_3_TIMEOUT }
}
