//! Producers that are registered with a transport.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use protocols::testing::TenTimes;
use protocols::{Producer, ProducerError, PullProducer, Transport};

use crate::common::{Log, Reports, Script, calling, stop_at_call};
use crate::joined::{Join, assert_told, on_every_transport};
use crate::play::{Noting, Play, assert_lost_or_done};

on_every_transport!(
    a_pull_producer_is_asked_as_often_as_it_writes,
    a_producer_that_has_nothing_is_asked_again,
    a_producer_is_stopped_once_before_the_end_is_told,
    a_producer_that_comes_too_late_is_stopped,
    there_is_one_producer_at_a_time,
    a_panic_in_a_producer_is_the_reason,
);

// S-002, S-009, S-013, Z-021, Z-027, Z-031
fn a_pull_producer_is_asked_as_often_as_it_writes(join: &Join<'_>) {
    let producers: Rc<RefCell<Vec<Rc<TenTimes>>>> = Rc::default();
    let keep = Rc::clone(&producers);
    let play = Play::new(join).server(|script| {
        script.on_made(move |transport| {
            let producer = TenTimes::new(transport);
            transport
                .register_producer(Producer::Pull(Rc::clone(&producer) as _))
                .expect("there is none");
            // The end waits for the producer.
            transport.lose_connection();
            keep.borrow_mut().push(producer);
        })
    });

    let (client, _) = play.over(join);

    let told = ["made", "data 12345678910", "lost ConnectionDone"];
    assert_told(&client, &told);
    let producer = producers.borrow_mut().pop().expect("it was made");
    assert!(producer.is_done());
    assert!(!producer.is_stopped());
}

/// Has nothing to write the first times that it is asked.
struct Late {
    transport: Rc<dyn Transport>,
    asked: Cell<u32>,
}

impl PullProducer for Late {
    fn resume_producing(&self) {
        self.asked.set(self.asked.get() + 1);
        if self.asked.get() == 3 {
            self.transport.write(b"at last");
            self.transport.unregister_producer();
            self.transport.lose_connection();
        }
    }

    fn stop_producing(&self) {}
}

// S-011
fn a_producer_that_has_nothing_is_asked_again(join: &Join<'_>) {
    let play = Play::new(join).server(|script| {
        script.on_made(|transport| {
            let producer = Rc::new(Late {
                transport: Rc::clone(transport),
                asked: Cell::new(0),
            });
            transport
                .register_producer(Producer::Pull(producer))
                .expect("there is none");
        })
    });

    let (client, _) = play.over(join);

    assert_told(&client, &["made", "data at last", "lost ConnectionDone"]);
}

// S-014
fn a_producer_is_stopped_once_before_the_end_is_told(join: &Join<'_>) {
    let log = Log::default();
    let (noted, stop) = (log.clone(), stop_at_call(2, join.reactor()));
    let stop_too = stop.clone();
    let client = Script::unnoted()
        .on_data(|transport, _| transport.abort_connection())
        .on_lost(move |_| stop());
    let server = Script::new("server", &log)
        .on_made(move |transport| {
            let producer = Rc::new(Noting(noted.clone()));
            transport
                .register_producer(Producer::Push(producer))
                .expect("there is none");
            transport.write(b"x");
        })
        .on_lost(move |_| stop_too());

    join.play(client, server);

    let notes = log.notes();
    assert_eq!(
        notes[..3],
        ["server built", "server made", "producer stopped"]
    );
    assert_lost_or_done(&log);
}

// S-003, S-015
fn a_producer_that_comes_too_late_is_stopped(join: &Join<'_>) {
    let log = Log::default();
    let noted = log.clone();
    let play = Play::new(join).server(|script| {
        script.on_made(move |transport| {
            transport.lose_connection();
            let producer = Rc::new(Noting(noted.clone()));
            calling(|| transport.register_producer(Producer::Push(producer)))
                .expect("it is not kept");
        })
    });

    play.over(join);

    log.assert(&["producer stopped"]);
}

// S-001, S-004
fn there_is_one_producer_at_a_time(join: &Join<'_>) {
    let log = Log::default();
    let noted = log.clone();
    let play = Play::new(join).server(|script| {
        script.on_made(move |transport| {
            let producer = || Producer::Push(Rc::new(Noting(noted.clone())));
            transport.unregister_producer();
            assert_eq!(transport.register_producer(producer()), Ok(()));
            let second = transport.register_producer(producer());
            assert_eq!(second, Err(ProducerError::AlreadyRegistered));
            transport.unregister_producer();
            transport.unregister_producer();
            assert_eq!(transport.register_producer(producer()), Ok(()));
            transport.stop_consuming();
        })
    });

    let (_, server) = play.over(join);

    log.assert(&[]);
    assert_told(&server, &["made", "lost ConnectionDone"]);
}

/// Panics when it is asked.
struct Failing;

impl PullProducer for Failing {
    fn resume_producing(&self) {
        panic!("nothing there");
    }

    fn stop_producing(&self) {}
}

// N-034
fn a_panic_in_a_producer_is_the_reason(join: &Join<'_>) {
    let reports = Reports::collected();
    let play = Play::new(join).server(|script| {
        script.on_made(|transport| {
            transport
                .register_producer(Producer::Pull(Rc::new(Failing)))
                .expect("there is none");
        })
    });

    let (_, server) = play.over(join);

    assert_told(&server, &["made", "lost panic: nothing there"]);
    reports.assert(&[(
        "Unhandled error in resume_producing",
        "panic: nothing there",
    )]);
}
