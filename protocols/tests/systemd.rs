//! Sockets that were handed to the process when it was started.

#![cfg(target_os = "linux")]

mod common;

use std::env;
use std::io::Write;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::rc::Rc;

use common::{
    LIMIT, Log, Script, listener, on_every_backend, read_all, run, stop_at_call, stop_soon,
};
use protocols::deferred::Failure;
use protocols::endpoints::{NoSuchSocket, ServerEndpoint};
use protocols::reactor::Reactor;

on_every_backend!(
    a_socket_that_was_handed_over_is_listened_by,
    a_socket_that_was_not_handed_over_is_an_error,
);

const CHILD: &str = "PROTOCOLS_TEST_HANDED_OVER";

fn a_socket_that_was_handed_over_is_listened_by(reactor: &Reactor) {
    if env::var_os(CHILD).is_some() {
        return serve(reactor);
    }
    let (listener, number) = listener();
    let name = format!(
        "{}::a_socket_that_was_handed_over_is_listened_by",
        reactor.backend_name()
    );
    // What systemd does between making the process and running its program.
    let child = Command::new("sh")
        .args(["-c", r#"LISTEN_PID=$$ LISTEN_FDS=1 exec "$0" "$@" 3<&0"#])
        .arg(env::current_exe().expect("tests know their program"))
        .args(["--exact", &name, "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::from(OwnedFd::from(listener)))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("there is a shell");

    let mut peer = TcpStream::connect(("127.0.0.1", number)).expect("the socket listens");
    peer.set_read_timeout(Some(LIMIT)).expect("it is no zero");
    peer.write_all(b"hello").expect("there is room");
    let answer = read_all(&peer);

    let output = child.wait_with_output().expect("it ends");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("1 passed"), "{said}");
    assert_eq!(answer.expect("it closes in order"), b"hello");
}

/// Sends back what comes first; then nothing is left to be listened by.
fn serve(reactor: &Reactor) {
    let stop = stop_at_call(1, reactor);
    let script = Script::unnoted()
        .on_data(|transport, data| {
            transport.write(data);
            transport.lose_connection();
        })
        .on_lost(move |_| stop());
    let endpoint = ServerEndpoint::parse(reactor, "systemd:index=0").unwrap();
    assert_eq!(format!("{endpoint:?}"), "ServerEndpoint(systemd:0)");
    endpoint
        .listen(Rc::new(script))
        .log_failure("not handed over");

    run(reactor);

    let again = endpoint.listen(Rc::new(Script::unnoted()));
    assert_eq!(
        refused(again.into_result().unwrap().map(drop)),
        NoSuchSocket(0)
    );
}

fn refused(result: Result<(), Failure>) -> NoSuchSocket {
    *result
        .unwrap_err()
        .check::<NoSuchSocket>()
        .expect("it is one")
}

fn a_socket_that_was_not_handed_over_is_an_error(reactor: &Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let endpoint = ServerEndpoint::parse(reactor, "systemd:7").unwrap();
    endpoint
        .listen(Rc::new(Script::unnoted()))
        .map(drop)
        .add_errback(move |failure| noting.note(refused(Err(failure)).to_string()))
        .log_failure("something else");
    reactor.call_when_running(stop_soon);

    run(reactor);

    log.assert(&["this process was handed no listening socket 7, or it was taken before"]);
}
