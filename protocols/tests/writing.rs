//! Writing: what arrives, in which order and in how many pieces, and what is dropped.

mod common;

use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use common::peers::{is_quiet, pattern, reset};
use common::{
    Kept, Log, Reports, Script, accepted, after_turns, calling, connect, listen, listener,
    on_every_backend, peer_of, read_all, received_from, recorded, run, stop_at_call, stop_soon,
};
use protocols::reactor::Reactor;
use protocols::{Flow, Transport};

on_every_backend!(
    many_small_writes_arrive_complete_and_in_order,
    large_and_small_writes_arrive_in_order,
    a_sequence_of_parts_is_written_like_one_text,
    an_empty_write_sends_nothing_and_waits_for_nothing,
    an_empty_write_does_not_keep_a_connection_from_closing,
    what_one_callback_writes_is_sent_when_it_returns_and_not_before,
    what_one_callback_writes_arrives_in_one_piece,
    what_is_large_is_sent_at_once_if_nothing_waits_before_it,
    a_large_write_to_a_peer_that_has_gone_ends_the_connection_later,
    what_is_shared_arrives_in_order_with_what_is_copied,
    a_connection_that_ends_as_it_begins_is_never_watched,
    a_write_between_two_runs_of_the_loop_does_nothing,
    a_timer_writes_to_a_kept_transport,
    a_callback_writes_to_another_connection,
    a_callback_writes_to_another_connection_and_closes_it,
    a_write_after_the_end_does_nothing,
    a_write_after_lose_connection_is_dropped,
    a_write_in_connection_lost_does_nothing,
    a_write_to_a_connection_that_the_reactor_ends_does_nothing,
);

/// More than two sockets hold between them, however generous the system is.
const MUCH: usize = 24 * 1024 * 1024;

// N-022
fn many_small_writes_arrive_complete_and_in_order(reactor: &Reactor) {
    let lines: Vec<String> = (0..5000).map(|n| format!("line {n}\n")).collect();
    let expected = lines.concat();

    let received = received_from(reactor, move |transport| {
        for line in &lines {
            transport.write(line.as_bytes());
        }
        transport.lose_connection();
    });

    assert_eq!(String::from_utf8(received).unwrap(), expected);
}

// N-022
fn large_and_small_writes_arrive_in_order(reactor: &Reactor) {
    let text = pattern(3_000_000);
    let expected = text.clone();

    let received = received_from(reactor, move |transport| {
        let mut rest = &text[..];
        for len in [1, 65_535, 65_536, 65_537, 3, 500_000, 2, 1].iter().cycle() {
            let (part, after) = rest.split_at(rest.len().min(*len));
            transport.write(part);
            rest = after;
            if rest.is_empty() {
                break;
            }
        }
        transport.lose_connection();
    });

    assert!(received == expected);
}

// N-023
fn a_sequence_of_parts_is_written_like_one_text(reactor: &Reactor) {
    let received = received_from(reactor, |transport| {
        transport.write_vectored(&[b"one ", b"", b"two ", b"three "]);
        transport.write_vectored(&[]);
        transport.write_vectored(&[b""]);
        transport.write(b"four");
        transport.lose_connection();
    });

    assert_eq!(received, b"one two three four");
}

// N-023
fn an_empty_write_sends_nothing_and_waits_for_nothing(reactor: &Reactor) {
    let (flows, writers) = (Rc::new(Cell::new(None)), Rc::new(Cell::new(None)));
    let (wrote, seen, loop_) = (Rc::clone(&flows), Rc::clone(&writers), reactor.clone());
    let script = Script::unnoted().on_made(move |transport| {
        wrote.set(Some([
            transport.write(b""),
            transport.write_vectored(&[b"", b""]),
        ]));
        let seen = Rc::clone(&seen);
        after_turns(&loop_, 1, move |reactor| {
            seen.set(Some(reactor.writers().len()));
            stop_soon(reactor);
        });
    });
    let port = listen(reactor, script);
    let peer = peer_of(&port);

    run(reactor);

    assert_eq!(flows.get(), Some([Flow::Open; 2]));
    assert_eq!(writers.get(), Some(0));
    assert_eq!(read_all(&peer).unwrap(), b"");
}

