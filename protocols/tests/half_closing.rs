//! Connections whose two directions end apart.

mod common;

use std::io::Write;
use std::net::Shutdown;
use std::sync::mpsc;
use std::thread;

use common::peers::pattern;
use common::{
    Bytes, Kept, Log, Reports, Script, after_turns, calling, connect, listen, lose_write, number,
    on_every_backend, peer_of, read_all, run, stop_at_call, stop_soon,
};
use protocols::reactor::Reactor;

on_every_backend!(
    the_end_of_writing_is_told_when_all_is_sent_and_reading_goes_on,
    the_end_of_writing_is_told_to_nobody_who_does_not_ask,
    the_end_of_writing_waits_for_a_slow_reader,
    nothing_is_written_after_the_end_of_writing,
    the_end_of_writing_is_not_told_from_inside_the_call,
    the_end_of_reading_is_told_and_writing_goes_on,
    one_that_is_not_half_closeable_loses_its_connection,
    both_directions_ended_by_both_is_the_end,
    both_directions_ended_is_the_end_without_being_asked,
    the_end_of_writing_twice_is_once,
    lose_connection_after_the_end_of_writing_is_the_end,
    lose_connection_after_the_end_of_reading_sends_what_waits,
    abort_connection_after_the_end_of_reading_is_told,
    a_peer_that_resets_after_its_end_is_noticed_by_writing,
    a_panic_when_reading_has_ended_is_the_reason,
    a_panic_when_writing_has_ended_is_the_reason,
    one_that_waits_with_its_reading_ended_is_told_when_the_reactor_stops,
);

/// More than two sockets hold between them, however generous the system is.
const MUCH: usize = 24 * 1024 * 1024;

// N-051
// fault: our half closed
fn the_end_of_writing_is_told_when_all_is_sent_and_reading_goes_on(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log)
        .on_made(|transport| {
            transport.write(b"all of it");
            lose_write(transport);
        })
        .half_closeable(|_| (), |_| ())
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    let reader = thread::spawn(move || {
        let received = read_all(&peer);
        peer.write_all(b"and back").map(|()| received)
    });

    run(reactor);

    assert_eq!(reader.join().unwrap().unwrap().unwrap(), b"all of it");
    log.assert(&[
        "server built",
        "server made",
        "server write ended",
        "server data and back",
        "server read ended",
        "server lost ConnectionDone",
    ]);
}

// N-051, N-053
fn the_end_of_writing_is_told_to_nobody_who_does_not_ask(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log)
        .on_made(lose_write)
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    let reader = thread::spawn(move || {
        let received = read_all(&peer);
        peer.write_all(b"back").map(|()| received)
    });

    run(reactor);

    assert_eq!(reader.join().unwrap().unwrap().unwrap(), b"");
    log.assert(&[
        "server built",
        "server made",
        "server data back",
        "server lost ConnectionDone",
    ]);
}

// N-051
// fault: our half closed
fn the_end_of_writing_waits_for_a_slow_reader(reactor: &Reactor) {
    let (read, may_read) = mpsc::channel();
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log)
        .on_made(move |transport| {
            transport.write(&pattern(MUCH));
            lose_write(transport);
            read.send(()).unwrap();
        })
        .half_closeable(|_| (), |_| ())
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let peer = peer_of(&port);
    let reader = thread::spawn(move || {
        may_read.recv().unwrap();
        read_all(&peer)
    });

    run(reactor);

    assert!(reader.join().unwrap().unwrap() == pattern(MUCH));
    assert_eq!(log.count("server write ended"), 1);
}

// N-029
// fault: our half closed
fn nothing_is_written_after_the_end_of_writing(reactor: &Reactor) {
    let stop = stop_at_call(1, reactor);
    let script = Script::unnoted()
        .on_made(|transport| {
            transport.write(b"before");
            lose_write(transport);
            transport.write(b" and after");
            transport.write_vectored(&[b"that"]);
        })
        .half_closeable(
            |_| (),
            |transport| {
                transport.write(b" and later");
            },
        )
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let peer = peer_of(&port);
    let reader = thread::spawn(move || read_all(&peer));

    run(reactor);

    assert_eq!(reader.join().unwrap().unwrap(), b"before");
}

// N-041, N-051
fn the_end_of_writing_is_not_told_from_inside_the_call(reactor: &Reactor) {
    let log = Log::default();
    let kept = Kept::default();
    let (keep, stop) = (kept.clone(), stop_at_call(1, reactor));
    let script = Script::new("server", &log)
        .on_made(move |transport| keep.keep(transport))
        .half_closeable(|_| (), move |_| stop());
    let port = listen(reactor, script);
    let _peer = peer_of(&port);
    after_turns(reactor, 5, move |_| calling(|| lose_write(&kept.get())));

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server write ended",
        "server lost ReactorStopped",
    ]);
}

// N-052
// fault: the peer's half closed
fn the_end_of_reading_is_told_and_writing_goes_on(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log)
        .half_closeable(
            |transport| {
                transport.write(b"the answer");
                transport.lose_connection();
            },
            |_| (),
        )
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    peer.write_all(b"the question").unwrap();
    peer.shutdown(Shutdown::Write).unwrap();

    run(reactor);

    assert_eq!(read_all(&peer).unwrap(), b"the answer");
    log.assert(&[
        "server built",
        "server made",
        "server data the question",
        "server read ended",
        "server lost ConnectionDone",
    ]);
}

// N-053
// fault: the peer's half closed
fn one_that_is_not_half_closeable_loses_its_connection(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log).on_lost(move |_| stop());
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    peer.write_all(b"all").unwrap();
    peer.shutdown(Shutdown::Write).unwrap();

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server data all",
        "server lost ConnectionDone",
    ]);
}

