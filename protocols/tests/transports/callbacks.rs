//! What callbacks do to their own connection: they end it, they abort it, they panic.

use std::rc::Rc;
use std::time::Duration;

use protocols::{Producer, Transport};

use crate::common::{Kept, Log, Reports, Script, calling, lose_write, stop_at_call};
use crate::joined::{Join, assert_told, on_every_transport};
use crate::play::{Noting, Play};

on_every_transport!(
    lose_connection_from_each_callback_is_an_end_in_order,
    abort_connection_from_each_callback_is_an_abort,
    a_panic_in_each_callback_is_reported_and_is_the_reason,
    what_is_asked_for_in_connection_lost_changes_nothing,
    a_timer_ends_its_connection_as_a_callback_does,
    a_panic_in_a_timer_is_reported_and_the_connection_goes_on,
);

/// Where in the life of a half-closeable server something is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Made,
    Data,
    ReadEnded,
    Woken,
    WriteEnded,
}

/// All places, in order, and what the server is told there.
const PLACES: [(Place, &str); 5] = [
    (Place::Made, "made"),
    (Place::Data, "data x"),
    (Place::ReadEnded, "read ended"),
    (Place::Woken, "woken"),
    (Place::WriteEnded, "write ended"),
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
                .on_woken(move |transport| {
                    act(Place::Woken, transport);
                    lose_write(transport);
                })
                .half_closeable(
                    move |transport| {
                        act(Place::ReadEnded, transport);
                        transport.wake();
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
    let mut told = Vec::new();
    for (here, what) in PLACES {
        told.push(what);
        if here == place {
            break;
        }
    }
    let lost = format!("lost {reason}");
    told.push(&lost);
    assert_told(log, &told);
}

// N-039, N-040
// fault: an end in a callback
fn lose_connection_from_each_callback_is_an_end_in_order(join: &Join<'_>) {
    for (place, _) in PLACES {
        let server = doing_in(join, place, |transport| transport.lose_connection());
        assert_over_after(&server, place, "ConnectionDone");
    }
}

// N-045, N-046
// fault: an abort in a callback
fn abort_connection_from_each_callback_is_an_abort(join: &Join<'_>) {
    for (place, _) in PLACES {
        let server = doing_in(join, place, |transport| transport.abort_connection());
        assert_over_after(&server, place, "ConnectionAborted");
    }
}

// N-034
// fault: a panic in a callback
fn a_panic_in_each_callback_is_reported_and_is_the_reason(join: &Join<'_>) {
    let reports = Reports::collected();
    for (place, _) in PLACES {
        let server = doing_in(join, place, |_| panic!("oh no"));
        assert_over_after(&server, place, "panic: oh no");
        reports.assert_reasons(&["panic: oh no"]);
    }
}

// fault: an end in a callback, an abort in a callback
fn what_is_asked_for_in_connection_lost_changes_nothing(join: &Join<'_>) {
    let (log, kept) = (Log::default(), Kept::default());
    let (keep, stop) = (kept.clone(), stop_at_call(1, join.reactor()));
    let noted = log.clone();
    let client = Script::unnoted().on_made(|transport| transport.lose_connection());
    let server = Script::new("server", &log)
        .on_made(move |transport| keep.keep(transport))
        .on_woken(|_| ())
        .on_lost(move |_| {
            let transport = kept.get();
            calling(|| {
                transport.write(b"too late");
                transport.wake();
                transport.pause_producing();
                transport.resume_producing();
                lose_write(&transport);
                transport.lose_connection();
                transport.abort_connection();
                let producer = Producer::Push(Rc::new(Noting(noted.clone())));
                transport
                    .register_producer(producer)
                    .expect("it is not kept");
            });
            stop();
        });

    join.play(client, server);

    // The producer was told by the loop that nobody takes anything.
    assert_told(&log, &["made", "lost ConnectionDone", "stopped"]);
}

/// Does `what` in a delayed call that a server makes when it is connected, and gives what the server was told.
#[track_caller]
fn doing_in_a_timer(join: &Join<'_>, what: fn(&Rc<dyn Transport>)) -> Log {
    let reactor = join.reactor().clone();
    let play = Play::new(join).server(|script| {
        script.on_made(move |transport| {
            let transport = Rc::clone(transport);
            reactor.call_later(Duration::ZERO, move |_| what(&transport));
        })
    });
    let (_, server) = play.over(join);
    server
}

// N-046
// fault: an end in a callback, an abort in a callback
fn a_timer_ends_its_connection_as_a_callback_does(join: &Join<'_>) {
    let lost = doing_in_a_timer(join, |transport| transport.lose_connection());
    assert_told(&lost, &["made", "lost ConnectionDone"]);

    let aborted = doing_in_a_timer(join, |transport| transport.abort_connection());
    assert_told(&aborted, &["made", "lost ConnectionAborted"]);
}

fn fail() {
    panic!("oh no");
}

// fault: a panic in a callback
fn a_panic_in_a_timer_is_reported_and_the_connection_goes_on(join: &Join<'_>) {
    let reports = Reports::collected();
    let reactor = join.reactor().clone();
    let play = Play::new(join)
        .client(|script| {
            script.on_data(|transport, _| {
                transport.write(b"pong");
                transport.lose_connection();
            })
        })
        .server(|script| {
            script.on_made(move |transport| {
                let transport = Rc::clone(transport);
                reactor.call_later(Duration::ZERO, move |_| {
                    transport.write(b"ping");
                    fail();
                });
            })
        });

    let (_, server) = play.over(join);

    reports.assert_reasons(&["panic: oh no"]);
    assert_told(&server, &["made", "data pong", "lost ConnectionDone"]);
}
