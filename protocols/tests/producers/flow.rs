//! Producers that are paused and resumed, and those that are asked.

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::rc::Rc;
use std::thread;

use protocols::reactor::Reactor;
use protocols::{Flow, Producer, Transport};

use crate::common::peers::pattern;
use crate::common::{
    Log, Script, after_turns, calling, listen, on_every_backend, peer_of, read_all, recorded, run,
    stop_at_call, stop_soon,
};
use crate::notes::{MUCH, Notes, connection, reader};

on_every_backend!(
    a_push_producer_is_paused_with_more_than_the_limit_waiting,
    a_push_producer_is_not_paused_with_the_limit_waiting,
    a_producer_that_stops_at_full_is_paused_and_resumed,
    pauses_and_resumes_alternate,
    a_producer_that_writes_on_loses_nothing_and_is_not_paused_twice,
    a_pull_producer_is_never_paused_and_asked_until_it_is_done,
    a_pull_producer_with_nothing_to_write_is_asked_again_without_a_busy_loop,
    two_connections_that_feed_each_other_hold_no_more_than_their_limits,
    the_water_marks_can_be_set,
);

// S-006
fn a_push_producer_is_paused_with_more_than_the_limit_waiting(reactor: &Reactor) {
    is_paused_with(reactor, 64 * 1024 + 1, true);
}

// S-006, S-010
fn a_push_producer_is_not_paused_with_the_limit_waiting(reactor: &Reactor) {
    is_paused_with(reactor, 64 * 1024, false);
}

/// Writes so much in pieces so small that they wait until the callback that runs now returns.
fn write_in_pieces(transport: &dyn Transport, bytes: usize) {
    for piece in pattern(bytes).chunks(4096) {
        transport.write(piece);
    }
}

#[track_caller]
fn is_paused_with(reactor: &Reactor, bytes: usize, paused: bool) {
    let log = Log::default();
    let (producer, reactor_too) = (Notes::new(&log), reactor.clone());
    let writing = log.clone();
    let _peer = connection(reactor, &Log::default(), move |transport| {
        transport.register_producer(producer.push()).unwrap();
        calling(|| {
            write_in_pieces(&**transport, bytes - 1);
            transport.write_vectored(&[b"", b"x"]);
        });
        writing.note("written");
        stop_soon(&reactor_too);
    });

    run(reactor);

    assert_eq!(log.count("pause"), usize::from(paused));
    assert_eq!(log.count("written"), 1);
}

// S-007, S-008
fn a_producer_that_stops_at_full_is_paused_and_resumed(reactor: &Reactor) {
    let log = Log::default();
    let left = Rc::new(Cell::new(MUCH));
    let written = Rc::clone(&left);
    let noting = log.clone();
    let peer = connection(reactor, &log, move |transport| {
        let (transport_too, left) = (Rc::clone(transport), Rc::clone(&written));
        let write = move || {
            while left.get() > 0 {
                left.set(left.get() - 8192);
                if transport_too.write(&[7; 8192]) == Flow::Full {
                    return;
                }
            }
            transport_too.unregister_producer();
            transport_too.lose_connection();
        };
        let producer = Notes::that(&noting, write.clone());
        transport.register_producer(producer.push()).unwrap();
        write();
    });
    let reader = reader(peer);

    run(reactor);

    assert_eq!(reader.join().unwrap(), vec![7; MUCH]);
    assert_eq!(left.get(), 0);
    assert_eq!(log.count("pause"), log.count("resume"));
    assert!(log.count("pause") > 0);
}

// S-008
fn pauses_and_resumes_alternate(reactor: &Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let peer = connection(reactor, &log, move |transport| {
        let (transport_too, rounds) = (Rc::clone(transport), Cell::new(0));
        let producer = Notes::that(&noting, move || {
            rounds.set(rounds.get() + 1);
            if rounds.get() == 3 {
                transport_too.unregister_producer();
                transport_too.lose_connection();
            } else {
                write_in_pieces(&*transport_too, 100_000);
            }
        });
        transport.register_producer(producer.push()).unwrap();
        write_in_pieces(&**transport, 200_000);
    });
    let reader = reader(peer);

    run(reactor);

    assert_eq!(reader.join().unwrap().len(), 400_000);
    log.assert(&[
        "pause",
        "resume",
        "pause",
        "resume",
        "pause",
        "resume",
        "lost ConnectionDone",
    ]);
}

// S-012
fn a_producer_that_writes_on_loses_nothing_and_is_not_paused_twice(reactor: &Reactor) {
    let log = Log::default();
    let (noting, reactor_too) = (log.clone(), reactor.clone());
    let peer = connection(reactor, &log, move |transport| {
        let to_end = Rc::clone(transport);
        let producer = Notes::that(&noting, move || {
            to_end.unregister_producer();
            to_end.lose_connection();
        });
        transport.register_producer(producer.push()).unwrap();
        transport.write(&pattern(MUCH));
        let transport = Rc::clone(transport);
        after_turns(&reactor_too, 2, move |_| {
            transport.write(b"in spite of it");
        });
    });
    after_turns(reactor, 20, move |_| drop(reader(peer)));

    run(reactor);

    log.assert(&["pause", "resume", "lost ConnectionDone"]);
}