// N-023, N-039
fn an_empty_write_does_not_keep_a_connection_from_closing(reactor: &Reactor) {
    let received = received_from(reactor, |transport| {
        transport.write(b"");
        transport.lose_connection();
    });

    assert_eq!(received, b"");
}

// N-022
fn what_one_callback_writes_is_sent_when_it_returns_and_not_before(reactor: &Reactor) {
    let quiet = Rc::new(Cell::new(None));
    let (seen, loop_) = (Rc::clone(&quiet), reactor.clone());
    let (listener, port) = listener();
    let script = Script::unnoted().on_made(move |transport| {
        let peer = accepted(&listener);
        for n in 0..100 {
            transport.write(format!("{n} ").as_bytes());
        }
        seen.set(Some(is_quiet(&peer)));
        let reader = thread::spawn(move || {
            let mut peer = peer;
            let mut first = [0];
            peer.read_exact(&mut first).map(|()| first[0])
        });
        let (stop, reader) = (loop_.clone(), Cell::new(Some(reader)));
        // A callback of the same turn, so that nothing but the return of this one can have sent it.
        loop_.call_later(Duration::ZERO, move |_| {
            let reader = reader.take().expect("it is called once");
            assert_eq!(reader.join().unwrap().unwrap(), b'0');
            stop_soon(&stop);
        });
    });
    connect(reactor, port, script);

    run(reactor);

    assert_eq!(quiet.get(), Some(true));
}

/// As much as is not collected until the callback returns.
const LARGE: usize = 64 * 1024;

// N-022
fn what_is_large_is_sent_at_once_if_nothing_waits_before_it(reactor: &Reactor) {
    let quiet = Rc::new(RefCell::new(Vec::new()));
    let (seen, loop_) = (Rc::clone(&quiet), reactor.clone());
    let (listener, port) = listener();
    let script = Script::unnoted().on_made(move |transport| {
        let mut peer = accepted(&listener);
        transport.write(&pattern(LARGE));
        seen.borrow_mut().push(is_quiet(&peer));
        let mut received = vec![0; LARGE];
        peer.read_exact(&mut received).unwrap();
        assert_eq!(received, pattern(LARGE));

        transport.write(b"a small one");
        transport.write(&pattern(LARGE));
        seen.borrow_mut().push(is_quiet(&peer));
        transport.lose_connection();
        let reader = thread::spawn(move || read_all(&peer).unwrap());
        let (stop, reader) = (loop_.clone(), Cell::new(Some(reader)));
        loop_.call_later(Duration::ZERO, move |_| {
            let reader = reader.take().expect("it is called once");
            let expected = [b"a small one", &pattern(LARGE)[..]].concat();
            assert_eq!(reader.join().unwrap(), expected);
            stop_soon(&stop);
        });
    });
    connect(reactor, port, script);

    run(reactor);

    assert_eq!(*quiet.borrow(), [false, true]);
}

// N-022, N-040
fn a_large_write_to_a_peer_that_has_gone_ends_the_connection_later(reactor: &Reactor) {
    let log = Log::default();
    let (listener, port) = listener();
    let (noted, stop) = (log.clone(), stop_at_call(1, reactor));
    let script = Script::new("client", &log)
        .on_made(move |transport| {
            reset(accepted(&listener));
            noted.note(format!("{:?}", transport.write(&pattern(LARGE))));
            noted.note(format!("{:?}", transport.write(&pattern(LARGE))));
        })
        .on_lost(move |_| stop());
    connect(reactor, port, script);

    run(reactor);

    log.assert(&[
        "client started",
        "client built",
        "client made",
        "Open",
        "Open",
        "client lost ConnectionLost",
        "client gone ConnectionLost",
    ]);
}

// N-022
fn what_is_shared_arrives_in_order_with_what_is_copied(reactor: &Reactor) {
    let poem: Rc<[u8]> = pattern(MUCH / 8).into();
    let mut expected = Vec::new();
    for n in 0..8 {
        expected.extend_from_slice(format!("poem {n}: ").as_bytes());
        expected.extend_from_slice(&poem);
        expected.extend_from_slice(&poem[..n]);
    }

    let received = received_from(reactor, move |transport| {
        transport.write_shared(Rc::from(&b""[..]));
        for n in 0..8 {
            transport.write(format!("poem {n}: ").as_bytes());
            transport.write_shared(Rc::clone(&poem));
            transport.write_shared(poem[..n].into());
        }
        transport.lose_connection();
    });

    assert!(received == expected);
}

