//! Connections that end at once: by an abort, by a panic in a callback, or because the reactor stops.

mod common;

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::net::TcpStream;
use std::rc::Rc;
use std::thread;

use common::peers::pattern;
use common::{
    Kept, Log, Ownership, Reports, Script, after_turns, another, calling, listen, on_every_backend,
    peer_of, read_all, run, stop_at_call, stop_soon,
};
use protocols::Transport;
use protocols::reactor::Reactor;

on_every_backend!(
    abort_drops_what_waits_and_resets_the_peer,
    abort_in_data_received_is_the_last_data,
    aborting_twice_is_once,
    losing_after_aborting_is_aborting,
    aborting_after_losing_is_aborting,
    a_write_after_abort_is_dropped,
    abort_in_connection_made_ends_the_connection,
    a_callback_aborts_another_connection_that_is_ready_in_the_same_turn,
    a_callback_loses_another_connection_that_is_ready_in_the_same_turn,
    a_panic_in_data_received_is_reported_once_and_is_the_reason,
    a_panic_after_lose_connection_is_the_reason,
    a_panic_in_connection_lost_is_reported_and_the_loop_goes_on,
    a_panic_in_one_connection_leaves_the_others_alone,
    a_reactor_that_stops_tells_each_connection_once,
    a_reactor_that_stops_tells_a_connection_that_is_closing,
    an_end_that_waits_to_be_told_is_told_when_the_reactor_stops,
    a_reactor_that_is_dropped_frees_its_connections,
);

/// A server that stops the reactor when its only connection has ended.
fn stopping_server(reactor: &Reactor, log: &Log) -> Script {
    let stop = stop_at_call(1, reactor);
    Script::new("server", log).on_lost(move |_| stop())
}

/// More than two sockets hold between them, however generous the system is.
const MUCH: usize = 24 * 1024 * 1024;

// N-021, N-045
fn abort_drops_what_waits_and_resets_the_peer(reactor: &Reactor) {
    let (log, loop_) = (Log::default(), reactor.clone());
    let script = stopping_server(reactor, &log).on_made(move |transport| {
        transport.write(&pattern(MUCH));
        let transport = Rc::clone(transport);
        after_turns(&loop_, 3, move |_| calling(|| transport.abort_connection()));
    });
    let port = listen(reactor, script);
    let peer = peer_of(&port);

    run(reactor);

    assert_eq!(
        read_all(&peer).unwrap_err().kind(),
        std::io::ErrorKind::ConnectionReset
    );
    log.assert(&[
        "server built",
        "server made",
        "server lost ConnectionAborted",
    ]);
    assert_eq!(reactor.writers().len(), 0);
}

// N-046
// fault: an abort in a callback
fn abort_in_data_received_is_the_last_data(reactor: &Reactor) {
    let log = Log::default();
    let read = Rc::new(Cell::new(0));
    let count = Rc::clone(&read);
    let script = stopping_server(reactor, &log).on_data(move |transport, _| {
        count.set(count.get() + 1);
        calling(|| transport.abort_connection());
    });
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    let writer = thread::spawn(move || while peer.write_all(&[b'x'; 10_000]).is_ok() {});

    run(reactor);

    writer.join().unwrap();
    assert_eq!(read.get(), 1);
    assert_eq!(log.count("server lost ConnectionAborted"), 1);
}

/// Has a connection that has come about do `end`, and notes what follows.
fn ending(reactor: &Reactor, end: impl Fn(&Rc<dyn Transport>) + 'static) -> (Log, TcpStream) {
    let log = Log::default();
    let script = stopping_server(reactor, &log).on_data(move |transport, _| end(transport));
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    peer.write_all(b"go").unwrap();

    run(reactor);

    (log, peer)
}

const ABORTED: &[&str] = &[
    "server built",
    "server made",
    "server data go",
    "server lost ConnectionAborted",
];

// N-047
fn aborting_twice_is_once(reactor: &Reactor) {
    let (log, _peer) = ending(reactor, |transport| {
        calling(|| transport.abort_connection());
        calling(|| transport.abort_connection());
    });

    log.assert(ABORTED);
}

