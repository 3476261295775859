//! Connections that end in good order or by their peer: what is still sent, who is told what, and what is left.

mod common;

use std::cell::{Cell, RefCell};
use std::fs;
use std::io::Write;
use std::net::Shutdown;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;

use common::child::{in_a_process_of_its_own, limit_descriptors, open_descriptors};
use common::peers::{pattern, reset};
use common::{
    Bytes, Kept, Log, Ownership, Script, after_turns, calling, connect, listen, number,
    on_every_backend, peer_of, read_all, run, stop_at_call, stop_soon,
};
use protocols::Transport;
use protocols::reactor::Reactor;

on_every_backend!(
    a_peer_that_closes_ends_the_connection_cleanly,
    a_peer_that_resets_loses_the_connection,
    a_peer_that_closes_its_half_has_its_data_read_first,
    the_data_of_a_peer_that_has_closed_comes_complete,
    lose_connection_stops_reading_at_once,
    lose_connection_twice_is_once,
    lose_connection_sends_all_to_a_slow_reader_first,
    the_end_comes_when_a_slow_reader_has_taken_what_waited,
    no_end_comes_from_inside_a_call,
    the_socket_is_closed_when_the_end_is_told,
    the_socket_is_closed_though_the_transport_is_kept,
    the_reactor_holds_nothing_of_a_connection_that_is_over,
    more_connections_than_descriptors_come_and_go,
);

/// A server that stops the reactor when its only connection has ended.
fn stopping_server(reactor: &Reactor, log: &Log) -> Script {
    let stop = stop_at_call(1, reactor);
    Script::new("server", log).on_lost(move |_| stop())
}

/// More than two sockets hold between them, however generous the system is.
const MUCH: usize = 24 * 1024 * 1024;

// N-021, N-040, R-062
fn a_peer_that_closes_ends_the_connection_cleanly(reactor: &Reactor) {
    let log = Log::default();
    let port = listen(reactor, stopping_server(reactor, &log));
    drop(peer_of(&port));

    run(reactor);

    log.assert(&["server built", "server made", "server lost ConnectionDone"]);
}

// N-021, N-040
// fault: reset
fn a_peer_that_resets_loses_the_connection(reactor: &Reactor) {
    let log = Log::default();
    let peer = Rc::new(Cell::new(None));
    let theirs = Rc::clone(&peer);
    let script = stopping_server(reactor, &log)
        .on_made(move |_| reset(theirs.take().expect("it has connected")));
    let port = listen(reactor, script);
    peer.set(Some(peer_of(&port)));

    run(reactor);

    log.assert(&["server built", "server made", "server lost ConnectionLost"]);
}

// N-053, N-021
// fault: the peer's half closed
fn a_peer_that_closes_its_half_has_its_data_read_first(reactor: &Reactor) {
    let log = Log::default();
    let port = listen(reactor, stopping_server(reactor, &log));
    let mut peer = peer_of(&port);
    peer.write_all(b"that is all").unwrap();
    peer.shutdown(Shutdown::Write).unwrap();

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server data that is all",
        "server lost ConnectionDone",
    ]);
    assert_eq!(read_all(&peer).unwrap(), b"");
}

// N-033, N-053
fn the_data_of_a_peer_that_has_closed_comes_complete(reactor: &Reactor) {
    let bytes = Bytes::default();
    let received = bytes.clone();
    let script =
        stopping_server(reactor, &Log::default()).on_data(move |_, data| received.add(data));
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    let writer = thread::spawn(move || peer.write_all(&pattern(5_000_000)));

    run(reactor);

    writer.join().unwrap().unwrap();
    assert!(bytes.take() == pattern(5_000_000));
}

// N-039
fn lose_connection_stops_reading_at_once(reactor: &Reactor) {
    let log = Log::default();
    let read = Rc::new(Cell::new(0));
    let count = Rc::clone(&read);
    let script = stopping_server(reactor, &log).on_data(move |transport, _| {
        count.set(count.get() + 1);
        calling(|| transport.lose_connection());
    });
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    // Too much for one read.
    peer.write_all(&pattern(200_000)).unwrap();

    run(reactor);

    assert_eq!(read.get(), 1);
    log.assert(&[
        "server built",
        "server made",
        "server data much",
        "server lost ConnectionDone",
    ]);
}

