//! What every transport does, whatever it is made of: the same checks over TCP, over UNIX sockets and in memory.

mod common;
#[path = "common/joined.rs"]
mod joined;
#[path = "common/paths.rs"]
mod paths;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use common::peers::pattern;
use common::{
    Bytes, Kept, Log, Ownership, Reports, Script, after_turns, calling, lose_write, stop_at_call,
    stop_soon,
};
use joined::{Join, assert_told, on_every_transport};
use protocols::deferred::testing::success_result_of;
use protocols::testing::TenTimes;
use protocols::{Flow, Producer, ProducerError, PullProducer, PushProducer, Transport};

on_every_transport!(
    callbacks_come_in_order_and_nothing_after_the_end,
    data_comes_complete_and_in_order_both_ways,
    a_sequence_is_its_parts_in_order,
    lose_connection_sends_what_was_written,
    abort_connection_sends_nothing_more,
    what_is_written_after_the_end_was_asked_for_is_dropped,
    nothing_is_called_from_inside_a_call,
    lose_connection_from_each_callback_is_an_end_in_order,
    abort_connection_from_each_callback_is_an_abort,
    a_panic_in_each_callback_is_reported_and_is_the_reason,
    a_panic_at_the_end_keeps_nobody_from_hearing_of_it,
    data_waits_for_one_that_is_paused,
    pausing_and_resuming_loses_nothing,
    a_push_producer_waits_for_a_slow_reader,
    a_pull_producer_is_asked_as_often_as_it_writes,
    a_producer_that_has_nothing_is_asked_again,
    a_producer_is_stopped_once_before_the_end_is_told,
    a_producer_that_comes_too_late_is_stopped,
    there_is_one_producer_at_a_time,
    a_panic_in_a_producer_is_the_reason,
    one_direction_ends_and_the_other_goes_on,
    one_that_is_not_half_closeable_ends_with_its_peers_half,
    both_directions_ended_is_the_end,
    the_end_of_writing_waits_for_a_producer,
    when_lost_fires_after_the_protocol_was_told,
    one_that_reads_nothing_is_not_waited_for_beyond_the_limit,
    both_ends_know_both_addresses,
    a_transport_says_when_it_is_full,
    connections_are_lost_when_the_reactor_stops,
    nothing_is_left_of_a_connection_that_is_over,
);

/// Two scripts that note to logs of their own; the reactor stops when both have been told of the end.
struct Play {
    client: Script,
    server: Script,
    client_log: Log,
    server_log: Log,
}

impl Play {
    fn new(join: &Join<'_>) -> Self {
        let (client_log, server_log) = (Log::default(), Log::default());
        let stop = stop_at_call(2, join.reactor());
        let (stop_too, failed) = (stop.clone(), stop.clone());
        Self {
            // Over TCP, an abort may come before the client knows that there is a connection.
            client: Script::new("client", &client_log)
                .on_lost(move |_| stop())
                .on_failed(move |_, _| failed()),
            server: Script::new("server", &server_log).on_lost(move |_| stop_too()),
            client_log,
            server_log,
        }
    }

    fn client(mut self, with: impl FnOnce(Script) -> Script) -> Self {
        self.client = with(self.client);
        self
    }

    fn server(mut self, with: impl FnOnce(Script) -> Script) -> Self {
        self.server = with(self.server);
        self
    }

    /// Plays, and gives the logs of the client and the server.
    #[track_caller]
    fn over(self, join: &Join<'_>) -> (Log, Log) {
        join.play(self.client, self.server);
        (self.client_log, self.server_log)
    }
}

/// Collects, and calls `then` when `len` bytes have come.
fn collect(
    bytes: &Bytes,
    len: usize,
    then: impl Fn(&Rc<dyn Transport>) + 'static,
) -> impl Fn(&Rc<dyn Transport>, &[u8]) + 'static {
    let bytes = bytes.clone();
    move |transport, data| {
        bytes.add(data);
        if bytes.len() == len {
            then(transport);
        }
    }
}