fn a_connection_that_ends_as_it_begins_is_never_watched(reactor: &Reactor) {
    let (reactor, waits) = recorded(reactor);
    let (registered, stop) = (Rc::new(Cell::new(0)), stop_at_call(1, &reactor));
    let (at_first, at_last, then) = (
        Rc::clone(&registered),
        Rc::clone(&registered),
        waits.clone(),
    );
    let script = Script::unnoted()
        .on_made(move |transport| {
            at_first.set(waits.registered());
            transport.write(b"The river waits on no one.\n");
            transport.lose_connection();
        })
        .on_lost(move |_| {
            at_last.set(then.registered() - at_last.get());
            stop();
        });
    let port = listen(&reactor, script);
    let peer = peer_of(&port);

    run(&reactor);

    assert_eq!(read_all(&peer).unwrap(), b"The river waits on no one.\n");
    assert_eq!(registered.get(), 0);
}

// N-022
fn what_one_callback_writes_arrives_in_one_piece(reactor: &Reactor) {
    let stop = stop_at_call(1, reactor);
    let script = Script::unnoted()
        .on_data(|transport, _| {
            // In less than a segment of the loopback interface, so that the system does not cut it.
            for _ in 0..200 {
                transport.write(b"a line of the poem\n");
            }
        })
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    let reader = thread::spawn(move || {
        let (mut buffer, mut pieces) = (vec![0; 1 << 20], Vec::new());
        for _ in 0..100 {
            peer.write_all(b"more").unwrap();
            pieces.push(peer.read(&mut buffer).unwrap());
        }
        pieces
    });

    run(reactor);

    assert_eq!(reader.join().unwrap(), [200 * 19; 100]);
}

// N-022, N-027
fn a_write_between_two_runs_of_the_loop_does_nothing(reactor: &Reactor) {
    let (log, kept, stop) = (Log::default(), Kept::default(), reactor.clone());
    let (keep, (listener, port)) = (kept.clone(), listener());
    let script = Script::new("client", &log).on_made(move |transport| {
        keep.keep(transport);
        transport.write(b"in time");
        stop_soon(&stop);
    });
    connect(reactor, port, script);
    run(reactor);

    calling(|| kept.get().write(b"too late"));
    reactor.call_when_running(stop_soon);
    run(reactor);

    assert_eq!(read_all(&accepted(&listener)).unwrap(), b"in time");
    log.assert(&[
        "client started",
        "client built",
        "client made",
        "client lost ReactorStopped",
        "client gone ReactorStopped",
    ]);
}

// N-022
fn a_timer_writes_to_a_kept_transport(reactor: &Reactor) {
    let loop_ = reactor.clone();

    let received = received_from(reactor, move |transport| {
        for (n, word) in ["and ", "miles ", "to ", "go"].into_iter().enumerate() {
            let transport = Rc::clone(transport);
            loop_.call_later(Duration::from_millis(n as u64), move |_| {
                transport.write(word.as_bytes());
                if word == "go" {
                    transport.lose_connection();
                }
            });
        }
    });

    assert_eq!(received, b"and miles to go");
}

/// A server that passes what any client sends to the first client, with `pass`.
fn passing_server(
    reactor: &Reactor,
    log: &Log,
    pass: impl Fn(&Rc<dyn Transport>, &[u8]) + 'static,
) -> (TcpStream, TcpStream) {
    let first: Rc<RefCell<Option<Rc<dyn Transport>>>> = Rc::default();
    let kept = Rc::clone(&first);
    let script = Script::new("server", log)
        .on_made(move |transport| {
            kept.borrow_mut()
                .get_or_insert_with(|| Rc::clone(transport));
        })
        .on_data(move |_, data| {
            let first = first.borrow().clone().expect("there is a first one");
            pass(&first, data);
        });
    let port = listen(reactor, script);
    (peer_of(&port), peer_of(&port))
}