// S-009
fn a_pull_producer_is_never_paused_and_asked_until_it_is_done(reactor: &Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let peer = connection(reactor, &log, move |transport| {
        let (transport_too, asked) = (Rc::clone(transport), Cell::new(0));
        let producer = Notes::that(&noting, move || {
            asked.set(asked.get() + 1);
            transport_too.write(&pattern(1_000_000));
            if asked.get() == 5 {
                transport_too.unregister_producer();
                transport_too.lose_connection();
            }
        });
        transport.register_producer(producer.pull()).unwrap();
    });
    let reader = reader(peer);

    run(reactor);

    assert_eq!(reader.join().unwrap().len(), 5_000_000);
    log.assert(&[
        "resume",
        "resume",
        "resume",
        "resume",
        "resume",
        "lost ConnectionDone",
    ]);
}

// S-011
fn a_pull_producer_with_nothing_to_write_is_asked_again_without_a_busy_loop(reactor: &Reactor) {
    let (reactor, waits) = recorded(reactor);
    let log = Log::default();
    let noting = log.clone();
    let peer = connection(&reactor, &log, move |transport| {
        let (transport_too, asked) = (Rc::clone(transport), Cell::new(0));
        let producer = Notes::that(&noting, move || {
            asked.set(asked.get() + 1);
            if asked.get() == 3 {
                transport_too.write(b"at last");
                transport_too.unregister_producer();
                transport_too.lose_connection();
            }
        });
        transport.register_producer(producer.pull()).unwrap();
    });

    run(&reactor);

    assert_eq!(read_all(&peer).unwrap(), b"at last");
    log.assert(&["resume", "resume", "resume", "lost ConnectionDone"]);
    assert!(waits.count() < 20, "it waits between two questions");
}

// S-018
// fault: slow reader
fn two_connections_that_feed_each_other_hold_no_more_than_their_limits(reactor: &Reactor) {
    let ends: Rc<RefCell<Vec<Rc<dyn Transport>>>> = Rc::default();
    let (made, data, lost) = (Rc::clone(&ends), Rc::clone(&ends), Rc::clone(&ends));
    let most = Rc::new(Cell::new(0));
    let (stop, waiting) = (stop_at_call(2, reactor), Rc::clone(&most));
    let is_full = Rc::new(Cell::new(0));
    let full = Rc::clone(&is_full);
    let script = Script::unnoted()
        .on_made(move |transport| {
            let mut made = made.borrow_mut();
            if let Some(first) = made.first() {
                for (from, to) in [(first, transport), (transport, first)] {
                    to.register_producer(Producer::Push(from.clone())).unwrap();
                }
            } else {
                transport.pause_producing();
            }
            made.push(Rc::clone(transport));
            if let [first, _] = &made[..] {
                first.resume_producing();
            }
        })
        .on_data(move |transport, bytes| {
            let ends = data.borrow();
            let other = ends.iter().find(|end| !Rc::ptr_eq(end, transport));
            // So much waits since there was room, at the most.
            match other.expect("both are here").write(bytes) {
                Flow::Full => full.set(full.get() + bytes.len()),
                Flow::Open => full.set(0),
            }
            waiting.set(waiting.get().max(full.get()));
        })
        .on_lost(move |_| {
            for end in &*lost.borrow() {
                end.unregister_producer();
                end.lose_connection();
            }
            stop();
        });
    let port = listen(reactor, script);
    let mut fast = peer_of(&port);
    let mut slow = peer_of(&port);
    let writer = thread::spawn(move || fast.write_all(&pattern(MUCH)));
    let reader = thread::spawn(move || {
        let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
        loop {
            match slow.read(&mut buffer).expect("the end is in order") {
                0 => return received,
                count => received.extend_from_slice(&buffer[..count]),
            }
        }
    });

    run(reactor);

    writer.join().unwrap().unwrap();
    assert!(reader.join().unwrap() == pattern(MUCH));
    assert!(most.get() <= 128 * 1024, "{} bytes waited", most.get());
}

// S-019
fn the_water_marks_can_be_set(reactor: &Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let peer = connection(reactor, &log, move |transport| {
        transport.set_water_marks(10, 5);
        let to_end = Rc::clone(transport);
        let producer = Notes::that(&noting, move || {
            to_end.unregister_producer();
            to_end.lose_connection();
        });
        transport.register_producer(producer.push()).unwrap();
        assert_eq!(transport.write(b"0123456789"), Flow::Open);
        assert_eq!(transport.write(b"x"), Flow::Full);
    });

    run(reactor);

    assert_eq!(read_all(&peer).unwrap(), b"0123456789x");
    log.assert(&["pause", "resume", "lost ConnectionDone"]);
}
