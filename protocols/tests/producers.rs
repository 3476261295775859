//! Producers that are registered with a transport: when they are paused, resumed, asked and stopped.

mod common;

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::thread;

use common::peers::pattern;
use common::{
    Kept, Log, Reports, Script, after_turns, calling, listen, lose_write, on_every_backend,
    peer_of, read_all, recorded, run, stop_at_call, stop_soon,
};
use protocols::reactor::Reactor;
use protocols::{Flow, Producer, ProducerError, PullProducer, PushProducer, Transport};

on_every_backend!(
    a_second_producer_is_refused_and_the_first_stays,
    a_push_producer_is_not_called_when_it_is_registered,
    a_pull_producer_is_asked_when_it_is_registered_and_not_from_inside_the_call,
    a_producer_of_a_lost_transport_is_stopped_and_not_kept,
    a_producer_of_a_closing_transport_is_stopped,
    unregistering_when_none_is_registered_is_harmless,
    unregistering_after_the_end_is_harmless,
    a_push_producer_is_paused_with_more_than_the_limit_waiting,
    a_push_producer_is_not_paused_with_the_limit_waiting,
    a_producer_that_stops_at_full_is_paused_and_resumed,
    pauses_and_resumes_alternate,
    a_producer_that_writes_on_loses_nothing_and_is_not_paused_twice,
    a_pull_producer_is_never_paused_and_asked_until_it_is_done,
    a_pull_producer_with_nothing_to_write_is_asked_again_without_a_busy_loop,
    lose_connection_waits_for_the_producer,
    the_end_of_writing_waits_for_the_producer,
    what_others_write_while_a_producer_holds_up_the_end_is_sent,
    losing_the_connection_stops_the_producer_before_the_protocol_hears,
    nothing_is_asked_of_a_producer_after_the_end,
    stop_consuming_unregisters_and_ends,
    two_connections_that_feed_each_other_hold_no_more_than_their_limits,
    the_water_marks_can_be_set,
    a_panic_of_a_producer_ends_its_connection,
    a_panic_of_a_producer_that_is_stopped_is_reported,
    a_producer_may_abort_the_connection_when_it_is_called,
);

/// More than two sockets hold between them, however generous the system is.
const MUCH: usize = 24 * 1024 * 1024;

/// A producer of either kind that notes what it is told, and does what a test wants.
struct Notes {
    log: Log,
    on_resume: Box<dyn Fn()>,
}

impl Notes {
    fn new(log: &Log) -> Rc<Self> {
        Self::that(log, || ())
    }

    fn that(log: &Log, on_resume: impl Fn() + 'static) -> Rc<Self> {
        Rc::new(Self {
            log: log.clone(),
            on_resume: Box::new(on_resume),
        })
    }

    fn push(self: &Rc<Self>) -> Producer {
        Producer::Push(self.clone())
    }

    fn pull(self: &Rc<Self>) -> Producer {
        Producer::Pull(self.clone())
    }
}

impl PushProducer for Notes {
    fn pause_producing(&self) {
        self.log.note("pause");
    }

    fn resume_producing(&self) {
        self.log.note("resume");
        (self.on_resume)();
    }

    fn stop_producing(&self) {
        self.log.note("stop");
    }
}

impl PullProducer for Notes {
    fn resume_producing(&self) {
        PushProducer::resume_producing(self);
    }

    fn stop_producing(&self) {
        PushProducer::stop_producing(self);
    }
}

/// Listens, and calls `on_made` for the one connection; gives back the peer.
fn connection(
    reactor: &Reactor,
    log: &Log,
    on_made: impl Fn(&Rc<dyn Transport>) + 'static,
) -> TcpStream {
    let stop = stop_at_call(1, reactor);
    let lost = log.clone();
    let script = Script::unnoted().on_made(on_made).on_lost(move |reason| {
        lost.note(format!("lost {}", common::name_of(reason)));
        stop();
    });
    peer_of(&listen(reactor, script))
}

/// A thread that reads all that comes, and gives it back when it is asked to.
fn reader(peer: TcpStream) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || read_all(&peer).expect("the end is in order"))
}

// S-001
fn a_second_producer_is_refused_and_the_first_stays(reactor: &Reactor) {
    let (log, other) = (Log::default(), Log::default());
    let (first, second) = (Notes::new(&log), Notes::new(&other));
    let _peer = connection(reactor, &log, move |transport| {
        transport.register_producer(first.push()).unwrap();
        for producer in [second.push(), second.pull()] {
            let refused = transport.register_producer(producer);
            assert_eq!(refused, Err(ProducerError::AlreadyRegistered));
        }
        transport.abort_connection();
    });

    run(reactor);

    log.assert(&["stop", "lost ConnectionAborted"]);
    assert!(other.is_empty());
}

