//! The small services, in memory and over TCP.

mod common;
#[path = "common/recording.rs"]
mod recording;

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::peers::{is_quiet, pattern, reset};
use common::{LIMIT, Reports, after_turns, on_every_backend, peer_of, read_all, run, stop_soon};
use protocols::reactor::Reactor;
use protocols::services::{
    Answer, AnswerFactory, ChargenFactory, Discard, DiscardFactory, Echo, EchoFactory, daytime,
    quote, time, who,
};
use protocols::{Address, Factory, ListenOptions, Protocol, ReactorTcp, Transport};
use recording::Played;

on_every_backend!(
    echo_sends_back_over_tcp_what_comes,
    echo_sends_back_all_to_a_peer_that_sends_no_more,
    echo_reads_no_faster_than_its_peer_does,
    echo_outlives_a_peer_that_is_reset,
    discard_drops_over_tcp_what_comes,
    chargen_sends_lines_over_tcp_until_its_peer_goes,
    chargen_keeps_no_more_than_its_peer_reads,
    an_answer_comes_over_tcp_and_then_the_end,
    an_answer_that_panics_ends_its_connection_alone,
);

/// A protocol of this factory, for anybody.
fn built<F: Factory>(factory: F) -> F::Protocol {
    let nobody = Address::Tcp(([127, 0, 0, 1], 1).into());
    let protocol = Rc::new(factory).build_protocol(&nobody);
    protocol.expect("these factories decline nobody")
}

/// What an answering service writes.
#[track_caller]
fn answer_of(factory: AnswerFactory) -> Vec<u8> {
    let mut played: Played<Answer> = Played::new(built(factory));
    assert!(played.recorder.is_ended());
    played.receive_all_the_same(b"and what if I say something?\r\n");
    played.recorder.written()
}

fn at(seconds: u64) -> impl Fn() -> SystemTime {
    move || UNIX_EPOCH + Duration::from_secs(seconds)
}

// P-028
#[test]
fn echo_sends_back_what_comes() {
    let mut played = Played::new(built(EchoFactory));

    played.receive(b"hello");
    played.receive(b", echo");

    assert_eq!(played.recorder.written(), b"hello, echo");
    assert!(!played.recorder.is_ended());
}

#[test]
fn echo_waits_for_room() {
    let played: Played<Echo> = Played::new(built(EchoFactory));

    played.recorder.has_room(false);
    assert!(played.recorder.is_paused());
    played.recorder.has_room(true);

    assert!(!played.recorder.is_paused());
}

#[test]
fn echo_closes_when_its_peer_sends_no_more() {
    let mut played: Played<Echo> = Played::new(built(EchoFactory));
    let transport: Rc<dyn Transport> = Rc::clone(&played.recorder) as _;
    let echo = played.protocol.half_closeable();

    echo.expect("it goes on in the other direction")
        .read_connection_lost(&transport);

    assert!(played.recorder.is_ended());
}

// P-028
#[test]
fn discard_says_nothing() {
    let mut played: Played<Discard> = Played::new(built(DiscardFactory));

    played.receive(b"hello");

    assert_eq!(played.recorder.written(), b"");
    assert!(!played.recorder.is_ended());
}

// P-028
#[test]
fn quote_says_one_line_and_goes() {
    let quote = quote(|| "A stitch in time saves nine.".to_owned());

    assert_eq!(answer_of(quote), b"A stitch in time saves nine.\r\n");
}

// P-028
#[test]
fn who_names_each_user_on_a_line() {
    let users = who(|| vec!["ada".to_owned(), "grace".to_owned()]);

    assert_eq!(answer_of(users), b"ada\r\ngrace\r\n");
    assert_eq!(answer_of(who(Vec::new)), b"");
}

#[test]
fn daytime_says_the_time_for_people() {
    let noon = daytime(at(1_795_262_583));
    let before_all = daytime(|| UNIX_EPOCH - Duration::from_secs(1));

    assert_eq!(
        answer_of(noon),
        b"Saturday, November 21, 2026 12:03:03-UTC\r\n"
    );
    assert_eq!(
        answer_of(before_all),
        b"Thursday, January 1, 1970 00:00:00-UTC\r\n"
    );
}