// N-040, Z-023, Z-029
fn callbacks_come_in_order_and_nothing_after_the_end(join: &Join<'_>) {
    let received = Bytes::default();
    let play = Play::new(join)
        .client(|script| {
            script.on_made(|transport| {
                transport.write(b"hello");
            })
        })
        .server(|script| {
            script.on_data(collect(&received, 5, |transport| {
                transport.write(b"and goodbye");
                transport.lose_connection();
            }))
        });

    let (client, server) = play.over(join);

    assert_told(
        &client,
        &["made", "data and goodbye", "lost ConnectionDone"],
    );
    assert_told(&server, &["made", "data hello", "lost ConnectionDone"]);
}

// N-022, N-033, Z-023, Z-025
fn data_comes_complete_and_in_order_both_ways(join: &Join<'_>) {
    const LEN: usize = 300_000;
    let (at_client, at_server) = (Bytes::default(), Bytes::default());
    let write = |transport: &Rc<dyn Transport>| {
        for part in pattern(LEN).chunks(777) {
            transport.write(part);
        }
    };
    let ends = Rc::new(Cell::new(0));
    let end = move |transport: &Rc<dyn Transport>| {
        ends.set(ends.get() + 1);
        if ends.get() == 2 {
            transport.lose_connection();
        }
    };
    let play = Play::new(join)
        .client(|script| {
            script
                .on_made(write)
                .on_data(collect(&at_client, LEN, end.clone()))
        })
        .server(|script| script.on_made(write).on_data(collect(&at_server, LEN, end)));

    play.over(join);

    assert!(at_client.take() == pattern(LEN));
    assert!(at_server.take() == pattern(LEN));
}

// N-023, Z-025
fn a_sequence_is_its_parts_in_order(join: &Join<'_>) {
    let play = Play::new(join).server(|script| {
        script.on_made(|transport| {
            transport.write(b"one ");
            transport.write_vectored(&[b"two ", b"", b"three "]);
            transport.write_vectored(&[]);
            transport.write(b"four");
            transport.lose_connection();
        })
    });

    let (client, _) = play.over(join);

    let told = ["made", "data one two three four", "lost ConnectionDone"];
    assert_told(&client, &told);
}

// N-024, N-039
fn lose_connection_sends_what_was_written(join: &Join<'_>) {
    let received = Bytes::default();
    let play = Play::new(join)
        .client(|script| script.on_data(collect(&received, usize::MAX, |_| ())))
        .server(|script| {
            script.on_made(|transport| {
                transport.write(&pattern(1_000_000));
                transport.lose_connection();
                transport.lose_connection();
            })
        });

    let (_, server) = play.over(join);

    assert!(received.take() == pattern(1_000_000));
    assert_told(&server, &["made", "lost ConnectionDone"]);
}

// N-045, N-047, N-049 (TCP, UNIX and memory)
fn abort_connection_sends_nothing_more(join: &Join<'_>) {
    let (received, much) = (Bytes::default(), join.much());
    let play = Play::new(join)
        .client(|script| {
            script
                .on_made(|transport| {
                    transport.write(b"x");
                })
                .on_data(collect(&received, usize::MAX, |_| ()))
        })
        .server(|script| {
            script.on_data(move |transport, _| {
                transport.write(&pattern(much));
                transport.abort_connection();
                transport.abort_connection();
                transport.lose_connection();
            })
        });

    let (client, server) = play.over(join);

    assert!(received.len() < much);
    assert_told(&server, &["made", "data x", "lost ConnectionAborted"]);
    assert_lost_or_done(&client);
}

// N-027, N-028, N-048, Z-025
fn what_is_written_after_the_end_was_asked_for_is_dropped(join: &Join<'_>) {
    let kept = Kept::default();
    let keep = kept.clone();
    let play = Play::new(join).server(|script| {
        script.on_made(move |transport| {
            keep.keep(transport);
            transport.write(b"before");
            transport.lose_connection();
            assert_eq!(transport.write(b"after"), Flow::Open);
            transport.write_vectored(&[b"after", b"that"]);
        })
    });

    let (client, _) = play.over(join);

    assert_eq!(kept.get().write(&pattern(100_000)), Flow::Open);
    kept.get().abort_connection();
    assert_told(&client, &["made", "data before", "lost ConnectionDone"]);
}

