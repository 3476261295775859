//! Those that are told to wait: readers that are paused, and writers that find no room.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use protocols::{Flow, Producer, PushProducer, Transport};

use crate::common::peers::pattern;
use crate::common::{Bytes, Log, Script, after_turns, stop_at_call};
use crate::joined::{Join, assert_told, on_every_transport};
use crate::play::{Play, collect};

on_every_transport!(
    data_waits_for_one_that_is_paused,
    pausing_and_resuming_loses_nothing,
    a_push_producer_waits_for_a_slow_reader,
    a_transport_says_when_it_is_full,
);

// N-036, N-038, S-016
fn data_waits_for_one_that_is_paused(join: &Join<'_>) {
    let (log, reactor) = (Log::default(), join.reactor().clone());
    let resumed = log.clone();
    let client = Script::unnoted().on_made(|transport| {
        transport.write(b"data");
    });
    let received = Bytes::default();
    let stop = stop_at_call(1, join.reactor());
    let server = Script::new("server", &log)
        .on_made(move |transport| {
            transport.pause_producing();
            transport.pause_producing();
            let (transport, resumed) = (Rc::clone(transport), resumed.clone());
            reactor.call_later(Duration::from_millis(10), move |_| {
                resumed.note("server resumed");
                transport.resume_producing();
            });
        })
        .on_data(collect(&received, 4, move |_| stop()));

    join.play(client, server);

    assert_told(
        &log,
        &["made", "resumed", "data data", "lost ReactorStopped"],
    );
}

// N-033, N-037
fn pausing_and_resuming_loses_nothing(join: &Join<'_>) {
    const LEN: usize = 200_000;
    let (received, reactor) = (Bytes::default(), join.reactor().clone());
    let collected = collect(&received, usize::MAX, |_| ());
    let pieces = Cell::new(0);
    let play = Play::new(join)
        .client(|script| {
            script.on_made(|transport| {
                for part in pattern(LEN).chunks(1000) {
                    transport.write(part);
                }
                transport.lose_connection();
            })
        })
        .server(|script| {
            script.on_data(move |transport, data| {
                collected(transport, data);
                pieces.set(pieces.get() + 1);
                transport.pause_producing();
                if pieces.get() % 50 == 0 {
                    let transport = Rc::clone(transport);
                    after_turns(&reactor, 2, move |_| transport.resume_producing());
                } else {
                    transport.resume_producing();
                }
            })
        });

    let (_, server) = play.over(join);

    assert!(received.take() == pattern(LEN));
    assert_eq!(server.count("server lost ConnectionDone"), 1);
}

/// Writes a lot when it is told to go on, twice, and is done then.
struct Bursts {
    log: Log,
    transport: Rc<dyn Transport>,
    all: Vec<u8>,
    written: Cell<usize>,
}

impl Bursts {
    const BURSTS: usize = 3;

    fn burst(&self) {
        let (from, len) = (self.written.get(), self.all.len() / Self::BURSTS);
        self.written.set(from + len);
        let flow = self.transport.write(&self.all[from..from + len]);
        assert_eq!(flow, Flow::Full);
        if self.written.get() == self.all.len() {
            self.transport.unregister_producer();
            self.transport.lose_connection();
        }
    }
}

impl PushProducer for Bursts {
    fn pause_producing(&self) {
        self.log.note("paused");
    }

    fn resume_producing(&self) {
        self.log.note("resumed");
        self.burst();
    }

    fn stop_producing(&self) {
        self.log.note("stopped");
    }
}

// S-006, S-007, S-008, Z-031
// fault: slow reader
fn a_push_producer_waits_for_a_slow_reader(join: &Join<'_>) {
    let len = Bursts::BURSTS * join.much();
    let (log, received) = (Log::default(), Bytes::default());
    let (noted, reactor) = (log.clone(), join.reactor().clone());
    let early = log.clone();
    let play = Play::new(join)
        .client(|script| {
            script
                .on_made(move |transport| {
                    transport.pause_producing();
                    let (transport, early) = (Rc::clone(transport), early.clone());
                    reactor.call_later(Duration::from_millis(50), move |_| {
                        early.assert(&["paused"]);
                        transport.resume_producing();
                    });
                })
                .on_data(collect(&received, usize::MAX, |_| ()))
        })
        .server(|script| {
            script.on_made(move |transport| {
                let producer = Rc::new(Bursts {
                    log: noted.clone(),
                    transport: Rc::clone(transport),
                    all: pattern(len),
                    written: Cell::new(0),
                });
                transport
                    .register_producer(Producer::Push(Rc::clone(&producer) as _))
                    .expect("there is none");
                producer.burst();
            })
        });

    play.over(join);

    assert!(received.take() == pattern(len));
    log.assert(&["paused", "resumed", "paused", "resumed"]);
}

// S-019
fn a_transport_says_when_it_is_full(join: &Join<'_>) {
    let play = Play::new(join).server(|script| {
        script.on_made(|transport| {
            assert_eq!(transport.write(&[0; 64 * 1024]), Flow::Open);
            assert_eq!(transport.write(b"x"), Flow::Full);
            transport.set_water_marks(100_000, 0);
            assert_eq!(transport.write_vectored(&[b"y"]), Flow::Open);
            transport.lose_connection();
        })
    });

    play.over(join);
}