#[test]
fn time_says_the_seconds_since_1900() {
    // The examples of RFC 868, and the last second before the count begins anew.
    assert_eq!(answer_of(time(at(0))), 2_208_988_800_u32.to_be_bytes());
    assert_eq!(
        answer_of(time(at(2_398_291_200 - 2_208_988_800))),
        2_398_291_200_u32.to_be_bytes()
    );
    assert_eq!(answer_of(time(at(2_085_978_495))), u32::MAX.to_be_bytes());
    assert_eq!(answer_of(time(at(2_085_978_496))), [0; 4]);
}

#[test]
fn chargen_writes_when_it_is_asked_and_only_then() {
    let mut played = Played::new(built(ChargenFactory::new()));
    assert_eq!(played.recorder.written(), b"");

    played.recorder.ask();
    let once = played.recorder.written();
    played.receive(b"stop!");
    played.recorder.ask();

    assert_eq!(played.recorder.written(), once.repeat(2));
}

#[test]
fn chargen_turns_through_all_characters_by_one_a_line() {
    let played = Played::new(built(ChargenFactory::default()));

    played.recorder.ask();

    let written = String::from_utf8(played.recorder.written()).expect("it is ASCII");
    let lines: Vec<&str> = written.split_terminator("\r\n").collect();
    assert_eq!(lines.len(), 95);
    assert!(lines.iter().all(|line| line.len() == 72));
    assert!(lines[0].starts_with(" !\"#$%") && lines[0].ends_with("defg"));
    assert!(lines[1].starts_with("!\"#$%&") && lines[1].ends_with("efgh"));
    assert!(lines[94].starts_with("~ !\"#$"));
}

/// Serves one test's peer, which runs on a thread of its own, until that is done.
fn serve<F: Factory, R: Send + 'static>(
    reactor: &Reactor,
    factory: F,
    peer: impl FnOnce(TcpStream) -> R + Send + 'static,
) -> R {
    let options = ListenOptions::new(0).interface([127, 0, 0, 1].into());
    let port = reactor
        .listen_tcp_with(options, Rc::new(factory))
        .expect("there is a free port");
    let (stream, remote) = (peer_of(&port), reactor.remote_handle());
    let thread = thread::spawn(move || {
        let result = peer(stream);
        remote.call_from_thread(stop_soon).expect("it runs");
        result
    });

    run(reactor);

    thread.join().expect("the peer is satisfied")
}

// P-028
fn echo_sends_back_over_tcp_what_comes(reactor: &Reactor) {
    let echoed = serve(reactor, EchoFactory, |mut peer| {
        let mut echoed = [0; 6];
        for text in [b"hello,", b" echo!"] {
            peer.write_all(text).expect("the server stands");
            peer.read_exact(&mut echoed).expect("it answers");
            assert_eq!(&echoed, text);
        }
        echoed
    });

    assert_eq!(&echoed, b" echo!");
}

fn echo_sends_back_all_to_a_peer_that_sends_no_more(reactor: &Reactor) {
    const LENGTH: usize = 1_000_000;

    let echoed = serve(reactor, EchoFactory, |mut peer| {
        let mut writer = peer.try_clone().expect("there are descriptors left");
        let writing = thread::spawn(move || {
            writer.write_all(&pattern(LENGTH)).expect("it is read");
            writer.shutdown(Shutdown::Write).expect("it stands");
        });
        let mut echoed = Vec::new();
        peer.read_to_end(&mut echoed).expect("it ends in order");
        writing.join().expect("it only writes");
        echoed
    });

    assert!(echoed == pattern(LENGTH));
}