// N-047
fn losing_after_aborting_is_aborting(reactor: &Reactor) {
    let (log, _peer) = ending(reactor, |transport| {
        calling(|| transport.abort_connection());
        calling(|| transport.lose_connection());
    });

    log.assert(ABORTED);
}

// N-045, N-047
fn aborting_after_losing_is_aborting(reactor: &Reactor) {
    let (log, peer) = ending(reactor, |transport| {
        transport.write(b"never sent");
        calling(|| transport.lose_connection());
        calling(|| transport.abort_connection());
    });

    log.assert(ABORTED);
    assert!(read_all(&peer).is_err());
}

// N-048
fn a_write_after_abort_is_dropped(reactor: &Reactor) {
    let (log, peer) = ending(reactor, |transport| {
        transport.abort_connection();
        calling(|| transport.write(b"after"));
        calling(|| transport.write_vectored(&[b"all"]));
    });

    log.assert(ABORTED);
    assert!(read_all(&peer).is_err());
}

// N-045
// fault: an abort in a callback
fn abort_in_connection_made_ends_the_connection(reactor: &Reactor) {
    let log = Log::default();
    let script = stopping_server(reactor, &log)
        .on_made(|transport| calling(|| transport.abort_connection()));
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    peer.write_all(b"not read").unwrap();

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server lost ConnectionAborted",
    ]);
}

/// Has the first of two connections that are ready in the same turn do `end` to both.
fn ending_both(reactor: &Reactor, end: impl Fn(&dyn Transport) + 'static) -> (Log, usize) {
    let log = Log::default();
    let transports: Rc<RefCell<Vec<Rc<dyn Transport>>>> = Rc::default();
    let reads = Rc::new(Cell::new(0));
    let (kept, count, stop) = (
        transports.clone(),
        Rc::clone(&reads),
        stop_at_call(2, reactor),
    );
    let peers: Rc<RefCell<Vec<TcpStream>>> = Rc::default();
    let ready = Rc::clone(&peers);
    let script = Script::new("server", &log)
        .on_made(move |transport| {
            kept.borrow_mut().push(Rc::clone(transport));
            if kept.borrow().len() == 2 {
                for peer in &*ready.borrow() {
                    let mut peer: &TcpStream = peer;
                    peer.write_all(b"go").unwrap();
                }
            }
        })
        .on_data(move |_, _| {
            count.set(count.get() + 1);
            for transport in &*transports.borrow() {
                calling(|| end(&**transport));
            }
        })
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    peers.borrow_mut().extend([peer_of(&port), peer_of(&port)]);

    run(reactor);

    (log, reads.get())
}

// N-040, N-041, N-046
// fault: another's end in a callback
fn a_callback_aborts_another_connection_that_is_ready_in_the_same_turn(reactor: &Reactor) {
    let (log, reads) = ending_both(reactor, |transport| transport.abort_connection());

    assert_eq!(reads, 1);
    assert_eq!(log.count("server lost ConnectionAborted"), 2);
    assert_eq!(log.count("server is called from inside a call"), 0);
}

// N-039, N-040, N-041
// fault: another's end in a callback
fn a_callback_loses_another_connection_that_is_ready_in_the_same_turn(reactor: &Reactor) {
    let (log, reads) = ending_both(reactor, |transport| transport.lose_connection());

    assert_eq!(reads, 1);
    assert_eq!(log.count("server lost ConnectionDone"), 2);
    assert_eq!(log.count("server is called from inside a call"), 0);
}

// N-034
// fault: a panic in a callback
fn a_panic_in_data_received_is_reported_once_and_is_the_reason(reactor: &Reactor) {
    let reports = Reports::collected();

    let (log, peer) = ending(reactor, |_| panic!("no sense"));

    reports.assert_reasons(&["panic: no sense"]);
    log.assert(&[
        "server built",
        "server made",
        "server data go",
        "server lost panic: no sense",
    ]);
    assert_eq!(read_all(&peer).unwrap(), b"");
}

// N-034
fn a_panic_after_lose_connection_is_the_reason(reactor: &Reactor) {
    let reports = Reports::collected();

    let (log, _peer) = ending(reactor, |transport| {
        transport.lose_connection();
        panic!("no sense");
    });

    reports.assert_reasons(&["panic: no sense"]);
    log.assert(&[
        "server built",
        "server made",
        "server data go",
        "server lost panic: no sense",
    ]);
}

