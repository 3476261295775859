//! Transports that are told to read nothing for a while.

mod common;

use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use common::peers::{pattern, reset};
use common::{
    Bytes, Kept, Log, Ownership, Script, after_turns, another, listen, on_every_backend, peer_of,
    run, stop_at_call, stop_soon,
};
use protocols::Transport;
use protocols::reactor::Reactor;

on_every_backend!(
    pausing_in_connection_made_holds_data_back_until_resumed,
    pausing_and_resuming_many_times_loses_nothing,
    what_is_paused_reads_nothing,
    pausing_twice_is_once_and_so_is_resuming,
    pausing_and_resuming_in_one_callback_is_nothing,
    the_peers_end_waits_while_paused,
    a_reset_is_noticed_when_resumed,
    resuming_a_transport_that_is_closing_does_nothing,
    resuming_a_transport_that_is_lost_does_nothing,
    stopping_a_transport_as_producer_loses_its_connection,
    lose_connection_while_paused_is_the_end,
    abort_connection_while_paused_is_the_end,
    one_that_is_paused_can_write,
    one_that_is_paused_is_told_when_the_reactor_stops,
    nothing_is_left_of_one_that_is_paused_when_the_reactor_is_dropped,
    the_read_size_can_be_set,
);

// N-036, N-038, S-016
fn pausing_in_connection_made_holds_data_back_until_resumed(reactor: &Reactor) {
    let log = Log::default();
    let (resumed, stop) = (log.clone(), stop_at_call(1, reactor));
    let reactor_too = reactor.clone();
    let script = Script::new("server", &log)
        .on_made(move |transport| {
            transport.pause_producing();
            let (transport, resumed) = (Rc::clone(transport), resumed.clone());
            after_turns(&reactor_too, 5, move |_| {
                resumed.note("resumed");
                transport.resume_producing();
            });
        })
        .on_data(move |_, _| stop());
    let port = listen(reactor, script);
    peer_of(&port).write_all(b"all").unwrap();

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "resumed",
        "server data all",
        "server lost ConnectionDone",
    ]);
}

// N-033, N-037
fn pausing_and_resuming_many_times_loses_nothing(reactor: &Reactor) {
    const LEN: usize = 4 * 1024 * 1024;
    let received = Bytes::default();
    let (add, reactor_too) = (received.clone(), reactor.clone());
    let stop = stop_at_call(1, reactor);
    let script = Script::unnoted()
        .on_data(move |transport, data| {
            add.add(data);
            transport.pause_producing();
            let transport = Rc::clone(transport);
            if add.len() % 3 == 0 {
                transport.resume_producing();
            } else {
                reactor_too.call_later(Duration::ZERO, move |_| transport.resume_producing());
            }
        })
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    let writer = thread::spawn(move || peer.write_all(&pattern(LEN)));

    run(reactor);

    writer.join().unwrap().unwrap();
    assert!(received.take() == pattern(LEN));
}

// S-016
fn what_is_paused_reads_nothing(reactor: &Reactor) {
    let log = Log::default();
    let reactor_too = reactor.clone();
    let script = Script::new("server", &log).on_data(move |transport, _| {
        transport.pause_producing();
        assert!(reactor_too.readers().len() == 1, "only the port is left");
        stop_soon(&reactor_too);
    });
    let port = listen(
        reactor,
        script.on_made(|transport| read_bytes(transport, 1)),
    );
    let mut peer = peer_of(&port);
    peer.write_all(b"abc").unwrap();

    run(reactor);

    assert_eq!(log.count("server data a"), 1);
}

fn read_bytes(transport: &Rc<dyn Transport>, bytes: usize) {
    let socket = transport.abilities().socket;
    socket.expect("it is one").set_read_size(bytes);
}

fn pausing_twice_is_once_and_so_is_resuming(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let reactor_too = reactor.clone();
    let script = Script::new("server", &log)
        .on_made(move |transport| {
            transport.resume_producing();
            transport.pause_producing();
            transport.pause_producing();
            let transport = Rc::clone(transport);
            after_turns(&reactor_too, 3, move |_| {
                transport.resume_producing();
                transport.resume_producing();
            });
        })
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    peer_of(&port).write_all(b"all").unwrap();

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server data all",
        "server lost ConnectionDone",
    ]);
}

fn pausing_and_resuming_in_one_callback_is_nothing(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log)
        .on_made(|transport| {
            transport.pause_producing();
            transport.resume_producing();
        })
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    peer_of(&port).write_all(b"all").unwrap();

    run(reactor);

    assert_eq!(log.count("server data all"), 1);
}

//
fn the_peers_end_waits_while_paused(reactor: &Reactor) {
    let log = Log::default();
    let (kept, paused) = (Kept::default(), log.clone());
    let (keep, stop) = (kept.clone(), stop_at_call(1, reactor));
    let script = Script::new("server", &log)
        .on_made(move |transport| {
            transport.pause_producing();
            keep.keep(transport);
        })
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    peer_of(&port).write_all(b"last").unwrap();
    after_turns(reactor, 10, move |_| {
        paused.note("still paused");
        kept.get().resume_producing();
    });

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "still paused",
        "server data last",
        "server lost ConnectionDone",
    ]);
}

