//! What the system does not take at once: how it waits, in which order it is sent, and what the writer is told.

mod common;

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;

use common::peers::pattern;
use common::{
    Log, Reports, Script, after_turns, listen, on_every_backend, peer_of, read_all, run,
    stop_at_call, stop_soon,
};
use protocols::Flow;
use protocols::reactor::Reactor;

on_every_backend!(
    a_very_large_write_and_a_small_one_arrive_before_the_end,
    what_the_system_does_not_take_is_sent_in_order_to_a_slow_reader,
    what_is_written_while_something_waits_comes_after_it,
    nothing_waits_for_room_when_all_is_sent,
    a_transport_is_full_with_more_than_64_kib_waiting,
    a_transport_is_open_again_when_the_peer_has_read,
    a_failing_send_loses_the_connection,
    a_write_after_lose_connection_is_dropped_while_older_data_waits,
);

/// More than two sockets hold between them, however generous the system is.
const MUCH: usize = 24 * 1024 * 1024;

// N-022, N-024
fn a_very_large_write_and_a_small_one_arrive_before_the_end(reactor: &Reactor) {
    const LEN: usize = 60 * 1024 * 1024;
    let stop = stop_at_call(1, reactor);
    let log = Log::default();
    let script = Script::new("server", &log)
        .on_made(|transport| {
            transport.write(&pattern(LEN));
            transport.write(b"the end");
            transport.lose_connection();
        })
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let peer = peer_of(&port);
    let reader = thread::spawn(move || read_all(&peer));

    run(reactor);

    let received = reader.join().unwrap().unwrap();
    assert_eq!(received.len(), LEN + 7);
    assert!(received[..LEN] == pattern(LEN));
    assert_eq!(&received[LEN..], b"the end");
    log.assert(&["server built", "server made", "server lost ConnectionDone"]);
}

// N-022, N-025
// fault: slow reader
fn what_the_system_does_not_take_is_sent_in_order_to_a_slow_reader(reactor: &Reactor) {
    let stop = stop_at_call(1, reactor);
    let script = Script::unnoted()
        .on_made(|transport| {
            for part in pattern(MUCH).chunks(100_003) {
                transport.write(part);
            }
            transport.lose_connection();
        })
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    let reader = thread::spawn(move || {
        let (mut received, mut buffer) = (Vec::new(), [0; 10_007]);
        loop {
            match peer.read(&mut buffer).expect("the server closes in order") {
                0 => return received,
                count => received.extend_from_slice(&buffer[..count]),
            }
        }
    });

    run(reactor);

    assert!(reader.join().unwrap() == pattern(MUCH));
}

// N-022, N-025
fn what_is_written_while_something_waits_comes_after_it(reactor: &Reactor) {
    let stop = stop_at_call(1, reactor);
    let (loop_, (reads, begin)) = (reactor.clone(), mpsc::channel());
    let script = Script::unnoted()
        .on_made(move |transport| {
            transport.write(&pattern(MUCH));
            let (transport, reads) = (Rc::clone(transport), reads.clone());
            after_turns(&loop_, 3, move |reactor| {
                assert_eq!(reactor.writers().len(), 1, "the peer does not read yet");
                transport.write(b"second ");
                after_turns(reactor, 3, move |_| {
                    transport.write(b"third");
                    transport.lose_connection();
                    reads.send(()).unwrap();
                });
            });
        })
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let peer = peer_of(&port);
    let reader = thread::spawn(move || {
        begin.recv().expect("the server says when");
        read_all(&peer)
    });

    run(reactor);

    let received = reader.join().unwrap().unwrap();
    assert!(received[..MUCH] == pattern(MUCH));
    assert_eq!(&received[MUCH..], b"second third");
}

