//! The clients of a port: when and in which order they are let in, and what becomes of those that are not.

mod common;

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use common::{
    Log, Reports, Script, after_turns, listen, on_every_backend, peer_of, read_all, run,
    stop_at_call,
};
use protocols::reactor::Reactor;
use protocols::{Address, ListenOptions, ReactorTcp};

on_every_backend!(
    a_port_takes_clients_before_the_loop_runs,
    a_client_is_built_with_its_address_before_it_is_made,
    clients_are_let_in_in_the_order_in_which_they_came,
    more_clients_than_one_turn_accepts_are_all_let_in,
    a_declined_client_is_closed_and_the_port_goes_on,
    a_panic_in_build_protocol_closes_that_client_only,
    a_client_that_has_reset_before_it_is_accepted_does_no_harm,
);

// L-001
fn a_port_takes_clients_before_the_loop_runs(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let port = listen(
        reactor,
        Script::new("server", &log).on_made(move |_| stop()),
    );

    let _peer = peer_of(&port);
    let before = log.is_empty();
    run(reactor);

    assert!(before);
    assert_eq!(log.count("server made"), 1);
}

// L-012, N-004, N-058
fn a_client_is_built_with_its_address_before_it_is_made(reactor: &Reactor) {
    let (log, seen) = (Log::default(), Rc::new(RefCell::new(Vec::new())));
    let (built, made, stop) = (Rc::clone(&seen), Rc::clone(&seen), stop_at_call(1, reactor));
    let script = Script::new("server", &log)
        .on_build(move |peer| {
            built.borrow_mut().push(peer.clone());
            true
        })
        .on_made(move |transport| {
            made.borrow_mut()
                .extend([transport.peer(), transport.host()]);
        })
        .on_data(move |_, _| stop());
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    peer.write_all(b"hello").unwrap();

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server data hello",
        "server lost ReactorStopped",
    ]);
    let theirs = Address::from(peer.local_addr().unwrap());
    assert_eq!(*seen.borrow(), [theirs.clone(), theirs, port.address()]);
}

// L-012
fn clients_are_let_in_in_the_order_in_which_they_came(reactor: &Reactor) {
    let (seen, stop) = (Rc::new(RefCell::new(Vec::new())), stop_at_call(10, reactor));
    let built = Rc::clone(&seen);
    let script = Script::unnoted()
        .on_build(move |peer| {
            built.borrow_mut().push(peer.clone());
            true
        })
        .on_made(move |_| stop());
    let port = listen(reactor, script);
    let peers: Vec<_> = (0..10).map(|_| peer_of(&port)).collect();

    run(reactor);

    let came = peers.iter().map(|peer| peer.local_addr().unwrap().into());
    assert_eq!(*seen.borrow(), came.collect::<Vec<Address>>());
}

// L-014
fn more_clients_than_one_turn_accepts_are_all_let_in(reactor: &Reactor) {
    const CLIENTS: usize = 250;
    let (log, stop) = (Log::default(), stop_at_call(CLIENTS, reactor));
    let options = ListenOptions::new(0)
        .interface(Ipv4Addr::LOCALHOST.into())
        .backlog(300);
    let script = Script::new("server", &log).on_made(move |_| stop());
    let port = reactor.listen_tcp_with(options, Rc::new(script)).unwrap();
    let _peers: Vec<_> = (0..CLIENTS).map(|_| peer_of(&port)).collect();
    // The first calls that come due after a turn of accepting see what one turn has let in.
    let (seen, first) = (log.clone(), Rc::new(Cell::new(0)));
    let in_first = Rc::clone(&first);
    reactor.call_later(Duration::ZERO, move |reactor| {
        after_turns(reactor, 0, move |_| in_first.set(seen.count("server made")));
    });

    run(reactor);

    assert_eq!(first.get(), 100);
    assert_eq!(log.count("server made"), CLIENTS);
}

// L-013
fn a_declined_client_is_closed_and_the_port_goes_on(reactor: &Reactor) {
    let (log, count, stop) = (Log::default(), Cell::new(0), stop_at_call(1, reactor));
    let script = Script::new("server", &log)
        .on_build(move |_| {
            count.set(count.get() + 1);
            count.get() > 1
        })
        .on_made(move |_| stop());
    let port = listen(reactor, script);
    let (declined, _taken) = (peer_of(&port), peer_of(&port));

    run(reactor);

    assert_eq!(read_all(&declined).unwrap(), b"");
    log.assert(&[
        "server built",
        "server built",
        "server made",
        "server lost ReactorStopped",
    ]);
}

// L-013
fn a_panic_in_build_protocol_closes_that_client_only(reactor: &Reactor) {
    let (log, reports) = (Log::default(), Reports::collected());
    let (count, stop) = (Cell::new(0), stop_at_call(1, reactor));
    let script = Script::new("server", &log)
        .on_build(move |_| {
            count.set(count.get() + 1);
            assert!(count.get() > 1, "no protocol");
            true
        })
        .on_made(move |_| stop());
    let port = listen(reactor, script);
    let (refused, _taken) = (peer_of(&port), peer_of(&port));

    run(reactor);

    assert_eq!(read_all(&refused).unwrap(), b"");
    assert_eq!(log.count("server made"), 1);
    reports.assert(&[("Unhandled error in build_protocol", "panic: no protocol")]);
}

// L-015, N-021
fn a_client_that_has_reset_before_it_is_accepted_does_no_harm(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let script = Script::new("server", &log).on_data(move |_, _| stop());
    let port = listen(reactor, script);
    common::peers::reset(peer_of(&port));
    let mut good = peer_of(&port);
    good.write_all(b"hello").unwrap();

    run(reactor);

    assert_eq!(log.count("server data hello"), 1);
}