//
// fault: reset
fn a_reset_is_noticed_when_resumed(reactor: &Reactor) {
    let log = Log::default();
    let kept = Kept::default();
    let (keep, stop) = (kept.clone(), stop_at_call(1, reactor));
    let script = Script::new("server", &log)
        .on_made(move |transport| {
            transport.pause_producing();
            keep.keep(transport);
        })
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let peer = peer_of(&port);
    after_turns(reactor, 5, move |_| reset(peer));
    after_turns(reactor, 10, move |_| kept.get().resume_producing());

    run(reactor);

    log.assert(&["server built", "server made", "server lost ConnectionLost"]);
}

// S-017
fn resuming_a_transport_that_is_closing_does_nothing(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log)
        .on_made(|transport| {
            transport.pause_producing();
            transport.write(&pattern(24 * 1024 * 1024));
            transport.lose_connection();
            transport.resume_producing();
        })
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    peer.write_all(b"not to be read").unwrap();
    let reader = thread::spawn(move || std::io::copy(&mut peer, &mut std::io::sink()));

    run(reactor);

    drop(reader.join().unwrap());
    assert_eq!(log.count("server data not to be read"), 0);
}

// S-017
fn resuming_a_transport_that_is_lost_does_nothing(reactor: &Reactor) {
    let log = Log::default();
    let kept = Kept::default();
    let (keep, reactor_too) = (kept.clone(), reactor.clone());
    let script = Script::new("server", &log)
        .on_made(move |transport| keep.keep(transport))
        .on_lost(move |_| {
            kept.get().pause_producing();
            kept.get().resume_producing();
            assert_eq!(reactor_too.readers().len(), 1, "only the port is left");
            stop_soon(&reactor_too);
        });
    let port = listen(reactor, script);
    drop(peer_of(&port));

    run(reactor);

    log.assert(&["server built", "server made", "server lost ConnectionDone"]);
}

// S-016
fn stopping_a_transport_as_producer_loses_its_connection(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log)
        .on_made(|transport| {
            transport.write(b"the rest");
            transport.stop_producing();
        })
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let peer = peer_of(&port);

    run(reactor);

    assert_eq!(common::read_all(&peer).unwrap(), b"the rest");
    log.assert(&["server built", "server made", "server lost ConnectionDone"]);
}

fn lose_connection_while_paused_is_the_end(reactor: &Reactor) {
    ends_while_paused(
        reactor,
        |transport| transport.lose_connection(),
        "ConnectionDone",
    );
}

fn abort_connection_while_paused_is_the_end(reactor: &Reactor) {
    ends_while_paused(
        reactor,
        |transport| transport.abort_connection(),
        "ConnectionAborted",
    );
}

#[track_caller]
fn ends_while_paused(reactor: &Reactor, end: fn(&dyn Transport), reason: &str) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let reactor_too = reactor.clone();
    let script = Script::new("server", &log)
        .on_made(move |transport| {
            transport.pause_producing();
            let transport = Rc::clone(transport);
            after_turns(&reactor_too, 3, move |_| end(&*transport));
        })
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    peer.write_all(b"not to be read").unwrap();

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        &format!("server lost {reason}"),
    ]);
}

fn one_that_is_paused_can_write(reactor: &Reactor) {
    let log = Log::default();
    let kept = Kept::default();
    let (keep, reactor_too) = (kept.clone(), reactor.clone());
    let script = Script::new("server", &log).on_made(move |transport| {
        transport.pause_producing();
        transport.write(b"all the same");
        keep.keep(transport);
        stop_soon(&reactor_too);
    });
    let port = listen(reactor, script);
    let peer = peer_of(&port);

    run(reactor);

    assert_eq!(common::read_all(&peer).unwrap(), b"all the same");
}

//
fn one_that_is_paused_is_told_when_the_reactor_stops(reactor: &Reactor) {
    let log = Log::default();
    let reactor_too = reactor.clone();
    let script = Script::new("server", &log).on_made(move |transport| {
        transport.pause_producing();
        stop_soon(&reactor_too);
    });
    let port = listen(reactor, script);
    let _peer = peer_of(&port);

    run(reactor);

    log.assert(&["server built", "server made", "server lost ReactorStopped"]);
}

//
fn nothing_is_left_of_one_that_is_paused_when_the_reactor_is_dropped(reactor: &Reactor) {
    let other = another(reactor);
    let (owned, ownership) = Ownership::new();
    let log = Log::default();
    let crashing = other.clone();
    let script = Script::new("server", &log).on_made(move |transport| {
        let _owned = &owned;
        transport.pause_producing();
        crashing.crash().unwrap();
    });
    let _peer = peer_of(&listen(&other, script));
    run(&other);

    drop(other);

    log.assert(&["server built", "server made", "server lost ReactorStopped"]);
    assert!(ownership.is_over());
}

// S-019
fn the_read_size_can_be_set(reactor: &Reactor) {
    let sizes = Rc::new(Cell::new(0));
    let (largest, stop) = (Rc::clone(&sizes), stop_at_call(1, reactor));
    let script = Script::unnoted()
        .on_made(|transport| read_bytes(transport, 1000))
        .on_data(move |_, data| largest.set(largest.get().max(data.len())))
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    let writer = thread::spawn(move || peer.write_all(&pattern(100_000)));

    run(reactor);

    writer.join().unwrap().unwrap();
    assert_eq!(sizes.get(), 1000);
}
