//! What a callback writes to its own connection, beside all that it may do before, between and after.

mod common;

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::rc::Rc;
use std::sync::mpsc;
use std::thread;

use common::peers::{is_quiet, pattern, reset};
use common::{
    Log, Reports, Script, listen, on_every_backend, peer_of, read_all, received_from, run,
    stop_at_call, stop_soon,
};
use protocols::reactor::Reactor;
use protocols::{Flow, Transport};

on_every_backend!(
    in_whatever_way_things_are_written_they_arrive_in_that_order,
    many_small_writes_make_a_transport_full,
    what_the_system_leaves_of_an_answer_is_sent_later_and_in_order,
    what_one_has_written_that_aborts_goes_to_nobody_else,
    what_one_has_written_that_panics_goes_to_nobody_else,
    what_one_has_written_whose_peer_is_gone_goes_to_nobody_else,
    two_that_answer_in_one_turn_answer_each_their_own_peer,
    an_answer_to_one_that_was_just_told_of_another_goes_where_it_should,
);

/// A way to write, or something else that concerns what was written, and what arrives by that.
type Way = (fn(&Rc<dyn Transport>), &'static [u8]);

/// More than is copied to be sent with other things.
static LARGE: [u8; 20_000] = [b'l'; 20_000];

static WAYS: [Way; 6] = [
    (
        |transport| assert_open(transport.write(b"small ")),
        b"small ",
    ),
    (
        |transport| assert_open(transport.write_vectored(&[b"in ", b"", b"parts "])),
        b"in parts ",
    ),
    (
        |transport| assert_open(transport.write_shared(Rc::from(&b"shared "[..]))),
        b"shared ",
    ),
    (|transport| assert_open(transport.write(&LARGE)), &LARGE),
    (|transport| transport.set_water_marks(100_000, 0), b""),
    (|transport| transport.when_lost().ignore(), b""),
];

fn assert_open(flow: Flow) {
    assert_eq!(flow, Flow::Open);
}

/// All ways to choose three of them, one after the other.
fn threes() -> Vec<[Way; 3]> {
    let two = WAYS.iter().flat_map(|a| WAYS.iter().map(move |b| (a, b)));
    two.flat_map(|(a, b)| WAYS.iter().map(move |c| [*a, *b, *c]))
        .collect()
}

// N-022
fn in_whatever_way_things_are_written_they_arrive_in_that_order(reactor: &Reactor) {
    let (next, stop) = (Cell::new(0), stop_at_call(threes().len(), reactor));
    let script = Script::unnoted()
        .on_made(move |transport| {
            for (write, _) in threes()[next.get()] {
                write(transport);
            }
            transport.write(b"end");
            transport.lose_connection();
            next.set(next.get() + 1);
        })
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let number = common::number(&port);
    let reader = thread::spawn(move || {
        let peers = threes().into_iter().map(|three| {
            let peer = TcpStream::connect(("127.0.0.1", number)).expect("it listens");
            (three, read_all(&peer).expect("it ends in good order"))
        });
        peers.collect::<Vec<_>>()
    });

    run(reactor);

    for (n, (three, read)) in reader.join().unwrap().into_iter().enumerate() {
        let expected = [three[0].1, three[1].1, three[2].1, b"end"].concat();
        assert!(read == expected, "number {n}");
    }
}

// N-025
fn many_small_writes_make_a_transport_full(reactor: &Reactor) {
    const PIECES: usize = 64 * 1024 / 8;
    let received = received_from(reactor, |transport| {
        for n in 0..PIECES {
            assert_eq!(transport.write(&pattern(8)), Flow::Open, "piece {n}");
        }
        assert_eq!(transport.write(b"."), Flow::Full);
        transport.lose_connection();
    });

    assert!(received == [pattern(8).repeat(PIECES), b".".to_vec()].concat());
}

// N-022, N-025
// fault: slow reader
fn what_the_system_leaves_of_an_answer_is_sent_later_and_in_order(reactor: &Reactor) {
    /// Each is too little to be sent by itself, and together they are no part of what a socket holds.
    const PIECES: [usize; 9] = [7_001; 9];
    /// More than two sockets hold between them, however generous the system is.
    const MUCH: usize = 24 * 1024 * 1024;
    let written = Rc::new(Cell::new(0));
    let (text, so_far) = (pattern(MUCH), Rc::clone(&written));
    let (asks, questions) = mpsc::channel();
    asks.send(()).unwrap();
    let asks = Cell::new(Some(asks));
    let stop = stop_at_call(1, reactor);
    let script = Script::unnoted()
        .on_data(move |transport, _| {
            let flows = PIECES.map(|piece| {
                let begin = so_far.replace(so_far.get() + piece);
                transport.write(&text[begin..so_far.get()])
            });
            let asking = asks.take().expect("there is one question at a time");
            if flows.contains(&Flow::Full) {
                transport.lose_connection();
            } else {
                asking.send(()).unwrap();
                asks.set(Some(asking));
            }
        })
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    let reader = thread::spawn(move || {
        while questions.recv().is_ok() {
            peer.write_all(b"?").unwrap();
        }
        read_all(&peer)
    });

    run(reactor);

    assert!(reader.join().unwrap().unwrap() == pattern(MUCH)[..written.get()]);
}

/// A server that writes "for nobody" to the first one that writes to it and then does this, and "for you" to the second.
/// Both come at once.
fn first_and_second(
    reactor: &Reactor,
    then: impl Fn(&Rc<dyn Transport>) + 'static,
) -> (TcpStream, TcpStream) {
    let (count, stop) = (Cell::new(0), reactor.clone());
    let script = Script::unnoted().on_data(move |transport, _| {
        count.set(count.get() + 1);
        if count.get() == 1 {
            transport.write(b"for nobody");
            then(transport);
        } else {
            transport.write(b"for you");
            stop_soon(&stop);
        }
    });
    let port = listen(reactor, script);
    let (mut first, mut second) = (peer_of(&port), peer_of(&port));
    for peer in [&mut first, &mut second] {
        peer.write_all(b"?").unwrap();
    }
    (first, second)
}

#[track_caller]
fn assert_only_the_second_hears(first: TcpStream, second: &TcpStream) {
    // One of them was the first to be read.
    let (mut heard, read) = (Vec::new(), read_all(second));
    let _ = (&first).read_to_end(&mut heard);
    let mut all = [heard, read.unwrap_or_default()];
    all.sort();
    assert_eq!(all, [&b""[..], b"for you"]);
}

// fault: an abort in a callback
fn what_one_has_written_that_aborts_goes_to_nobody_else(reactor: &Reactor) {
    let (first, second) = first_and_second(reactor, |transport| transport.abort_connection());

    run(reactor);

    assert_only_the_second_hears(first, &second);
}

// fault: a panic in a callback
fn what_one_has_written_that_panics_goes_to_nobody_else(reactor: &Reactor) {
    let reports = Reports::collected();
    let (first, second) = first_and_second(reactor, |_| panic!("no more ink"));

    run(reactor);

    assert_only_the_second_hears(first, &second);
    reports.assert_reasons(&["panic: no more ink"]);
}

// fault: gone in mid-write
fn what_one_has_written_whose_peer_is_gone_goes_to_nobody_else(reactor: &Reactor) {
    let log = Log::default();
    let (stop, told) = (reactor.clone(), log.clone());
    let peers = Rc::new(Cell::new(None));
    let gone = Rc::clone(&peers);
    let script = Script::new("server", &log).on_data(move |transport, data| {
        if data == b"reset me" {
            reset(gone.take().expect("it comes first"));
            transport.write(b"for nobody");
        } else {
            told.note("answering");
            transport.write(b"for you");
            stop_soon(&stop);
        }
    });
    let port = listen(reactor, script);
    let mut first = peer_of(&port);
    first.write_all(b"reset me").unwrap();
    peers.set(Some(first));
    let mut second = peer_of(&port);
    second.write_all(b"?").unwrap();

    run(reactor);

    assert_eq!(read_all(&second).unwrap(), b"for you");
    assert_eq!(log.count("server lost ConnectionLost"), 1);
}

// fault: many at once
fn two_that_answer_in_one_turn_answer_each_their_own_peer(reactor: &Reactor) {
    const MANY: usize = 50;
    let stop = stop_at_call(MANY, reactor);
    let script = Script::unnoted().on_data(move |transport, data| {
        transport.write(b"you said ");
        transport.write(data);
        transport.lose_connection();
        stop();
    });
    let port = listen(reactor, script);
    let peers: Vec<_> = (0..MANY).map(|_| peer_of(&port)).collect();
    for (n, mut peer) in peers.iter().enumerate() {
        peer.write_all(n.to_string().as_bytes()).unwrap();
    }

    run(reactor);

    for (n, peer) in peers.iter().enumerate() {
        let expected = format!("you said {n}");
        assert_eq!(read_all(peer).unwrap(), expected.as_bytes());
    }
}

// N-022, N-039
fn an_answer_to_one_that_was_just_told_of_another_goes_where_it_should(reactor: &Reactor) {
    let kept: Rc<Cell<Option<Rc<dyn Transport>>>> = Rc::default();
    let (other, stop) = (Rc::clone(&kept), reactor.clone());
    let script = Script::unnoted()
        .on_made(move |transport| kept.set(Some(Rc::clone(transport))))
        .on_data(move |transport, _| {
            let last = other.take().expect("somebody has come");
            transport.write(b"one ");
            last.write(b"two ");
            transport.write(b"three");
            last.write(b"four");
            stop_soon(&stop);
        });
    let port = listen(reactor, script);
    let (mut first, last) = (peer_of(&port), peer_of(&port));
    first.write_all(b"?").unwrap();
    assert!(is_quiet(&last));

    run(reactor);

    assert_eq!(read_all(&first).unwrap(), b"one three");
    assert_eq!(read_all(&last).unwrap(), b"two four");
}