// S-002
fn a_push_producer_is_not_called_when_it_is_registered(reactor: &Reactor) {
    let log = Log::default();
    let (producer, reactor_too) = (Notes::new(&log), reactor.clone());
    let _peer = connection(reactor, &log, move |transport| {
        transport.register_producer(producer.push()).unwrap();
        stop_soon(&reactor_too);
    });

    run(reactor);

    log.assert(&["stop", "lost ReactorStopped"]);
}

// S-002, N-041
fn a_pull_producer_is_asked_when_it_is_registered_and_not_from_inside_the_call(reactor: &Reactor) {
    let log = Log::default();
    let registering = log.clone();
    let peer = connection(reactor, &log, move |transport| {
        let to_end = Rc::clone(transport);
        let producer = Notes::that(&registering, move || {
            to_end.write(b"some");
            to_end.unregister_producer();
            to_end.lose_connection();
        });
        calling(|| transport.register_producer(producer.pull())).unwrap();
        registering.note("registered");
    });

    run(reactor);

    log.assert(&["registered", "resume", "lost ConnectionDone"]);
    assert_eq!(read_all(&peer).unwrap(), b"some");
}

// S-003
fn a_producer_of_a_lost_transport_is_stopped_and_not_kept(reactor: &Reactor) {
    let log = Log::default();
    let (producer, kept) = (Notes::new(&log), Kept::default());
    let keep = kept.clone();
    let _peer = connection(reactor, &log, move |transport| {
        keep.keep(transport);
        transport.abort_connection();
    });
    run(reactor);

    let (late, reactor_too) = (Rc::clone(&producer), reactor.clone());
    reactor.call_when_running(move |_| {
        kept.get().register_producer(late.push()).unwrap();
        kept.get().register_producer(late.pull()).unwrap();
        stop_soon(&reactor_too);
    });
    run(reactor);

    log.assert(&["lost ConnectionAborted", "stop", "stop"]);
    assert_eq!(Rc::strong_count(&producer), 1);
}

// S-003
fn a_producer_of_a_closing_transport_is_stopped(reactor: &Reactor) {
    let log = Log::default();
    let producer = Notes::new(&log);
    let _peer = connection(reactor, &log, move |transport| {
        transport.lose_connection();
        transport.register_producer(producer.push()).unwrap();
    });

    run(reactor);

    log.assert(&["stop", "lost ConnectionDone"]);
}

// S-004
fn unregistering_when_none_is_registered_is_harmless(reactor: &Reactor) {
    let log = Log::default();
    let producer = Notes::new(&log);
    let peer = connection(reactor, &log, move |transport| {
        transport.unregister_producer();
        transport.register_producer(producer.push()).unwrap();
        transport.unregister_producer();
        transport.unregister_producer();
        transport.write(b"fine");
        transport.lose_connection();
    });

    run(reactor);

    assert_eq!(read_all(&peer).unwrap(), b"fine");
    log.assert(&["lost ConnectionDone"]);
}

// S-005
fn unregistering_after_the_end_is_harmless(reactor: &Reactor) {
    let log = Log::default();
    let (producer, kept) = (Notes::new(&log), Kept::default());
    let keep = kept.clone();
    let _peer = connection(reactor, &log, move |transport| {
        keep.keep(transport);
        transport.register_producer(producer.push()).unwrap();
        transport.abort_connection();
        transport.unregister_producer();
    });

    run(reactor);
    kept.get().unregister_producer();

    assert!(reactor.readers().is_empty() && reactor.writers().is_empty());
    log.assert(&["lost ConnectionAborted"]);
}

// S-006
fn a_push_producer_is_paused_with_more_than_the_limit_waiting(reactor: &Reactor) {
    is_paused_with(reactor, 64 * 1024 + 1, true);
}

// S-006, S-010
fn a_push_producer_is_not_paused_with_the_limit_waiting(reactor: &Reactor) {
    is_paused_with(reactor, 64 * 1024, false);
}