// N-025, N-044
fn nothing_waits_for_room_when_all_is_sent(reactor: &Reactor) {
    let (loop_, writers) = (reactor.clone(), Rc::new(Cell::new(None)));
    let seen = Rc::clone(&writers);
    let script = Script::unnoted()
        .on_made(|transport| {
            transport.write(&pattern(MUCH));
        })
        .on_data(move |_, _| {
            // The peer has read all and says so, so all was sent.
            let seen = Rc::clone(&seen);
            after_turns(&loop_, 2, move |reactor| {
                seen.set(Some(reactor.writers().len()));
                stop_soon(reactor);
            });
        });
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    let reader = thread::spawn(move || {
        peer.read_exact(&mut vec![0; MUCH]).unwrap();
        peer.write_all(b"all read").unwrap();
        peer
    });

    run(reactor);

    drop(reader.join().unwrap());
    assert_eq!(writers.get(), Some(0));
}

// N-025
fn a_transport_is_full_with_more_than_64_kib_waiting(reactor: &Reactor) {
    let flows: Rc<RefCell<Vec<Flow>>> = Rc::default();
    let (seen, stop) = (flows.clone(), reactor.clone());
    let script = Script::unnoted().on_made(move |transport| {
        let mut flows = seen.borrow_mut();
        // In small pieces, which wait until this callback returns.
        for _ in 0..63 {
            transport.write(&[0; 1024]);
        }
        flows.push(transport.write(&[0; 1024]));
        flows.push(transport.write(b"x"));
        flows.push(transport.write_vectored(&[b"y"]));
        stop_soon(&stop);
    });
    let port = listen(reactor, script);
    let _peer = peer_of(&port);

    run(reactor);

    assert_eq!(*flows.borrow(), [Flow::Open, Flow::Full, Flow::Full]);
}

// N-025
fn a_transport_is_open_again_when_the_peer_has_read(reactor: &Reactor) {
    let flows: Rc<RefCell<Vec<Flow>>> = Rc::default();
    let (before, after, stop) = (flows.clone(), flows.clone(), reactor.clone());
    let script = Script::unnoted()
        .on_made(move |transport| before.borrow_mut().push(transport.write(&pattern(MUCH))))
        .on_data(move |transport, _| {
            after.borrow_mut().push(transport.write(b"more"));
            stop_soon(&stop);
        });
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    let reader = thread::spawn(move || {
        peer.read_exact(&mut vec![0; MUCH]).unwrap();
        peer.write_all(b"go on").unwrap();
        read_all(&peer).unwrap()
    });

    run(reactor);

    assert_eq!(*flows.borrow(), [Flow::Full, Flow::Open]);
    assert_eq!(reader.join().unwrap(), b"more");
}

// N-021, N-026, R-062
// fault: gone in mid-write
fn a_failing_send_loses_the_connection(reactor: &Reactor) {
    let (log, reports) = (Log::default(), Reports::collected());
    let (stop, (full, then)) = (stop_at_call(1, reactor), mpsc::channel());
    let loop_ = reactor.clone();
    let script = Script::new("server", &log)
        .on_made(move |transport| {
            transport.write(&pattern(MUCH));
            // From here on nothing is read, so that only a send can fail.
            transport.lose_connection();
            let full = full.clone();
            after_turns(&loop_, 3, move |_| full.send(()).unwrap());
        })
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let peer = peer_of(&port);
    let breaker = thread::spawn(move || {
        then.recv().unwrap();
        common::peers::reset(peer);
    });

    run(reactor);

    breaker.join().unwrap();
    log.assert(&["server built", "server made", "server lost ConnectionLost"]);
    reports.assert(&[]);
}

// N-024, N-028
fn a_write_after_lose_connection_is_dropped_while_older_data_waits(reactor: &Reactor) {
    let (stop, loop_) = (stop_at_call(1, reactor), reactor.clone());
    let (reads, begin) = mpsc::channel();
    let script = Script::unnoted()
        .on_made(move |transport| {
            transport.write(&pattern(MUCH));
            transport.lose_connection();
            let (transport, reads) = (Rc::clone(transport), reads.clone());
            after_turns(&loop_, 3, move |_| {
                transport.write(b"after");
                reads.send(()).unwrap();
            });
        })
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let peer = peer_of(&port);
    let reader = thread::spawn(move || {
        begin.recv().unwrap();
        read_all(&peer).unwrap()
    });

    run(reactor);

    assert!(reader.join().unwrap() == pattern(MUCH));
}