// N-022
fn a_callback_writes_to_another_connection(reactor: &Reactor) {
    let stop = reactor.clone();
    let (reader, mut writer) = passing_server(reactor, &Log::default(), move |first, data| {
        calling(|| first.write(data));
        stop_soon(&stop);
    });
    writer.write_all(b"pass it on").unwrap();

    run(reactor);

    assert_eq!(read_all(&reader).unwrap(), b"pass it on");
}

// N-022, N-039, N-041
// fault: another's end in a callback
fn a_callback_writes_to_another_connection_and_closes_it(reactor: &Reactor) {
    let (log, stop) = (Log::default(), reactor.clone());
    let (reader, mut writer) = passing_server(reactor, &log, move |first, data| {
        calling(|| {
            first.write(data);
            first.lose_connection();
        });
        after_turns(&stop, 3, |reactor| reactor.stop().unwrap());
    });
    writer.write_all(b"the last word").unwrap();

    run(reactor);

    assert_eq!(read_all(&reader).unwrap(), b"the last word");
    log.assert(&[
        "server built",
        "server made",
        "server built",
        "server made",
        "server data the last word",
        "server lost ConnectionDone",
        "server lost ReactorStopped",
    ]);
}

// N-027
// fault: gone in mid-write
fn a_write_after_the_end_does_nothing(reactor: &Reactor) {
    let (log, reports, kept) = (Log::default(), Reports::collected(), Kept::default());
    let (keep, used, loop_) = (kept.clone(), kept.clone(), reactor.clone());
    let flows: Rc<RefCell<Vec<Flow>>> = Rc::default();
    let seen = flows.clone();
    let script = Script::new("server", &log)
        .on_made(move |transport| keep.keep(transport))
        .on_lost(move |_| {
            let (used, seen) = (used.clone(), seen.clone());
            after_turns(&loop_, 1, move |reactor| {
                let mut flows = seen.borrow_mut();
                flows.push(calling(|| used.get().write(&[0; 100_000])));
                flows.push(calling(|| used.get().write_vectored(&[b"a", b"b"])));
                stop_soon(reactor);
            });
        });
    let port = listen(reactor, script);
    drop(peer_of(&port));

    run(reactor);

    log.assert(&["server built", "server made", "server lost ConnectionDone"]);
    assert_eq!(*flows.borrow(), [Flow::Open; 2]);
    reports.assert(&[]);
}

// N-028
fn a_write_after_lose_connection_is_dropped(reactor: &Reactor) {
    let received = received_from(reactor, |transport| {
        transport.write(b"before");
        transport.lose_connection();
        transport.write(b" after");
        transport.write_vectored(&[b" all"]);
    });

    assert_eq!(received, b"before");
}

// N-027
fn a_write_in_connection_lost_does_nothing(reactor: &Reactor) {
    let (log, reports, kept) = (Log::default(), Reports::collected(), Kept::default());
    let (keep, stop) = (kept.clone(), reactor.clone());
    let script = Script::new("server", &log)
        .on_made(move |transport| keep.keep(transport))
        .on_lost(move |_| {
            calling(|| kept.get().write(b"too late"));
            calling(|| kept.get().lose_connection());
            calling(|| kept.get().abort_connection());
            stop_soon(&stop);
        });
    let port = listen(reactor, script);
    drop(peer_of(&port));

    run(reactor);

    log.assert(&["server built", "server made", "server lost ConnectionDone"]);
    reports.assert(&[]);
}

// N-021, N-027
fn a_write_to_a_connection_that_the_reactor_ends_does_nothing(reactor: &Reactor) {
    let (log, reports) = (Log::default(), Reports::collected());
    let transports: Rc<RefCell<Vec<Rc<dyn Transport>>>> = Rc::default();
    let (kept, stop) = (transports.clone(), stop_at_call(2, reactor));
    let script = Script::new("server", &log)
        .on_made(move |transport| {
            kept.borrow_mut().push(Rc::clone(transport));
            stop();
        })
        .on_lost(move |_| {
            // More than the sockets take, to each connection, told already or not.
            for transport in &*transports.borrow() {
                calling(|| transport.write(&pattern(MUCH)));
            }
        });
    let port = listen(reactor, script);
    let _peers = (peer_of(&port), peer_of(&port));

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server built",
        "server made",
        "server lost ReactorStopped",
        "server lost ReactorStopped",
    ]);
    reports.assert(&[]);
}
