//! How connections end, and what is left of them.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use protocols::deferred::testing::success_result_of;
use protocols::{Flow, Transport};

use crate::common::peers::pattern;
use crate::common::{
    Bytes, Kept, Log, Ownership, Reports, Script, name_of, stop_at_call, stop_soon,
};
use crate::joined::{Join, assert_told, on_every_transport};
use crate::play::{Play, assert_lost_or_done, collect};

on_every_transport!(
    lose_connection_sends_what_was_written,
    abort_connection_sends_nothing_more,
    a_peer_that_goes_before_all_is_sent_ends_the_connection,
    what_is_written_after_the_end_was_asked_for_is_dropped,
    a_panic_at_the_end_keeps_nobody_from_hearing_of_it,
    when_lost_fires_after_the_protocol_was_told,
    one_that_reads_nothing_is_not_waited_for_beyond_the_limit,
    connections_are_lost_when_the_reactor_stops,
    nothing_is_left_of_a_connection_that_is_over,
);

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

// N-045, N-047, N-049
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

// fault: gone in mid-write
fn a_peer_that_goes_before_all_is_sent_ends_the_connection(join: &Join<'_>) {
    let (kept, much) = (Kept::default(), join.much());
    let keep = kept.clone();
    let play = Play::new(join)
        .client(|script| script.on_data(|transport, _| transport.abort_connection()))
        .server(|script| {
            script.on_made(move |transport| {
                keep.keep(transport);
                transport.write(&pattern(much));
            })
        });

    let (_, server) = play.over(join);

    assert_lost_or_done(&server);
    assert_eq!(kept.get().write(b"more"), Flow::Open);
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

// N-040, N-050
// fault: a panic in a callback
fn a_panic_at_the_end_keeps_nobody_from_hearing_of_it(join: &Join<'_>) {
    let (reports, told) = (Reports::collected(), Log::default());
    let (tell, stop) = (told.clone(), stop_at_call(1, join.reactor()));
    let client = Script::unnoted().on_made(|transport| transport.lose_connection());
    let server = Script::unnoted()
        .on_made(move |transport| {
            let (tell, stop) = (tell.clone(), stop.clone());
            let lost = transport.when_lost().add_callback(move |reason| {
                tell.note(name_of(&reason));
                stop();
            });
            lost.ignore();
        })
        .on_lost(|_| panic!("at the end"));

    join.play(client, server);

    told.assert(&["ConnectionDone"]);
    reports.assert_reasons(&["panic: at the end"]);
}

// N-050
fn when_lost_fires_after_the_protocol_was_told(join: &Join<'_>) {
    let (log, kept) = (Log::default(), Kept::default());
    let (noted, keep, stop) = (log.clone(), kept.clone(), stop_at_call(1, join.reactor()));
    let server = Script::new("server", &log).on_made(move |transport| {
        let (noted, stop) = (noted.clone(), stop.clone());
        keep.keep(transport);
        let lost = transport.when_lost().add_callback(move |reason| {
            noted.note(format!("server knows {}", name_of(&reason)));
            stop();
        });
        lost.ignore();
        transport.lose_connection();
    });

    join.play(Script::unnoted(), server);

    let told = ["made", "lost ConnectionDone", "knows ConnectionDone"];
    assert_told(&log, &told);
    let later = success_result_of(kept.get().when_lost());
    assert_eq!(name_of(&later), "ConnectionDone");
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