/// Notes what it was told; each call is noted as such if it came from inside another one.
struct Noting(Log);

impl PushProducer for Noting {
    fn pause_producing(&self) {
        common::script::note_if_calling("producer", &self.0);
        self.0.note("producer paused");
    }

    fn resume_producing(&self) {
        common::script::note_if_calling("producer", &self.0);
        self.0.note("producer resumed");
    }

    fn stop_producing(&self) {
        common::script::note_if_calling("producer", &self.0);
        self.0.note("producer stopped");
    }
}

// N-041
fn nothing_is_called_from_inside_a_call(join: &Join<'_>) {
    let play = Play::new(join)
        .client(|script| {
            script.on_made(|transport| {
                transport.write(&pattern(10_000));
            })
        })
        .server(|script| {
            let log = Log::default();
            script
                .on_made(move |transport| {
                    let producer = Rc::new(Noting(log.clone()));
                    calling(|| {
                        transport.pause_producing();
                        transport.resume_producing();
                        transport
                            .register_producer(Producer::Push(producer))
                            .expect("there is none");
                        transport.write(&pattern(200_000));
                    });
                })
                .on_data(|transport, _| {
                    calling(|| {
                        transport.unregister_producer();
                        lose_write(transport);
                        transport.lose_connection();
                        transport.abort_connection();
                    });
                })
        });

    let (client, server) = play.over(join);

    for log in [client, server] {
        let notes = log.notes();
        assert!(
            !notes.iter().any(|note| note.contains("inside a call")),
            "{notes:?}"
        );
    }
}

/// Of its peer's abort, a transport knows that it was one if the system says so, which UNIX sockets need not.
#[track_caller]
fn assert_lost_or_done(log: &Log) {
    let notes = log.notes();
    let lost: Vec<_> = notes
        .iter()
        .filter_map(|note| note.split_once(" lost "))
        .collect();
    assert!(
        matches!(lost[..], [(_, "ConnectionLost" | "ConnectionDone")]),
        "{notes:?}"
    );
}

/// Where in the life of a half-closeable server something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Made,
    Data,
    ReadEnded,
    WriteEnded,
}

const PLACES: [Place; 4] = [
    Place::Made,
    Place::Data,
    Place::ReadEnded,
    Place::WriteEnded,
];

/// Does `what` in one callback of a server that meets all of them, and gives what it was told.
#[track_caller]
fn doing_in(join: &Join<'_>, place: Place, what: fn(&Rc<dyn Transport>)) -> Log {
    let act = move |here: Place, transport: &Rc<dyn Transport>| {
        if here == place {
            what(transport);
        }
    };
    let play = Play::new(join)
        .client(|script| {
            script
                .on_made(|transport| {
                    transport.write(b"x");
                    lose_write(transport);
                })
                .half_closeable(|transport| transport.lose_connection(), |_| ())
        })
        .server(|script| {
            script
                .on_made(move |transport| act(Place::Made, transport))
                .on_data(move |transport, _| act(Place::Data, transport))
                .half_closeable(
                    move |transport| {
                        act(Place::ReadEnded, transport);
                        lose_write(transport);
                    },
                    move |transport| act(Place::WriteEnded, transport),
                )
        });
    let (_, server) = play.over(join);
    server
}

/// What a server is told by the callback in `place`, and then that it is over.
#[track_caller]
fn assert_over_after(log: &Log, place: Place, reason: &str) {
    let told = ["made", "data x", "read ended", "write ended"];
    let last = PLACES
        .iter()
        .position(|it| *it == place)
        .expect("it is one")
        + 1;
    let lost = format!("lost {reason}");
    assert_told(log, &[&told[..last], &[lost.as_str()]].concat());
}

// N-039, N-040
fn lose_connection_from_each_callback_is_an_end_in_order(join: &Join<'_>) {
    for place in PLACES {
        let server = doing_in(join, place, |transport| transport.lose_connection());
        assert_over_after(&server, place, "ConnectionDone");
    }
}