// N-039, N-040
fn lose_connection_twice_is_once(reactor: &Reactor) {
    let log = Log::default();
    let script = stopping_server(reactor, &log).on_made(|transport| {
        transport.write(b"bye");
        calling(|| transport.lose_connection());
        calling(|| transport.lose_connection());
    });
    let port = listen(reactor, script);
    let peer = peer_of(&port);

    run(reactor);

    log.assert(&["server built", "server made", "server lost ConnectionDone"]);
    assert_eq!(read_all(&peer).unwrap(), b"bye");
}

// N-024, N-039
// fault: slow reader
fn lose_connection_sends_all_to_a_slow_reader_first(reactor: &Reactor) {
    let log = Log::default();
    let (done, begin) = mpsc::channel();
    let (loop_, early) = (reactor.clone(), log.clone());
    let script = stopping_server(reactor, &log).on_made(move |transport| {
        transport.write(&pattern(MUCH));
        calling(|| transport.lose_connection());
        let (done, early) = (done.clone(), early.clone());
        after_turns(&loop_, 5, move |_| {
            early.assert(&["server built", "server made"]);
            done.send(()).unwrap();
        });
    });
    let port = listen(reactor, script);
    let peer = peer_of(&port);
    let reader = thread::spawn(move || {
        begin.recv().unwrap();
        read_all(&peer)
    });

    run(reactor);

    assert!(reader.join().unwrap().unwrap() == pattern(MUCH));
    log.assert(&["server built", "server made", "server lost ConnectionDone"]);
}

// N-039, N-040, N-042, N-044
fn the_end_comes_when_a_slow_reader_has_taken_what_waited(reactor: &Reactor) {
    let log = Log::default();
    let (loop_, (full, begin)) = (reactor.clone(), mpsc::channel());
    let script = stopping_server(reactor, &log).on_made(move |transport| {
        transport.write(&pattern(MUCH));
        // The end is asked for when the rest waits for room already.
        let (transport, full) = (Rc::clone(transport), full.clone());
        after_turns(&loop_, 3, move |_| {
            calling(|| transport.lose_connection());
            full.send(()).unwrap();
        });
    });
    let port = listen(reactor, script);
    let peer = peer_of(&port);
    let reader = thread::spawn(move || {
        begin.recv().unwrap();
        read_all(&peer)
    });

    run(reactor);

    assert!(reader.join().unwrap().unwrap() == pattern(MUCH));
    log.assert(&["server built", "server made", "server lost ConnectionDone"]);
    assert_eq!(reactor.writers().len(), 0);
}

// N-041
fn no_end_comes_from_inside_a_call(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(8, reactor));
    let step = Cell::new(0);
    let script = Script::new("server", &log)
        .on_made(move |transport| {
            step.set(step.get() + 1);
            let transport = Rc::clone(transport);
            match step.get() {
                1 => calling(|| transport.lose_connection()),
                2 => calling(|| transport.abort_connection()),
                3 => calling(|| {
                    transport.write(b"bye");
                    transport.lose_connection();
                }),
                _ => calling(|| {
                    transport.write(&pattern(100_000));
                    transport.lose_connection();
                    transport.abort_connection();
                    transport.write(b"after");
                }),
            }
        })
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let _peers: Vec<_> = (0..8).map(|_| peer_of(&port)).collect();

    run(reactor);

    assert_eq!(log.count("server is called from inside a call"), 0);
    assert_eq!(log.count("server lost ConnectionDone"), 2);
    assert_eq!(log.count("server lost ConnectionAborted"), 6);
}

/// What a descriptor of this process is, by its number; `None` if there is none with that number.
fn what_is(fd: i32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/self/fd/{fd}")).ok()
}

