//! Producers, a protocol that collects, and waiting for ends: what tests are made of.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use common::{Reports, name_of};
use protocols::deferred::testing::{assert_no_result, success_result_of};
use protocols::testing::{
    Collector, Pair, StrictPushProducer, StrictState, StringTransport, TenTimes, all_disconnected,
};
use protocols::{Consumer, Producer, PullProducer, PushProducer, Transport};

/// Whether `f` panics.
fn panics(f: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(f)).is_err()
}

// Z-021
#[test]
fn a_ten_times_producer_writes_ten_times_and_unregisters_itself() {
    let transport = StringTransport::new();
    let handle: Rc<dyn Transport> = transport.clone();
    let producer = TenTimes::new(&handle);
    let registered = Producer::Pull(Rc::clone(&producer) as _);
    transport
        .register_producer(registered)
        .expect("there is none");

    for times in 1..=10 {
        assert!(transport.producer().is_some());
        producer.resume_producing();
        assert_eq!(producer.written(), times);
    }

    assert_eq!(transport.value(), b"12345678910");
    assert!(producer.is_done());
    assert!(transport.producer().is_none());
    assert!(panics(|| producer.resume_producing()));
    assert!(panics(|| producer.stop_producing()));
}

// Z-021
#[test]
fn a_ten_times_producer_that_was_stopped_is_not_to_be_asked() {
    let handle: Rc<dyn Transport> = StringTransport::new();
    let producer = TenTimes::new(&handle);

    producer.stop_producing();

    assert!(producer.is_stopped());
    assert!(panics(|| producer.resume_producing()));
    assert!(panics(|| producer.stop_producing()));
    assert_eq!(producer.written(), 0);
}

/// A producer that was told these things in turn, and whether the last one was refused.
fn told(what: &[fn(&StrictPushProducer)]) -> (StrictState, bool) {
    let producer = StrictPushProducer::new();
    let (last, before) = what.split_last().expect("it is told something");
    for tell in before {
        tell(&producer);
    }
    let is_refused = panics(|| last(&producer));
    (producer.state(), is_refused)
}

// Z-028
#[test]
fn a_strict_producer_refuses_what_does_not_fit_its_state() {
    use StrictState::{Paused, Running, Stopped};
    type Tell = fn(&StrictPushProducer);
    let pause: Tell = PushProducer::pause_producing;
    let resume: Tell = PushProducer::resume_producing;
    let stop: Tell = PushProducer::stop_producing;

    assert_eq!(told(&[pause]), (Paused, false));
    assert_eq!(told(&[resume]), (Running, true));
    assert_eq!(told(&[stop]), (Stopped, false));
    assert_eq!(told(&[pause, pause]), (Paused, true));
    assert_eq!(told(&[pause, resume]), (Running, false));
    assert_eq!(told(&[pause, stop]), (Stopped, false));
    assert_eq!(told(&[pause, resume, pause]), (Paused, false));
    assert_eq!(told(&[pause, resume, resume]), (Running, true));
    assert_eq!(told(&[pause, resume, stop]), (Stopped, false));
    assert_eq!(told(&[stop, pause]), (Stopped, true));
    assert_eq!(told(&[stop, resume]), (Stopped, true));
    assert_eq!(told(&[stop, stop]), (Stopped, true));
}

// Z-028
#[test]
fn what_a_strict_producer_refuses_ends_its_connection() {
    let reports = Reports::collected();
    let ((client, collected), (server, _)) = (Collector::new(), Collector::new());
    let pair = Pair::join(client, server);
    let producer = StrictPushProducer::new();
    pair.flush();
    let registered = Producer::Push(Rc::clone(&producer) as _);
    pair.client()
        .register_producer(registered)
        .expect("there is none");
    producer.stop_producing();

    pair.client().abort_connection();
    pair.flush();

    reports.assert_reasons(&["panic: it is told to stop while it is Stopped"]);
    assert!(collected.reason().is_some());
}

// Z-021
#[test]
fn a_collector_tells_when_it_was_made_and_lost() {
    let ((client, collected), (server, _)) = (Collector::new(), Collector::new());
    let pair = Pair::join(client, server);
    let made = assert_no_result(collected.made());
    let lost = assert_no_result(collected.lost());

    pair.flush();
    success_result_of(made);
    pair.server().write(b"one ");
    pair.server().write(b"two");
    pair.server().lose_connection();
    pair.flush();

    assert_eq!(collected.data(), b"one two");
    assert_eq!(collected.pieces(), 2);
    assert_eq!(name_of(&success_result_of(lost)), "ConnectionDone");
    assert_eq!(
        name_of(&success_result_of(collected.lost())),
        "ConnectionDone"
    );
    success_result_of(collected.made());
}

// Z-021
#[test]
fn all_ends_can_be_waited_for() {
    let pairs = [(); 2].map(|()| {
        let ((client, _), (server, _)) = (Collector::new(), Collector::new());
        let pair = Pair::join(client, server);
        pair.flush();
        pair
    });
    let transports = pairs.iter().flat_map(|pair| [pair.client(), pair.server()]);
    let all = all_disconnected(transports);

    pairs[1].server().abort_connection();
    pairs[1].flush();
    let all = assert_no_result(all);
    pairs[0].client().lose_connection();
    pairs[0].flush();

    let reasons: Vec<_> = success_result_of(all).iter().map(name_of).collect();
    let expected = [
        "ConnectionDone",
        "ConnectionDone",
        "ConnectionLost",
        "ConnectionAborted",
    ];
    assert_eq!(reasons, expected);
    assert!(success_result_of(all_disconnected([])).is_empty());
}