// N-045, N-046
fn abort_connection_from_each_callback_is_an_abort(join: &Join<'_>) {
    for place in PLACES {
        let server = doing_in(join, place, |transport| transport.abort_connection());
        assert_over_after(&server, place, "ConnectionAborted");
    }
}

// N-034
fn a_panic_in_each_callback_is_reported_and_is_the_reason(join: &Join<'_>) {
    let reports = Reports::collected();
    for place in PLACES {
        let server = doing_in(join, place, |_| panic!("oh no"));
        assert_over_after(&server, place, "panic: oh no");
        reports.assert_reasons(&["panic: oh no"]);
    }
}

// N-040, N-050
fn a_panic_at_the_end_keeps_nobody_from_hearing_of_it(join: &Join<'_>) {
    let (reports, told) = (Reports::collected(), Log::default());
    let (tell, stop) = (told.clone(), stop_at_call(1, join.reactor()));
    let client = Script::unnoted().on_made(|transport| transport.lose_connection());
    let server = Script::unnoted()
        .on_made(move |transport| {
            let (tell, stop) = (tell.clone(), stop.clone());
            let lost = transport.when_lost().add_callback(move |reason| {
                tell.note(common::name_of(&reason));
                stop();
            });
            lost.ignore();
        })
        .on_lost(|_| panic!("at the end"));

    join.play(client, server);

    told.assert(&["ConnectionDone"]);
    reports.assert_reasons(&["panic: at the end"]);
}

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

// N-051, N-052, N-055
fn one_direction_ends_and_the_other_goes_on(join: &Join<'_>) {
    let received = Bytes::default();
    let play = Play::new(join)
        .client(|script| {
            script
                .on_made(|transport| {
                    transport.write(b"question");
                    lose_write(transport);
                    transport.write(b"dropped");
                })
                .half_closeable(|transport| transport.lose_connection(), |_| ())
        })
        .server(|script| {
            script
                .half_closeable(
                    |transport| {
                        transport.write(b"answer");
                        lose_write(transport);
                    },
                    |_| (),
                )
                .on_data(collect(&received, usize::MAX, |_| ()))
        });

    let (client, server) = play.over(join);

    assert_eq!(received.take(), b"question");
    let told = [
        "made",
        "write ended",
        "data answer",
        "read ended",
        "lost ConnectionDone",
    ];
    assert_told(&client, &told);
    let told = [
        "made",
        "data question",
        "read ended",
        "write ended",
        "lost ConnectionDone",
    ];
    assert_told(&server, &told);
}

// N-053
fn one_that_is_not_half_closeable_ends_with_its_peers_half(join: &Join<'_>) {
    let play = Play::new(join).client(|script| {
        script.on_made(|transport| {
            transport.write(b"all of it");
            lose_write(transport);
        })
    });

    let (client, server) = play.over(join);

    assert_told(&server, &["made", "data all of it", "lost ConnectionDone"]);
    assert_told(&client, &["made", "lost ConnectionDone"]);
}

// N-056
fn both_directions_ended_is_the_end(join: &Join<'_>) {
    let end = |script: Script| script.on_made(lose_write).half_closeable(|_| (), |_| ());
    let play = Play::new(join).client(end).server(end);

    let (client, server) = play.over(join);

    assert_eq!(client.count("client lost ConnectionDone"), 1);
    assert_eq!(server.count("server lost ConnectionDone"), 1);
}

// N-054
fn the_end_of_writing_waits_for_a_producer(join: &Join<'_>) {
    let play = Play::new(join)
        .client(|script| script.half_closeable(|transport| transport.lose_connection(), |_| ()))
        .server(|script| {
            script
                .on_made(|transport| {
                    let producer = TenTimes::new(transport);
                    transport
                        .register_producer(Producer::Pull(producer.clone()))
                        .expect("there is none");
                    lose_write(transport);
                    // The transport does not own it before the callback has returned.
                    transport
                        .when_lost()
                        .add_callback(move |_| drop(producer))
                        .ignore();
                })
                .half_closeable(|_| (), |_| ())
        });

    let (client, server) = play.over(join);

    let told = [
        "made",
        "data 12345678910",
        "read ended",
        "lost ConnectionDone",
    ];
    assert_told(&client, &told);
    let told = ["made", "write ended", "read ended", "lost ConnectionDone"];
    assert_told(&server, &told);
}

