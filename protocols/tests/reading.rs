//! Reading: how much one connection is given in a turn, and what it leaves to the others.

mod common;

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::net::TcpStream;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use common::peers::pattern;
use common::{
    Log, Script, listen, on_every_backend, peer_of, recorded, run, stop_at_call, stop_soon,
};
use protocols::reactor::Reactor;

on_every_backend!(
    one_turn_reads_at_most_64_kib_of_a_connection,
    a_busy_connection_leaves_their_turn_to_many_others,
    bytes_that_came_are_given_though_what_follows_cannot_be_watched,
    a_callback_that_is_watched_has_the_name_of_its_protocol_and_peer,
);

/// More than two sockets hold between them, however generous the system is.
const MUCH: usize = 24 * 1024 * 1024;

// N-031
fn one_turn_reads_at_most_64_kib_of_a_connection(reactor: &Reactor) {
    let largest = Rc::new(Cell::new(0));
    let (seen, received) = (Rc::clone(&largest), Cell::new(0));
    let stop = reactor.clone();
    let script = Script::unnoted().on_data(move |_, data| {
        seen.set(data.len().max(seen.get()));
        received.set(received.get() + data.len());
        if received.get() == MUCH {
            stop_soon(&stop);
        }
    });
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    let writer = thread::spawn(move || {
        peer.write_all(&pattern(MUCH)).unwrap();
        peer
    });

    run(reactor);

    drop(writer.join().unwrap());
    assert!(largest.get() <= 64 * 1024);
}

// N-031
// fault: many at once
fn a_busy_connection_leaves_their_turn_to_many_others(reactor: &Reactor) {
    const OTHERS: usize = 50;
    let order: Rc<RefCell<Vec<u8>>> = Rc::default();
    let (seen, stop) = (order.clone(), reactor.clone());
    let made = Cell::new(0);
    let peers: Rc<RefCell<Vec<TcpStream>>> = Rc::default();
    let ready = Rc::clone(&peers);
    let script = Script::unnoted()
        .on_made(move |_| {
            made.set(made.get() + 1);
            if made.get() == OTHERS + 1 {
                for peer in &*ready.borrow() {
                    let mut peer: &TcpStream = peer;
                    peer.write_all(b"o").unwrap();
                }
            }
        })
        .on_data(move |_, data| {
            let mut seen = seen.borrow_mut();
            seen.push(data[0]);
            if seen.iter().filter(|kind| **kind == b'o').count() == OTHERS {
                stop.stop().unwrap_or_default();
            }
        });
    let port = listen(reactor, script);
    let mut busy = peer_of(&port);
    busy.set_nonblocking(true).unwrap();
    // As much as there is room for waits to be read: some turns' work.
    while busy.write(&[b'b'; 100_000]).is_ok() {}
    peers
        .borrow_mut()
        .extend((0..OTHERS).map(|_| peer_of(&port)));

    run(reactor);

    // From the turn in which all are ready on, the busy one is read at most once in it.
    let order = order.borrow();
    let first = order.iter().position(|kind| *kind == b'o').unwrap();
    let busy_reads = order[first..].iter().filter(|kind| **kind == b'b').count();
    assert!(busy_reads <= 2, "{busy_reads}");
}

// fault: no memory
fn bytes_that_came_are_given_though_what_follows_cannot_be_watched(reactor: &Reactor) {
    let (reactor, waits) = recorded(reactor);
    waits.refuse_changes();
    let log = Log::default();
    let stop = stop_at_call(1, &reactor);
    let script = Script::new("server", &log)
        .on_made(|transport| transport.abilities().socket.unwrap().set_read_size(4))
        .on_lost(move |_| stop());
    let port = listen(&reactor, script);
    let mut peer = peer_of(&port);
    peer.write_all(b"nevermore").unwrap();

    run(&reactor);

    log.assert(&[
        "server built",
        "server made",
        "server data neve",
        "server lost ConnectionLost",
    ]);
}

// N-063
fn a_callback_that_is_watched_has_the_name_of_its_protocol_and_peer(reactor: &Reactor) {
    let stop = reactor.clone();
    let port = listen(
        reactor,
        Script::unnoted().on_data(move |_, _| stop_soon(&stop)),
    );
    let mut peer = peer_of(&port);
    peer.write_all(b"x").unwrap();
    let seen: Rc<RefCell<Vec<String>>> = Rc::default();
    let noting = Rc::clone(&seen);
    reactor.watch_callbacks(Duration::ZERO, move |slow| {
        noting.borrow_mut().push(slow.what.clone());
    });

    run(reactor);

    let expected = "do_read of Player,0,127.0.0.1".to_owned();
    assert!(seen.borrow().contains(&expected), "{:?}", seen.borrow());
}
