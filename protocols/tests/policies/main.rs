//! Policies around factories.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/paths.rs"]
mod paths;

mod limits;
mod throttling;
mod timeouts;
mod traffic;
mod wrapped;

use std::cell::RefCell;
use std::io::{Cursor, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::rc::Rc;

use common::peers::port_without_listener;
use common::{
    Log, Script, listen, lose_write, number, on_every_backend, peer_of, read_all, run,
    stop_at_call, stop_soon,
};
use protocols::files::send_file;
use protocols::policies::{AtMost, Wrapping};
use protocols::reactor::Reactor;
use protocols::{Address, Factory, Protocol, ReactorTcp, ReactorUnix};
use wrapped::wrapped;

on_every_backend!(
    the_beginning_and_the_end_of_a_factory_pass_through,
    descriptors_pass_through,
    what_is_wrapped_passes_through_both_ways,
    half_closing_passes_through,
    the_hooks_of_a_client_factory_pass_through,
);

// P-032, P-033
fn what_is_wrapped_passes_through_both_ways(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let addresses = Rc::new(RefCell::new(Vec::new()));
    let note = Rc::clone(&addresses);
    let script = Script::new("server", &log)
        .on_made(move |transport| {
            assert!(transport.abilities().socket.is_some());
            note.borrow_mut()
                .extend([transport.peer(), transport.host()]);
            send_file(Cursor::new(b"first, "), transport.clone()).ignore();
        })
        .on_data(|transport, data| {
            transport.write(data);
            transport.write_vectored(&[b", ", b"last"]);
            transport.lose_connection();
        })
        .on_lost(move |_| stop());
    let port = wrapped(reactor, script, AtMost::new(1));
    let mut peer = peer_of(&port);
    peer.write_all(b"second").unwrap();
    let ours = peer.local_addr().unwrap();

    run(reactor);

    assert_eq!(read_all(&peer).unwrap(), b"first, second, last");
    assert_eq!(addresses.take(), [Address::from(ours), port.address()]);
    log.assert(&[
        "server built",
        "server made",
        "server data second",
        "server lost ConnectionDone",
    ]);
}

// P-033
fn half_closing_passes_through(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log)
        .half_closeable(
            |transport| {
                transport.write(b"still here");
                lose_write(transport);
            },
            |_| (),
        )
        .on_lost(move |_| stop());
    let port = wrapped(reactor, script, AtMost::new(1));
    let peer = peer_of(&port);
    peer.shutdown(Shutdown::Write).unwrap();

    run(reactor);

    assert_eq!(read_all(&peer).unwrap(), b"still here");
    log.assert(&[
        "server built",
        "server made",
        "server read ended",
        "server write ended",
        "server lost ConnectionDone",
    ]);
}

// P-034
fn the_hooks_of_a_client_factory_pass_through(reactor: &Reactor) {
    let log = Log::default();
    let server = listen(
        reactor,
        Script::unnoted().on_made(|it| it.lose_connection()),
    );
    let stop = stop_at_call(2, reactor);
    let stop_too = stop.clone();
    let script = Script::new("client", &log)
        .on_gone(move |_, _| stop())
        .on_failed(move |_, _| stop_too());
    let factory = Rc::new(Wrapping::new(Rc::new(script), AtMost::new(1)));
    let (_taken, closed) = port_without_listener();
    reactor.connect_tcp("127.0.0.1", number(&server), Rc::clone(&factory));
    reactor.connect_tcp("127.0.0.1", closed, factory);

    run(reactor);

    assert_eq!(log.count("client started"), 2);
    assert_eq!(log.count("client gone ConnectionDone"), 1);
    assert_eq!(log.count("client failed ConnectionRefused"), 1);
}

// P-035
#[test]
fn a_log_prefix_is_the_inner_one_with_the_policy_in_brackets() {
    let factory = Rc::new(Wrapping::new(Rc::new(Script::unnoted()), AtMost::new(1)));
    let peer = Address::from(std::net::SocketAddr::from(([127, 0, 0, 1], 1)));

    let protocol = factory.build_protocol(&peer).unwrap();

    assert_eq!(protocol.log_prefix(), "Player (Counted)");
    assert_eq!(factory.policy().count(), 1);
    drop(protocol);
    assert_eq!(factory.policy().count(), 0);
}

// L-007, P-034
fn the_beginning_and_the_end_of_a_factory_pass_through(reactor: &Reactor) {
    let log = Log::default();
    let script = Script::new("server", &log).noting_use();
    let policy = AtMost::new(1);
    let port = wrapped(reactor, script, policy);
    let shown = format!("{port:?}");
    reactor.call_when_running(stop_soon);

    run(reactor);

    log.assert(&["server begins", "server ends"]);
    assert_eq!(shown, format!("Port(Script on {})", port.address()));
}

// N-075, P-033
fn descriptors_pass_through(reactor: &Reactor) {
    let (folder, log, stop) = (
        paths::Folder::new(),
        Log::default(),
        stop_at_call(1, reactor),
    );
    let path = folder.path("socket");
    let script = Script::new("server", &log)
        .on_descriptor(|_, descriptor| drop(descriptor))
        .on_data(move |_, _| stop());
    let server = Wrapping::new(Rc::new(script), AtMost::new(1));
    let client = Script::unnoted().on_made(|transport| {
        let null = std::fs::File::open("/dev/null").unwrap();
        let descriptors = transport.abilities().descriptors.unwrap();
        descriptors.send_descriptor(null.as_fd()).unwrap();
        transport.write(b"with it");
    });
    reactor.listen_unix(&*path, Rc::new(server)).unwrap();
    paths::connect_to(reactor, &path, client);

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server descriptor",
        "server data with it",
        "server lost ReactorStopped",
    ]);
}
