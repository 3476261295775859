//! Producers of a connection that ends.

use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;
use std::thread;

use protocols::reactor::Reactor;
use protocols::{Producer, PullProducer};

use crate::common::{
    Log, Reports, Script, after_turns, listen, lose_write, on_every_backend, peer_of, read_all,
    run, stop_soon,
};
use crate::notes::{Notes, connection};

on_every_backend!(
    lose_connection_waits_for_the_producer,
    the_end_of_writing_waits_for_the_producer,
    what_others_write_while_a_producer_holds_up_the_end_is_sent,
    losing_the_connection_stops_the_producer_before_the_protocol_hears,
    nothing_is_asked_of_a_producer_after_the_end,
    stop_consuming_unregisters_and_ends,
    a_panic_of_a_producer_ends_its_connection,
    a_panic_of_a_producer_that_is_stopped_is_reported,
    a_producer_may_abort_the_connection_when_it_is_called,
);

// S-013, N-028
fn lose_connection_waits_for_the_producer(reactor: &Reactor) {
    let log = Log::default();
    let (noting, reactor_too) = (log.clone(), reactor.clone());
    let peer = connection(reactor, &log, move |transport| {
        transport
            .register_producer(Notes::new(&noting).push())
            .unwrap();
        transport.lose_connection();
        let (transport, noting) = (Rc::clone(transport), noting.clone());
        after_turns(&reactor_too, 5, move |_| {
            transport.write(b"the last of it");
            noting.note("done");
            transport.unregister_producer();
            transport.write(b" and no more");
        });
    });

    run(reactor);

    assert_eq!(read_all(&peer).unwrap(), b"the last of it");
    log.assert(&["done", "lost ConnectionDone"]);
}

// N-054
fn the_end_of_writing_waits_for_the_producer(reactor: &Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let mut peer = connection(reactor, &log, move |transport| {
        let (transport_too, asked) = (Rc::clone(transport), Cell::new(0));
        let producer = Notes::that(&noting, move || {
            asked.set(asked.get() + 1);
            transport_too.write(b"some ");
            if asked.get() == 3 {
                transport_too.unregister_producer();
            }
        });
        transport.register_producer(producer.pull()).unwrap();
        lose_write(transport);
    });
    let reader = thread::spawn(move || {
        let received = read_all(&peer);
        peer.write_all(b"x").map(|()| received)
    });

    run(reactor);

    let received = reader.join().unwrap().unwrap().unwrap();
    assert_eq!(received, b"some some some ");
    log.assert(&["resume", "resume", "resume", "lost ConnectionDone"]);
}

// N-028
fn what_others_write_while_a_producer_holds_up_the_end_is_sent(reactor: &Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let peer = connection(reactor, &log, move |transport| {
        transport
            .register_producer(Notes::new(&noting).push())
            .unwrap();
        transport.lose_connection();
        transport.write(b"kept");
        transport.unregister_producer();
        transport.write(b"dropped");
    });

    run(reactor);

    assert_eq!(read_all(&peer).unwrap(), b"kept");
}

// S-014
fn losing_the_connection_stops_the_producer_before_the_protocol_hears(reactor: &Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let peer = connection(reactor, &log, move |transport| {
        transport
            .register_producer(Notes::new(&noting).push())
            .unwrap();
    });
    after_turns(reactor, 5, move |_| drop(peer));

    run(reactor);

    log.assert(&["stop", "lost ConnectionDone"]);
}

// S-014
fn nothing_is_asked_of_a_producer_after_the_end(reactor: &Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let reactor_too = reactor.clone();
    let script = Script::unnoted().on_made(move |transport| {
        transport
            .register_producer(Notes::new(&noting).pull())
            .unwrap();
        transport.abort_connection();
        stop_soon(&reactor_too);
    });
    let _peer = peer_of(&listen(reactor, script));

    run(reactor);

    log.assert(&["stop"]);
    assert!(reactor.delayed_calls().is_empty());
}

// S-015
// fault: an end in a callback
fn stop_consuming_unregisters_and_ends(reactor: &Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let peer = connection(reactor, &log, move |transport| {
        transport
            .register_producer(Notes::new(&noting).push())
            .unwrap();
        transport.write(b"all");
        transport.stop_consuming();
    });

    run(reactor);

    assert_eq!(read_all(&peer).unwrap(), b"all");
    log.assert(&["lost ConnectionDone"]);
}

// fault: a panic in a callback
fn a_panic_of_a_producer_ends_its_connection(reactor: &Reactor) {
    let reports = Reports::collected();
    let log = Log::default();
    let noting = log.clone();
    let _peer = connection(reactor, &log, move |transport| {
        let producer = Notes::that(&noting, || panic!("out of words"));
        transport.register_producer(producer.pull()).unwrap();
    });

    run(reactor);

    log.assert(&["resume", "stop", "lost panic: out of words"]);
    reports.assert(&[("Unhandled error in resume_producing", "panic: out of words")]);
}

/// A producer that panics when it is stopped.
struct Stubborn;

impl PullProducer for Stubborn {
    fn resume_producing(&self) {}

    fn stop_producing(&self) {
        panic!("not yet");
    }
}

// fault: a panic in a callback
fn a_panic_of_a_producer_that_is_stopped_is_reported(reactor: &Reactor) {
    let reports = Reports::collected();
    let log = Log::default();
    let _peer = connection(reactor, &log, |transport| {
        transport
            .register_producer(Producer::Pull(Rc::new(Stubborn)))
            .unwrap();
        transport.abort_connection();
    });

    run(reactor);

    log.assert(&["lost ConnectionAborted"]);
    reports.assert(&[("Unhandled error in stop_producing", "panic: not yet")]);
}

// fault: an abort in a callback
fn a_producer_may_abort_the_connection_when_it_is_called(reactor: &Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let peer = connection(reactor, &log, move |transport| {
        let to_abort = Rc::clone(transport);
        let producer = Notes::that(&noting, move || {
            to_abort.write(b"never sent");
            to_abort.abort_connection();
        });
        transport.register_producer(producer.pull()).unwrap();
    });

    run(reactor);

    log.assert(&["resume", "stop", "lost ConnectionAborted"]);
    assert!(read_all(&peer).is_err());
}