#[track_caller]
fn is_paused_with(reactor: &Reactor, bytes: usize, paused: bool) {
    let log = Log::default();
    let (producer, reactor_too) = (Notes::new(&log), reactor.clone());
    let writing = log.clone();
    let _peer = connection(reactor, &Log::default(), move |transport| {
        transport.register_producer(producer.push()).unwrap();
        calling(|| {
            transport.write(&pattern(bytes - 1));
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
                transport_too.write(&pattern(100_000));
            }
        });
        transport.register_producer(producer.push()).unwrap();
        transport.write(&pattern(100_000));
        transport.write(&pattern(100_000));
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

// S-013, N-028
fn lose_connection_waits_for_the_producer(reactor: &Reactor) {
    let log = Log::default();
    let (noting, reactor_too) = (log.clone(), reactor.clone());
    let peer = connection(reactor, &log, move |transport| {
        transport
            .register_producer(Notes::new(&noting).push())
            .unwrap();
        transport.lose_connection();
        let (transport, noting) = (Rc::clone(transport), noting.clone());
        after_turns(&reactor_too, 5, move |_| {
            transport.write(b"the last of it");
            noting.note("done");
            transport.unregister_producer();
            transport.write(b" and no more");
        });
    });

    run(reactor);

    assert_eq!(read_all(&peer).unwrap(), b"the last of it");
    log.assert(&["done", "lost ConnectionDone"]);
}

// N-054
fn the_end_of_writing_waits_for_the_producer(reactor: &Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let mut peer = connection(reactor, &log, move |transport| {
        let (transport_too, asked) = (Rc::clone(transport), Cell::new(0));
        let producer = Notes::that(&noting, move || {
            asked.set(asked.get() + 1);
            transport_too.write(b"some ");
            if asked.get() == 3 {
                transport_too.unregister_producer();
            }
        });
        transport.register_producer(producer.pull()).unwrap();
        lose_write(transport);
    });
    let reader = thread::spawn(move || {
        let received = read_all(&peer);
        peer.write_all(b"x").map(|()| received)
    });

    run(reactor);

    let received = reader.join().unwrap().unwrap().unwrap();
    assert_eq!(received, b"some some some ");
    log.assert(&["resume", "resume", "resume", "lost ConnectionDone"]);
}

// N-028
fn what_others_write_while_a_producer_holds_up_the_end_is_sent(reactor: &Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let peer = connection(reactor, &log, move |transport| {
        transport
            .register_producer(Notes::new(&noting).push())
            .unwrap();
        transport.lose_connection();
        transport.write(b"kept");
        transport.unregister_producer();
        transport.write(b"dropped");
    });

    run(reactor);

    assert_eq!(read_all(&peer).unwrap(), b"kept");
}

// S-014
fn losing_the_connection_stops_the_producer_before_the_protocol_hears(reactor: &Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let peer = connection(reactor, &log, move |transport| {
        transport
            .register_producer(Notes::new(&noting).push())
            .unwrap();
    });
    after_turns(reactor, 5, move |_| drop(peer));

    run(reactor);

    log.assert(&["stop", "lost ConnectionDone"]);
}

// S-014
fn nothing_is_asked_of_a_producer_after_the_end(reactor: &Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let reactor_too = reactor.clone();
    let script = Script::unnoted().on_made(move |transport| {
        transport
            .register_producer(Notes::new(&noting).pull())
            .unwrap();
        transport.abort_connection();
        stop_soon(&reactor_too);
    });
    let _peer = peer_of(&listen(reactor, script));

    run(reactor);

    log.assert(&["stop"]);
    assert!(reactor.delayed_calls().is_empty());
}

// S-015
fn stop_consuming_unregisters_and_ends(reactor: &Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let peer = connection(reactor, &log, move |transport| {
        transport
            .register_producer(Notes::new(&noting).push())
            .unwrap();
        transport.write(b"all");
        transport.stop_consuming();
    });

    run(reactor);

    assert_eq!(read_all(&peer).unwrap(), b"all");
    log.assert(&["lost ConnectionDone"]);
}

// S-018
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

fn a_panic_of_a_producer_ends_its_connection(reactor: &Reactor) {
    let reports = Reports::collected();
    let log = Log::default();
    let noting = log.clone();
    let _peer = connection(reactor, &log, move |transport| {
        let producer = Notes::that(&noting, || panic!("out of words"));
        transport.register_producer(producer.pull()).unwrap();
    });

    run(reactor);

    log.assert(&["resume", "stop", "lost panic: out of words"]);
    reports.assert(&[("Unhandled error in resume_producing", "panic: out of words")]);
}

/// A producer that panics when it is stopped.
struct Stubborn;

impl PullProducer for Stubborn {
    fn resume_producing(&self) {}

    fn stop_producing(&self) {
        panic!("not yet");
    }
}

fn a_panic_of_a_producer_that_is_stopped_is_reported(reactor: &Reactor) {
    let reports = Reports::collected();
    let log = Log::default();
    let _peer = connection(reactor, &log, |transport| {
        transport
            .register_producer(Producer::Pull(Rc::new(Stubborn)))
            .unwrap();
        transport.abort_connection();
    });

    run(reactor);

    log.assert(&["lost ConnectionAborted"]);
    reports.assert(&[("Unhandled error in stop_producing", "panic: not yet")]);
}

fn a_producer_may_abort_the_connection_when_it_is_called(reactor: &Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let peer = connection(reactor, &log, move |transport| {
        let to_abort = Rc::clone(transport);
        let producer = Notes::that(&noting, move || {
            to_abort.write(b"never sent");
            to_abort.abort_connection();
        });
        transport.register_producer(producer.pull()).unwrap();
    });

    run(reactor);

    log.assert(&["resume", "stop", "lost ConnectionAborted"]);
    assert!(read_all(&peer).is_err());
}
