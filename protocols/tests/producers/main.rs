//! Producers that are registered with a transport: when they are paused, resumed, asked and stopped.

#[path = "../common/mod.rs"]
mod common;

mod ends;
mod flow;
mod notes;

use std::rc::Rc;

use common::{Kept, Log, calling, on_every_backend, read_all, run, stop_soon};
use notes::{Notes, connection};
use protocols::ProducerError;
use protocols::reactor::Reactor;

on_every_backend!(
    a_second_producer_is_refused_and_the_first_stays,
    a_push_producer_is_not_called_when_it_is_registered,
    a_pull_producer_is_asked_when_it_is_registered_and_not_from_inside_the_call,
    a_producer_of_a_lost_transport_is_stopped_and_not_kept,
    a_producer_of_a_closing_transport_is_stopped,
    unregistering_when_none_is_registered_is_harmless,
    unregistering_after_the_end_is_harmless,
);

// S-001
fn a_second_producer_is_refused_and_the_first_stays(reactor: &Reactor) {
    let (log, other) = (Log::default(), Log::default());
    let (first, second) = (Notes::new(&log), Notes::new(&other));
    let _peer = connection(reactor, &log, move |transport| {
        transport.register_producer(first.push()).unwrap();
        for producer in [second.push(), second.pull()] {
            let refused = transport.register_producer(producer);
            assert_eq!(refused, Err(ProducerError::AlreadyRegistered));
        }
        transport.abort_connection();
    });

    run(reactor);

    log.assert(&["stop", "lost ConnectionAborted"]);
    assert!(other.is_empty());
}

// S-002
fn a_push_producer_is_not_called_when_it_is_registered(reactor: &Reactor) {
    let log = Log::default();
    let (producer, reactor_too) = (Notes::new(&log), reactor.clone());
    let _peer = connection(reactor, &log, move |transport| {
        transport.register_producer(producer.push()).unwrap();
        stop_soon(&reactor_too);
    });

    run(reactor);

    log.assert(&["stop", "lost ReactorStopped"]);
}

// S-002, N-041
fn a_pull_producer_is_asked_when_it_is_registered_and_not_from_inside_the_call(reactor: &Reactor) {
    let log = Log::default();
    let registering = log.clone();
    let peer = connection(reactor, &log, move |transport| {
        let to_end = Rc::clone(transport);
        let producer = Notes::that(&registering, move || {
            to_end.write(b"some");
            to_end.unregister_producer();
            to_end.lose_connection();
        });
        calling(|| transport.register_producer(producer.pull())).unwrap();
        registering.note("registered");
    });

    run(reactor);

    log.assert(&["registered", "resume", "lost ConnectionDone"]);
    assert_eq!(read_all(&peer).unwrap(), b"some");
}

// S-003
fn a_producer_of_a_lost_transport_is_stopped_and_not_kept(reactor: &Reactor) {
    let log = Log::default();
    let (producer, kept) = (Notes::new(&log), Kept::default());
    let keep = kept.clone();
    let _peer = connection(reactor, &log, move |transport| {
        keep.keep(transport);
        transport.abort_connection();
    });
    run(reactor);

    let (late, reactor_too) = (Rc::clone(&producer), reactor.clone());
    reactor.call_when_running(move |_| {
        kept.get().register_producer(late.push()).unwrap();
        kept.get().register_producer(late.pull()).unwrap();
        stop_soon(&reactor_too);
    });
    run(reactor);

    log.assert(&["lost ConnectionAborted", "stop", "stop"]);
    assert_eq!(Rc::strong_count(&producer), 1);
}

// S-003
fn a_producer_of_a_closing_transport_is_stopped(reactor: &Reactor) {
    let log = Log::default();
    let producer = Notes::new(&log);
    let _peer = connection(reactor, &log, move |transport| {
        transport.lose_connection();
        transport.register_producer(producer.push()).unwrap();
    });

    run(reactor);

    log.assert(&["lost ConnectionDone", "stop"]);
}

// S-004
fn unregistering_when_none_is_registered_is_harmless(reactor: &Reactor) {
    let log = Log::default();
    let producer = Notes::new(&log);
    let peer = connection(reactor, &log, move |transport| {
        transport.unregister_producer();
        transport.register_producer(producer.push()).unwrap();
        transport.unregister_producer();
        transport.unregister_producer();
        transport.write(b"fine");
        transport.lose_connection();
    });

    run(reactor);

    assert_eq!(read_all(&peer).unwrap(), b"fine");
    log.assert(&["lost ConnectionDone"]);
}

// S-005
fn unregistering_after_the_end_is_harmless(reactor: &Reactor) {
    let log = Log::default();
    let (producer, kept) = (Notes::new(&log), Kept::default());
    let keep = kept.clone();
    let _peer = connection(reactor, &log, move |transport| {
        keep.keep(transport);
        transport.register_producer(producer.push()).unwrap();
        transport.abort_connection();
        transport.unregister_producer();
    });

    run(reactor);
    kept.get().unregister_producer();

    assert!(reactor.readers().is_empty() && reactor.writers().is_empty());
    log.assert(&["lost ConnectionAborted"]);
}
