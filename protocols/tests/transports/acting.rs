//! What producers do to their connection when they are called: they end it, they abort it, they panic.

use std::rc::Rc;

use protocols::{Producer, PushProducer, Transport};

use crate::common::{Bytes, Log, Reports};
use crate::joined::{Join, assert_told, on_every_transport};
use crate::play::{Play, collect};

on_every_transport!(
    a_producer_ends_its_connection_whatever_it_is_told,
    a_producer_aborts_its_connection_whatever_it_is_told,
    a_panic_of_a_producer_is_reported_whatever_it_is_told,
);

/// What a push producer is told in its life, in order.
const CALLS: [&str; 3] = ["paused", "resumed", "stopped"];

/// Notes what it is told, and does something when it is told this.
struct Acting {
    log: Log,
    transport: Rc<dyn Transport>,
    when: &'static str,
    what: fn(&Rc<dyn Transport>),
}

impl Acting {
    fn told(&self, call: &str) {
        self.log.note(format!("producer {call}"));
        if call == self.when {
            (self.what)(&self.transport);
        }
    }
}

impl PushProducer for Acting {
    fn pause_producing(&self) {
        self.told("paused");
    }

    fn resume_producing(&self) {
        self.told("resumed");
    }

    fn stop_producing(&self) {
        self.told("stopped");
    }
}

/// Does `what` in one call of a producer that meets all of them, and gives what the producer and its protocol were
/// told.
#[track_caller]
fn doing_when(join: &Join<'_>, when: &'static str, what: fn(&Rc<dyn Transport>)) -> Log {
    let much = join.much();
    let play = Play::new(join);
    let log = play.server_log.clone();
    let play = play
        .client(|script| {
            script.on_data(collect(&Bytes::default(), much, |transport| {
                transport.lose_connection();
            }))
        })
        .server(|script| {
            script.on_made(move |transport| {
                let producer = Acting {
                    log: log.clone(),
                    transport: Rc::clone(transport),
                    when,
                    what,
                };
                transport
                    .register_producer(Producer::Push(Rc::new(producer)))
                    .expect("there is none");
                transport.write(&vec![b'x'; much]);
            })
        });
    let (_, server) = play.over(join);
    server
}

/// What is told up to this call.
fn calls_until(when: &str) -> Vec<&str> {
    let last = CALLS.iter().position(|call| *call == when);
    let calls = &CALLS[..=last.expect("it is one of them")];
    [&["made"], calls].concat()
}

// fault: an end in a callback
fn a_producer_ends_its_connection_whatever_it_is_told(join: &Join<'_>) {
    for when in CALLS {
        let told = doing_when(join, when, |transport| transport.stop_consuming());

        let expected = [calls_until(when), vec!["lost ConnectionDone"]].concat();
        assert_told(&told, &expected);
    }
}

// fault: an abort in a callback
fn a_producer_aborts_its_connection_whatever_it_is_told(join: &Join<'_>) {
    for (when, rest) in [
        ("paused", &["stopped", "lost ConnectionAborted"][..]),
        ("resumed", &["stopped", "lost ConnectionAborted"]),
        // The peer has ended it already.
        ("stopped", &["lost ConnectionDone"]),
    ] {
        let told = doing_when(join, when, |transport| transport.abort_connection());

        assert_told(&told, &[&calls_until(when)[..], rest].concat());
    }
}

// N-034
// fault: a panic in a callback
fn a_panic_of_a_producer_is_reported_whatever_it_is_told(join: &Join<'_>) {
    let reports = Reports::collected();
    for (when, rest) in [
        ("paused", &["stopped", "lost panic: oh no"][..]),
        ("resumed", &["stopped", "lost panic: oh no"]),
        // The peer has ended it already.
        ("stopped", &["lost ConnectionDone"]),
    ] {
        let told = doing_when(join, when, |_| panic!("oh no"));

        assert_told(&told, &[&calls_until(when)[..], rest].concat());
        reports.assert_reasons(&["panic: oh no"]);
    }
}