// N-040
// fault: a panic in a callback
fn a_panic_in_connection_lost_is_reported_and_the_loop_goes_on(reactor: &Reactor) {
    let (log, reports, stop) = (Log::default(), Reports::collected(), reactor.clone());
    let script = Script::new("server", &log).on_lost(move |_| {
        stop_soon(&stop);
        panic!("no end");
    });
    let port = listen(reactor, script);
    drop(peer_of(&port));

    run(reactor);

    reports.assert(&[("Unhandled error in connection_lost", "panic: no end")]);
    log.assert(&["server built", "server made", "server lost ConnectionDone"]);
}

// N-034
// fault: a panic in a callback
fn a_panic_in_one_connection_leaves_the_others_alone(reactor: &Reactor) {
    let (reports, stop) = (Reports::collected(), reactor.clone());
    let script = Script::unnoted().on_data(move |transport, data| {
        if data == b"bad" {
            panic!("no sense");
        }
        transport.write(data);
        stop_soon(&stop);
    });
    let port = listen(reactor, script);
    let (mut bad, mut good) = (peer_of(&port), peer_of(&port));
    bad.write_all(b"bad").unwrap();
    let writer = thread::spawn(move || {
        // The bad one has seen its end when the good one begins.
        read_all(&bad).unwrap();
        good.write_all(b"good").unwrap();
        read_all(&good).unwrap()
    });

    run(reactor);

    assert_eq!(writer.join().unwrap(), b"good");
    reports.assert_reasons(&["panic: no sense"]);
}

// N-021, N-040, N-041
fn a_reactor_that_stops_tells_each_connection_once(reactor: &Reactor) {
    let (log, loop_, made) = (Log::default(), reactor.clone(), Cell::new(0));
    let script = Script::new("server", &log).on_made(move |_| {
        made.set(made.get() + 1);
        if made.get() == 3 {
            calling(|| loop_.stop()).unwrap();
        }
    });
    let port = listen(reactor, script);
    let peers = [peer_of(&port), peer_of(&port), peer_of(&port)];

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server built",
        "server made",
        "server built",
        "server made",
        "server lost ReactorStopped",
        "server lost ReactorStopped",
        "server lost ReactorStopped",
    ]);
    for peer in &peers {
        assert_eq!(read_all(peer).unwrap(), b"");
    }
    assert_eq!(reactor.readers().len(), 0);
}

// N-040
fn a_reactor_that_stops_tells_a_connection_that_is_closing(reactor: &Reactor) {
    let (log, stop) = (Log::default(), reactor.clone());
    let script = Script::new("server", &log).on_made(move |transport| {
        transport.write(&pattern(MUCH));
        transport.lose_connection();
        stop_soon(&stop);
    });
    let port = listen(reactor, script);
    let _peer = peer_of(&port);

    run(reactor);

    log.assert(&["server built", "server made", "server lost ReactorStopped"]);
}

// N-040
fn an_end_that_waits_to_be_told_is_told_when_the_reactor_stops(reactor: &Reactor) {
    let (log, stop) = (Log::default(), reactor.clone());
    let script = Script::new("server", &log).on_made(move |transport| {
        transport.abort_connection();
        stop.stop().unwrap();
    });
    let port = listen(reactor, script);
    let _peer = peer_of(&port);

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server lost ConnectionAborted",
    ]);
}

// N-043
fn a_reactor_that_is_dropped_frees_its_connections(reactor: &Reactor) {
    let (owned, ownership) = Ownership::new();
    let (kept, loop_) = (Kept::default(), another(reactor));
    let (keep, clone) = (kept.clone(), loop_.clone());
    let script = Script::unnoted().on_made(move |transport| {
        let _ = &owned;
        keep.keep(transport);
        transport.write(&pattern(MUCH));
        stop_soon(&clone);
    });
    let port = listen(&loop_, script);
    let peer = peer_of(&port);
    run(&loop_);

    drop((loop_, port));
    drop(kept);

    assert!(ownership.is_over());
    // Nothing is left that could keep the peer waiting.
    drop(read_all(&peer));
}