fn echo_reads_no_faster_than_its_peer_does(reactor: &Reactor) {
    // More than the sockets of both directions hold between them.
    const MUCH: usize = 64 * 1024 * 1024;

    let (written, echoed) = serve(reactor, EchoFactory, |mut peer| {
        let short = Some(Duration::from_millis(200));
        peer.set_write_timeout(short).expect("it is no zero");
        let text = pattern(MUCH);
        // It reads nothing, so there comes a time when nothing is taken either.
        let mut written = 0;
        while written < MUCH
            && let Ok(count) = peer.write(&text[written..])
        {
            written += count;
        }
        peer.shutdown(Shutdown::Write).expect("it stands");
        let mut echoed = Vec::new();
        peer.read_to_end(&mut echoed).expect("it ends in order");
        assert!(echoed == text[..written]);
        (written, echoed.len())
    });

    assert!(written < MUCH);
    assert_eq!(echoed, written);
}

// fault: gone in mid-write
fn echo_outlives_a_peer_that_is_reset(reactor: &Reactor) {
    let answer = serve(reactor, EchoFactory, |mut first| {
        let address = first.peer_addr().expect("it stands");
        first.write_all(b"hello").expect("it stands");
        reset(first);
        let mut second = TcpStream::connect_timeout(&address, LIMIT).expect("it listens");
        let mut answer = [0; 12];
        second.write_all(b"still there?").expect("it stands");
        second.read_exact(&mut answer).expect("it answers");
        answer
    });

    assert_eq!(&answer, b"still there?");
}

// P-028
fn discard_drops_over_tcp_what_comes(reactor: &Reactor) {
    let is_quiet = serve(reactor, DiscardFactory, |mut peer| {
        // More than anybody would keep, so it was read.
        peer.write_all(&pattern(32 * 1024 * 1024))
            .expect("it is read");
        is_quiet(&peer)
    });

    assert!(is_quiet);
}

fn chargen_sends_lines_over_tcp_until_its_peer_goes(reactor: &Reactor) {
    let received = serve(reactor, ChargenFactory::new(), |mut peer| {
        let mut received = vec![0; 1_000_000];
        peer.read_exact(&mut received).expect("it has no end");
        received
    });

    let played = Played::new(built(ChargenFactory::new()));
    played.recorder.ask();
    let lines = played.recorder.written();
    assert!(
        received
            .chunks(lines.len())
            .all(|part| lines.starts_with(part))
    );
}

fn chargen_keeps_no_more_than_its_peer_reads(reactor: &Reactor) {
    let options = ListenOptions::new(0).interface([127, 0, 0, 1].into());
    let port = reactor
        .listen_tcp_with(options, Rc::new(ChargenFactory::new()))
        .expect("there is a free port");
    let peer = peer_of(&port);
    let waits = Rc::new(Cell::new(false));
    let seen = Rc::clone(&waits);
    when_it_waits_for_room(reactor, move |reactor| {
        seen.set(true);
        stop_soon(reactor);
    });

    run(reactor);

    assert!(waits.get());
    drop(peer);
}

/// Calls `f` when the only connection has filled all that its peer's socket holds.
fn when_it_waits_for_room(reactor: &Reactor, f: impl FnOnce(&Reactor) + 'static) {
    after_turns(reactor, 1, move |reactor| {
        if reactor.writers().is_empty() {
            when_it_waits_for_room(reactor, f);
        } else {
            f(reactor);
        }
    });
}

// P-028
fn an_answer_comes_over_tcp_and_then_the_end(reactor: &Reactor) {
    let quote = quote(|| "Haste makes waste.".to_owned());

    let received = serve(reactor, quote, |peer| read_all(&peer));

    assert_eq!(
        received.expect("it ends in order"),
        b"Haste makes waste.\r\n"
    );
}

fn an_answer_that_panics_ends_its_connection_alone(reactor: &Reactor) {
    let reports = Reports::collected();
    let calls = Cell::new(0);
    let who = who(move || {
        calls.set(calls.get() + 1);
        assert!(calls.get() > 1, "the first one is too early");
        vec!["ada".to_owned()]
    });

    let second = serve(reactor, who, |peer| {
        let address = peer.peer_addr().expect("it stands");
        drop(read_all(&peer));
        let second = TcpStream::connect_timeout(&address, LIMIT).expect("it listens");
        read_all(&second)
    });

    assert_eq!(second.expect("it ends in order"), b"ada\r\n");
    reports.assert_reasons(&["panic: the first one is too early"]);
}
