//! Balancers that connect by TCP.

use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, Shutdown};
use std::rc::Rc;

use protocols::proxy::BehindProxy;
use protocols::reactor::Reactor;
use protocols::{ListenOptions, Port, ReactorTcp};

use crate::balancer::{CLIENT, LINE};
use crate::common::{Log, Script, on_every_backend, peer_of, read_all, run, stop_at_call};

on_every_backend!(
    the_peer_of_a_connection_of_tcp_is_the_client,
    a_connection_of_tcp_without_a_header_is_reset,
    a_header_that_ends_half_way_ends_the_connection,
);

fn listen(reactor: &Reactor, script: Script) -> Port {
    let options = ListenOptions::new(0).interface(Ipv4Addr::LOCALHOST.into());
    let factory = BehindProxy::new(Rc::new(script));
    reactor
        .listen_tcp_with(options, Rc::new(factory))
        .expect("there is a free port")
}

// P-045, P-046
fn the_peer_of_a_connection_of_tcp_is_the_client(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log)
        .noting_use()
        .on_made(|transport| {
            assert!(transport.abilities().tcp.is_some());
            transport.write(b"who is there? ");
        })
        .on_data(|transport, _| {
            transport.write(transport.peer().to_string().as_bytes());
            transport.lose_connection();
        })
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    peer.write_all(&[LINE, b"me"].concat()).unwrap();

    run(reactor);

    let answer = read_all(&peer).unwrap();
    assert_eq!(answer, format!("who is there? {CLIENT}").as_bytes());
    log.assert(&[
        "server begins",
        "server built",
        "server made",
        "server data me",
        "server lost ConnectionDone",
        "server ends",
    ]);
}

// P-047
fn a_connection_of_tcp_without_a_header_is_reset(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let port = listen(
        reactor,
        Script::new("server", &log).on_lost(move |_| stop()),
    );
    let mut peer = peer_of(&port);
    peer.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();

    run(reactor);

    let error = read_all(&peer).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    log.assert(&[
        "server built",
        "server made",
        "server lost ConnectionAborted",
    ]);
}

// P-047
fn a_header_that_ends_half_way_ends_the_connection(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log)
        .half_closeable(|_| (), |_| ())
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    peer.write_all(&LINE[..LINE.len() - 1]).unwrap();
    peer.shutdown(Shutdown::Write).unwrap();

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server lost ConnectionAborted",
    ]);
}
