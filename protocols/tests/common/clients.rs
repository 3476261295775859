//! What the tests of connecting share: a server to connect to, and a client that ends its test.
//!
//! A test file that needs them names this module itself, beside `common`.

#![allow(dead_code, reason = "no test file needs all of it")]

use protocols::reactor::Reactor;

use super::common::{Log, Script, listen, number, stop_at_call};

/// A server that says hello to each client and closes.
pub(crate) fn greeter(reactor: &Reactor) -> u16 {
    let script = Script::unnoted().on_made(|transport| {
        transport.write(b"hello");
        transport.lose_connection();
    });
    number(&listen(reactor, script))
}

/// A client that stops the reactor when its attempt has ended, in whichever way.
pub(crate) fn stopping_client(reactor: &Reactor, log: &Log) -> Script {
    let stop = stop_at_call(1, reactor);
    let failed = stop.clone();
    Script::new("client", log)
        .on_gone(move |_, _| stop())
        .on_failed(move |_, _| failed())
}