/// Runs a server whose connection does `end`, and says whether its socket was still there when it was told.
fn socket_is_there_at_the_end(
    reactor: &Reactor,
    keep: bool,
    end: impl Fn(&Rc<dyn Transport>) + 'static,
) -> bool {
    let (kept, there) = (Kept::default(), Rc::new(Cell::new(true)));
    let socket: Rc<RefCell<Option<(i32, PathBuf)>>> = Rc::default();
    let (made, seen) = (Rc::clone(&socket), Rc::clone(&there));
    let stop = stop_at_call(1, reactor);
    let script = Script::unnoted()
        .on_made(move |transport| {
            if keep {
                kept.keep(transport);
            }
            let socket = transport.abilities().socket.expect("it has a descriptor");
            socket.with_descriptor(&mut |fd| {
                let fd = fd.as_raw_fd();
                *made.borrow_mut() = Some((fd, what_is(fd).expect("it is open")));
            });
            end(transport);
        })
        .on_lost(move |_| {
            let (fd, socket) = socket.borrow_mut().take().expect("it was made");
            seen.set(what_is(fd) == Some(socket));
            stop();
        });
    let port = listen(reactor, script);
    let peer = Rc::new(peer_of(&port));
    peer.shutdown(Shutdown::Write).unwrap();

    run(reactor);

    there.get()
}

// N-042
#[cfg(target_os = "linux")]
fn the_socket_is_closed_when_the_end_is_told(reactor: &Reactor) {
    assert!(!socket_is_there_at_the_end(reactor, false, |_| ()));
    assert!(!socket_is_there_at_the_end(reactor, false, |transport| {
        transport.lose_connection();
    }));
    assert!(!socket_is_there_at_the_end(reactor, false, |transport| {
        transport.abort_connection();
    }));
}

// N-042
#[cfg(target_os = "linux")]
fn the_socket_is_closed_though_the_transport_is_kept(reactor: &Reactor) {
    assert!(!socket_is_there_at_the_end(reactor, true, |_| ()));
    assert!(!socket_is_there_at_the_end(reactor, true, |transport| {
        transport.lose_connection();
    }));
    assert!(!socket_is_there_at_the_end(reactor, true, |transport| {
        transport.abort_connection();
    }));
}

// N-043, N-044
fn the_reactor_holds_nothing_of_a_connection_that_is_over(reactor: &Reactor) {
    let (owned, ownership) = Ownership::new();
    let transport: Rc<RefCell<Option<std::rc::Weak<dyn Transport>>>> = Rc::default();
    let (seen, stop) = (Rc::clone(&transport), stop_at_call(1, reactor));
    let server = listen(reactor, Script::unnoted().on_made(|t| t.lose_connection()));
    let script = Script::unnoted()
        .on_made(move |transport| *seen.borrow_mut() = Some(Rc::downgrade(transport)))
        .on_gone(move |_, _| {
            let _ = &owned;
            stop();
        });
    connect(reactor, number(&server), script);

    run(reactor);

    assert!(ownership.is_over());
    let transport = transport.take().expect("there was a connection");
    assert!(transport.upgrade().is_none());
    assert_eq!(reactor.writers().len(), 0);
}

// N-042
// fault: many at once
#[cfg(target_os = "linux")]
fn more_connections_than_descriptors_come_and_go(reactor: &Reactor) {
    let name = "more_connections_than_descriptors_come_and_go";
    in_a_process_of_its_own(reactor, name, || {
        const CONNECTIONS: usize = 200;
        let server = listen(
            reactor,
            Script::unnoted().on_data(|t, data| {
                t.write(data);
                t.lose_connection();
            }),
        );
        let before = open_descriptors();
        limit_descriptors(before + 20);
        let (times, stop, kept) = (Cell::new(0), reactor.clone(), RefCell::new(Vec::new()));
        let script = Script::unnoted()
            .on_made(move |transport| {
                kept.borrow_mut().push(Rc::clone(transport));
                transport.write(b"x");
            })
            .on_failed(|_, reason| panic!("{reason}"))
            .on_gone(move |connector, _| {
                times.set(times.get() + 1);
                if times.get() < CONNECTIONS {
                    connector.connect().unwrap();
                } else {
                    stop_soon(&stop);
                }
            });
        let connector = connect(reactor, number(&server), script);

        run(reactor);

        // The port is closed by now, too.
        assert!(open_descriptors() < before);
        drop(connector);
    });
}