// N-055, N-056
fn both_directions_ended_by_both_is_the_end(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(2, reactor);
    let stop_too = stop.clone();
    let server = Script::new("server", &log)
        .half_closeable(lose_write, |_| ())
        .on_lost(move |_| stop());
    let port = listen(reactor, server);
    let client = Script::new("client", &Log::default())
        .on_made(lose_write)
        .half_closeable(|_| (), |_| ())
        .on_lost(move |reason| {
            assert!(
                reason
                    .check::<protocols::ConnectionClosed>()
                    .unwrap()
                    .is_clean()
            );
            stop_too();
        });
    connect(reactor, number(&port), client);

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server read ended",
        "server write ended",
        "server lost ConnectionDone",
    ]);
}

// N-056
fn both_directions_ended_is_the_end_without_being_asked(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log)
        .on_made(lose_write)
        .half_closeable(|_| (), |_| ())
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let peer = peer_of(&port);
    let closer = thread::spawn(move || {
        let received = read_all(&peer);
        peer.shutdown(Shutdown::Write).map(|()| (received, peer))
    });

    run(reactor);

    assert_eq!(closer.join().unwrap().unwrap().0.unwrap(), b"");
    log.assert(&[
        "server built",
        "server made",
        "server write ended",
        "server read ended",
        "server lost ConnectionDone",
    ]);
}

fn the_end_of_writing_twice_is_once(reactor: &Reactor) {
    let log = Log::default();
    let reactor_too = reactor.clone();
    let script = Script::new("server", &log)
        .on_made(|transport| {
            lose_write(transport);
            lose_write(transport);
        })
        .half_closeable(
            |_| (),
            move |transport| {
                lose_write(transport);
                stop_soon(&reactor_too);
            },
        );
    let port = listen(reactor, script);
    let _peer = peer_of(&port);

    run(reactor);

    assert_eq!(log.count("server write ended"), 1);
}

// N-055
fn lose_connection_after_the_end_of_writing_is_the_end(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log)
        .on_made(lose_write)
        .half_closeable(|_| (), |transport| transport.lose_connection())
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let _peer = peer_of(&port);

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server write ended",
        "server lost ConnectionDone",
    ]);
}

// N-039, N-052
fn lose_connection_after_the_end_of_reading_sends_what_waits(reactor: &Reactor) {
    let stop = stop_at_call(1, reactor);
    let script = Script::unnoted()
        .half_closeable(
            |transport| {
                transport.write(&pattern(MUCH));
                transport.lose_connection();
            },
            |_| (),
        )
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let peer = peer_of(&port);
    peer.shutdown(Shutdown::Write).unwrap();
    let reader = thread::spawn(move || read_all(&peer));

    run(reactor);

    assert!(reader.join().unwrap().unwrap() == pattern(MUCH));
}

// fault: an abort in a callback
fn abort_connection_after_the_end_of_reading_is_told(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log)
        .half_closeable(|transport| transport.abort_connection(), |_| ())
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let peer = peer_of(&port);
    peer.shutdown(Shutdown::Write).unwrap();

    run(reactor);

    assert_eq!(log.count("server lost ConnectionAborted"), 1);
    assert!(read_all(&peer).is_err());
}

// N-021
// fault: reset, gone in mid-write
fn a_peer_that_resets_after_its_end_is_noticed_by_writing(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log)
        .half_closeable(
            |transport| {
                transport.write(&pattern(MUCH));
            },
            |_| (),
        )
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let peer = peer_of(&port);
    peer.shutdown(Shutdown::Write).unwrap();
    // What comes for a socket that is gone is answered by a reset.
    drop(peer);

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server read ended",
        "server lost ConnectionLost",
    ]);
}

// fault: a panic in a callback
fn a_panic_when_reading_has_ended_is_the_reason(reactor: &Reactor) {
    let reports = Reports::collected();
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log)
        .half_closeable(|_| panic!("no more to read"), |_| ())
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let peer = peer_of(&port);
    peer.shutdown(Shutdown::Write).unwrap();

    run(reactor);

    assert_eq!(log.count("server lost panic: no more to read"), 1);
    reports.assert(&[(
        "Unhandled error in read_connection_lost",
        "panic: no more to read",
    )]);
}

// fault: a panic in a callback
fn a_panic_when_writing_has_ended_is_the_reason(reactor: &Reactor) {
    let reports = Reports::collected();
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log)
        .on_made(lose_write)
        .half_closeable(|_| (), |_| panic!("no more to write"))
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let _peer = peer_of(&port);

    run(reactor);

    assert_eq!(log.count("server lost panic: no more to write"), 1);
    reports.assert(&[(
        "Unhandled error in write_connection_lost",
        "panic: no more to write",
    )]);
}

//
fn one_that_waits_with_its_reading_ended_is_told_when_the_reactor_stops(reactor: &Reactor) {
    let log = Log::default();
    let received = Bytes::default();
    let (add, reactor_too) = (received.clone(), reactor.clone());
    let script = Script::new("server", &log)
        .on_data(move |_, data| add.add(data))
        .half_closeable(move |_| stop_soon(&reactor_too), |_| ());
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    peer.write_all(b"last").unwrap();
    peer.shutdown(Shutdown::Write).unwrap();

    run(reactor);

    assert_eq!(received.take(), b"last");
    log.assert(&[
        "server built",
        "server made",
        "server data last",
        "server read ended",
        "server lost ReactorStopped",
    ]);
}