// N-050
fn when_lost_fires_after_the_protocol_was_told(join: &Join<'_>) {
    let (log, kept) = (Log::default(), Kept::default());
    let (noted, keep, stop) = (log.clone(), kept.clone(), stop_at_call(1, join.reactor()));
    let server = Script::new("server", &log).on_made(move |transport| {
        let (noted, stop) = (noted.clone(), stop.clone());
        keep.keep(transport);
        let lost = transport.when_lost().add_callback(move |reason| {
            noted.note(format!("server knows {}", common::name_of(&reason)));
            stop();
        });
        lost.ignore();
        transport.lose_connection();
    });

    join.play(Script::unnoted(), server);

    let told = ["made", "lost ConnectionDone", "knows ConnectionDone"];
    assert_told(&log, &told);
    let later = success_result_of(kept.get().when_lost());
    assert_eq!(common::name_of(&later), "ConnectionDone");
}

// N-032
fn one_that_reads_nothing_is_not_waited_for_beyond_the_limit(join: &Join<'_>) {
    let (log, much) = (Log::default(), join.much());
    let stop = stop_at_call(1, join.reactor());
    let client = Script::unnoted().on_made(|transport| transport.pause_producing());
    let server = Script::new("server", &log)
        .on_made(move |transport| {
            transport.write(&pattern(much));
            transport.lose_connection_within(Duration::from_secs(60));
            transport.lose_connection_within(Duration::from_millis(20));
        })
        .on_lost(move |_| stop());

    join.play(client, server);

    assert_told(&log, &["made", "lost ConnectionAborted"]);
}

// Z-024, Z-031
fn both_ends_know_both_addresses(join: &Join<'_>) {
    let (client, server) = (Kept::default(), Kept::default());
    let (keep_client, keep_server) = (client.clone(), server.clone());
    let stop = join.reactor().clone();
    let play = Play::new(join)
        .client(|script| {
            script.on_made(move |transport| {
                keep_client.keep(transport);
                transport.host();
            })
        })
        .server(|script| {
            script.on_made(move |transport| {
                keep_server.keep(transport);
                transport.host();
                stop_soon(&stop);
            })
        });

    play.over(join);

    assert_eq!(client.get().host(), server.get().peer());
    assert_eq!(server.get().host(), client.get().peer());
    assert_ne!(client.get().host(), server.get().host());
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

// N-040
fn connections_are_lost_when_the_reactor_stops(join: &Join<'_>) {
    let stop = join.reactor().clone();
    let play = Play::new(join).server(|script| {
        script.on_made(move |transport| {
            transport.pause_producing();
            stop_soon(&stop);
        })
    });

    let (client, server) = play.over(join);

    assert_told(&client, &["made", "lost ReactorStopped"]);
    assert_told(&server, &["made", "lost ReactorStopped"]);
}

// N-043, N-044
fn nothing_is_left_of_a_connection_that_is_over(join: &Join<'_>) {
    let (owned, ownership) = Ownership::new();
    let seen: Rc<RefCell<Vec<std::rc::Weak<dyn Transport>>>> = Rc::default();
    let see = |seen: &Rc<RefCell<Vec<_>>>| {
        let seen = Rc::clone(seen);
        move |transport: &Rc<dyn Transport>| seen.borrow_mut().push(Rc::downgrade(transport))
    };
    let play = Play::new(join)
        .client(|script| script.on_made(see(&seen)))
        .server(|script| {
            let see = see(&seen);
            script
                .on_made(move |transport| {
                    see(transport);
                    transport.write(b"x");
                    transport.lose_connection();
                })
                .on_data(move |_, _| drop(owned.clone()))
        });

    play.over(join);

    assert_eq!(join.reactor().delayed_calls().len(), 0);
    assert_eq!(join.reactor().writers().len(), 0);
    assert!(
        seen.borrow()
            .iter()
            .all(|transport| transport.upgrade().is_none())
    );
    // A port that still listens has its script.
    assert!(ownership.is_over() || !matches!(join, Join::Memory(..)));
}
