//! Receivers over TCP, where the loop delivers: pauses, panics, ends, and what stands around them.

mod common;

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::net::{Shutdown, TcpStream};
use std::rc::Rc;

use common::peers::{pattern, reset};
use common::{
    Log, Owned, Ownership, Reports, after_turns, calling, name_of, on_every_backend, peer_of,
    read_all, run, stop_soon,
};
use protocols::deferred::Failure;
use protocols::line::{LineHandler, LineReceiver, Lines};
use protocols::policies::{AtMost, Wrapping};
use protocols::reactor::Reactor;
use protocols::strings::{NetstringReceiver, StringHandler, Strings};
use protocols::{
    Address, Factory, HalfCloseable, ListenOptions, Port, Producer, Protocol, ReactorTcp, Transport,
};

on_every_backend!(
    lines_that_were_held_come_by_the_loop_when_a_timer_resumes,
    lines_that_were_held_within_a_policy_come_when_resumed,
    pausing_for_every_line_loses_none,
    lines_are_echoed_no_faster_than_a_slow_peer_reads,
    the_rest_of_a_chunk_does_not_come_after_lose_connection,
    a_line_that_is_too_long_ends_the_connection_in_order,
    a_panic_in_line_received_ends_that_connection_with_it,
    a_panic_in_a_line_that_was_held_ends_the_connection_with_it,
    a_reset_is_told_to_the_handler_and_what_was_held_is_dropped,
    a_handler_may_hear_of_the_end_of_each_direction,
    a_handler_that_keeps_its_handle_goes_with_its_connection,
    a_report_names_the_handler,
    strings_come_over_tcp_and_bad_ones_end_the_connection,
);

type OnLine = Rc<dyn Fn(&Lines, &[u8])>;

/// Makes receivers whose handlers note what happens, and do something with each line.
struct Speakers {
    log: Log,
    on_line: OnLine,
    is_half_closeable: bool,
    reactor: Reactor,
}

impl Speakers {
    fn new(reactor: &Reactor, log: &Log, on_line: impl Fn(&Lines, &[u8]) + 'static) -> Self {
        Self {
            log: log.clone(),
            on_line: Rc::new(on_line),
            is_half_closeable: false,
            reactor: reactor.clone(),
        }
    }
}

struct Speaker(Rc<Speakers>);

impl Factory for Speakers {
    type Protocol = LineReceiver<Speaker>;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Self::Protocol> {
        Some(LineReceiver::new(Speaker(Rc::clone(self))))
    }
}

impl LineHandler for Speaker {
    fn connection_made(&mut self, _lines: &Lines) {
        self.0.log.note("made");
    }

    fn line_received(&mut self, lines: &Lines, line: &[u8]) {
        self.0.log.note(String::from_utf8_lossy(line));
        (self.0.on_line)(lines, line);
    }

    fn raw_data_received(&mut self, _lines: &Lines, _data: &[u8]) {
        self.0.log.note("raw");
    }

    fn connection_lost(&mut self, reason: Failure) {
        self.0.log.note(format!("lost {}", name_of(&reason)));
        stop_soon(&self.0.reactor);
    }

    fn half_closeable(&mut self) -> Option<&mut dyn HalfCloseable> {
        self.0.is_half_closeable.then_some(self as _)
    }
}

impl HalfCloseable for Speaker {
    fn read_connection_lost(&mut self, transport: &Rc<dyn Transport>) {
        self.0.log.note("read lost");
        transport.write(b"all the same\r\n");
        let half_close = transport.abilities().half_close;
        half_close.expect("TCP can").lose_write_connection();
    }

    fn write_connection_lost(&mut self, _transport: &Rc<dyn Transport>) {
        self.0.log.note("write lost");
    }
}

fn listen(reactor: &Reactor, factory: impl Factory) -> Port {
    let options = ListenOptions::new(0).interface([127, 0, 0, 1].into());
    let port = reactor.listen_tcp_with(options, Rc::new(factory));
    port.expect("there is a free port")
}

/// A peer that has sent this.
fn peer_that_says(port: &Port, text: &[u8]) -> TcpStream {
    let mut peer = peer_of(port);
    peer.write_all(text).expect("the server stands");
    peer
}

/// Pauses at the line `pause`, and resumes a few turns later; ends the connection at the line `end`.
fn pausing(reactor: &Reactor, log: &Log) -> impl Fn(&Lines, &[u8]) + use<> {
    let (loop_, log) = (reactor.clone(), log.clone());
    move |lines, line| match line {
        b"pause" => {
            lines.pause_producing();
            let (lines, log) = (lines.clone(), log.clone());
            after_turns(&loop_, 3, move |_| {
                calling(|| lines.resume_producing());
                log.note("resumed");
            });
        }
        b"end" => lines.lose_connection(),
        _ => {}
    }
}

// P-003
fn lines_that_were_held_come_by_the_loop_when_a_timer_resumes(reactor: &Reactor) {
    let log = Log::default();
    let port = listen(
        reactor,
        Speakers::new(reactor, &log, pausing(reactor, &log)),
    );
    let _peer = peer_that_says(&port, b"one\r\npause\r\ntwo\r\nend\r\nno\r\n");

    run(reactor);

    log.assert(&[
        "made",
        "one",
        "pause",
        "resumed",
        "two",
        "end",
        "lost ConnectionDone",
    ]);
}

// P-003
fn lines_that_were_held_within_a_policy_come_when_resumed(reactor: &Reactor) {
    let log = Log::default();
    let speakers = Speakers::new(reactor, &log, pausing(reactor, &log));
    let port = listen(reactor, Wrapping::new(Rc::new(speakers), AtMost::new(1)));
    let _peer = peer_that_says(&port, b"pause\r\nend\r\n");

    run(reactor);

    log.assert(&["made", "pause", "resumed", "end", "lost ConnectionDone"]);
}

// P-003
fn pausing_for_every_line_loses_none(reactor: &Reactor) {
    const LINES: usize = 2000;
    let (log, count) = (Log::default(), Rc::new(Cell::new(0)));
    let (counted, loop_) = (Rc::clone(&count), reactor.clone());
    let on_line = move |lines: &Lines, line: &[u8]| {
        assert_eq!(line, counted.get().to_string().as_bytes());
        counted.set(counted.get() + 1);
        if counted.get() == LINES {
            return lines.lose_connection();
        }
        lines.pause_producing();
        let lines = lines.clone();
        after_turns(&loop_, 0, move |_| lines.resume_producing());
    };
    let port = listen(reactor, Speakers::new(reactor, &log, on_line));
    let text: String = (0..LINES).map(|n| format!("{n}\r\n")).collect();
    let _peer = peer_that_says(&port, text.as_bytes());

    run(reactor);

    assert_eq!(count.get(), LINES);
    assert_eq!(log.count("lost ConnectionDone"), 1);
}

/// Sends lines back, and is paused while its peer does not read them.
struct Parrot {
    reactor: Reactor,
}

impl Factory for Parrot {
    type Protocol = LineReceiver<Self>;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Self::Protocol> {
        let reactor = self.reactor.clone();
        Some(LineReceiver::new(Self { reactor }))
    }
}

impl LineHandler for Parrot {
    fn connection_made(&mut self, lines: &Lines) {
        let producer = Producer::Push(lines.transport());
        let registered = lines.register_producer(producer);
        assert!(registered.is_ok());
    }

    fn line_received(&mut self, lines: &Lines, line: &[u8]) {
        if line == b"end" {
            lines.stop_consuming();
        } else {
            lines.send_line(line);
        }
    }

    fn raw_data_received(&mut self, _lines: &Lines, _data: &[u8]) {}

    fn connection_lost(&mut self, _reason: Failure) {
        stop_soon(&self.reactor);
    }
}

// P-006
fn lines_are_echoed_no_faster_than_a_slow_peer_reads(reactor: &Reactor) {
    // More than the sockets of both directions hold between them.
    const MUCH: usize = 24 * 1024 * 1024;
    let parrot = Parrot {
        reactor: reactor.clone(),
    };
    let port = listen(reactor, parrot);
    let peer = peer_of(&port);
    let digits = pattern(MUCH / 16)
        .into_iter()
        .map(|byte| format!("line {byte:09}\r\n"));
    let text: String = digits.collect();
    let (sent, mut writer) = (text.clone(), peer.try_clone().expect("there are more"));
    let writing = std::thread::spawn(move || {
        writer.write_all(sent.as_bytes()).expect("it is read");
        writer.write_all(b"end\r\n").expect("it is read");
    });
    let reading = std::thread::spawn(move || read_all(&peer));

    run(reactor);

    writing.join().expect("it only writes");
    let read = reading.join().expect("it only reads");
    assert!(read.expect("it ends in order") == text.as_bytes());
}

// P-005
fn the_rest_of_a_chunk_does_not_come_after_lose_connection(reactor: &Reactor) {
    let log = Log::default();
    let on_line = |lines: &Lines, _: &[u8]| {
        lines.send_line(b"goodbye");
        lines.lose_connection();
    };
    let port = listen(reactor, Speakers::new(reactor, &log, on_line));
    let peer = peer_that_says(&port, b"one\r\ntwo\r\n");

    run(reactor);

    assert_eq!(read_all(&peer).expect("it ends in order"), b"goodbye\r\n");
    log.assert(&["made", "one", "lost ConnectionDone"]);
}

// P-007
fn a_line_that_is_too_long_ends_the_connection_in_order(reactor: &Reactor) {
    let log = Log::default();
    let port = listen(reactor, Speakers::new(reactor, &log, |_, _| ()));
    let _peer = peer_that_says(&port, &[b'x'; 16_387]);

    run(reactor);

    log.assert(&["made", "lost ConnectionDone"]);
}

fn a_panic_in_line_received_ends_that_connection_with_it(reactor: &Reactor) {
    let (log, reports) = (Log::default(), Reports::collected());
    let on_line = |_: &Lines, line: &[u8]| {
        if line == b"bad" {
            panic!("a bad line");
        }
    };
    let port = listen(reactor, Speakers::new(reactor, &log, on_line));
    let _peer = peer_that_says(&port, b"good\r\nbad\r\ngood\r\n");

    run(reactor);

    log.assert(&["made", "good", "bad", "lost panic: a bad line"]);
    reports.assert(&[("Unhandled error in data_received", "panic: a bad line")]);
}

fn a_panic_in_a_line_that_was_held_ends_the_connection_with_it(reactor: &Reactor) {
    let (log, reports) = (Log::default(), Reports::collected());
    let pause = pausing(reactor, &log);
    let on_line = move |lines: &Lines, line: &[u8]| {
        pause(lines, line);
        if line == b"bad" {
            panic!("a bad line");
        }
    };
    let port = listen(reactor, Speakers::new(reactor, &log, on_line));
    let _peer = peer_that_says(&port, b"pause\r\nbad\r\nmore\r\n");

    run(reactor);

    log.assert(&["made", "pause", "resumed", "bad", "lost panic: a bad line"]);
    reports.assert(&[("Unhandled error in woken", "panic: a bad line")]);
}

fn a_reset_is_told_to_the_handler_and_what_was_held_is_dropped(reactor: &Reactor) {
    let (log, peer) = (Log::default(), Rc::new(RefCell::new(None)));
    let (gone, loop_) = (Rc::clone(&peer), reactor.clone());
    let on_line = move |lines: &Lines, line: &[u8]| {
        lines.pause_producing();
        assert_eq!(line, b"one");
        reset(gone.take().expect("there is one line"));
        let lines = lines.clone();
        after_turns(&loop_, 3, move |_| lines.transport().abort_connection());
    };
    let port = listen(reactor, Speakers::new(reactor, &log, on_line));
    *peer.borrow_mut() = Some(peer_that_says(&port, b"one\r\ntwo\r\n"));

    run(reactor);

    log.assert(&["made", "one", "lost ConnectionAborted"]);
}

fn a_handler_may_hear_of_the_end_of_each_direction(reactor: &Reactor) {
    let log = Log::default();
    let speakers = Speakers {
        is_half_closeable: true,
        ..Speakers::new(reactor, &log, pausing(reactor, &log))
    };
    let port = listen(reactor, speakers);
    let peer = peer_that_says(&port, b"one\r\npause\r\ntwo\r\n");
    peer.shutdown(Shutdown::Write).expect("it stands");

    run(reactor);

    assert_eq!(read_all(&peer).expect("it ends"), b"all the same\r\n");
    log.assert(&[
        "made",
        "one",
        "pause",
        "resumed",
        "two",
        "read lost",
        "write lost",
        "lost ConnectionDone",
    ]);
}

/// Keeps the handle to its own connection, which has it.
struct Keeper {
    lines: Option<Lines>,
    _owned: Owned,
    reactor: Reactor,
}

impl LineHandler for Keeper {
    fn connection_made(&mut self, lines: &Lines) {
        self.lines = Some(lines.clone());
    }

    fn line_received(&mut self, _lines: &Lines, _line: &[u8]) {
        if let Some(lines) = &self.lines {
            lines.lose_connection();
        }
    }

    fn raw_data_received(&mut self, _lines: &Lines, _data: &[u8]) {}

    fn connection_lost(&mut self, _reason: Failure) {
        stop_soon(&self.reactor);
    }
}

/// Gives away the one handler that it has.
struct OneKeeper(RefCell<Option<Keeper>>);

impl Factory for OneKeeper {
    type Protocol = LineReceiver<Keeper>;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Self::Protocol> {
        self.0.take().map(LineReceiver::new)
    }
}

fn a_handler_that_keeps_its_handle_goes_with_its_connection(reactor: &Reactor) {
    let (owned, ownership) = Ownership::new();
    let keeper = Keeper {
        lines: None,
        _owned: owned,
        reactor: reactor.clone(),
    };
    let port = listen(reactor, OneKeeper(RefCell::new(Some(keeper))));
    let _peer = peer_that_says(&port, b"one\r\ntwo\r\n");

    run(reactor);

    assert!(ownership.is_over());
}

fn a_report_names_the_handler(reactor: &Reactor) {
    let speakers = Rc::new(Speakers::new(reactor, &Log::default(), |_, _| ()));
    let nobody = Address::Tcp(([127, 0, 0, 1], 1).into());

    let receiver = speakers.build_protocol(&nobody);

    let prefix = receiver.map(|receiver| receiver.log_prefix());
    assert_eq!(prefix.as_deref(), Some("Speaker"));
}

/// Counts strings, and notes the end.
struct Strung {
    log: Log,
    reactor: Reactor,
}

impl Factory for Strung {
    type Protocol = NetstringReceiver<Self>;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Self::Protocol> {
        let (log, reactor) = (self.log.clone(), self.reactor.clone());
        Some(NetstringReceiver::new(Self { log, reactor }))
    }
}

impl StringHandler for Strung {
    fn string_received(&mut self, strings: &Strings, string: &[u8]) {
        self.log.note(String::from_utf8_lossy(string));
        strings.send_string(string).expect("it came as one");
    }

    fn connection_lost(&mut self, reason: Failure) {
        self.log.note(format!("lost {}", name_of(&reason)));
        stop_soon(&self.reactor);
    }
}

// P-014, P-015
fn strings_come_over_tcp_and_bad_ones_end_the_connection(reactor: &Reactor) {
    let log = Log::default();
    let strung = Strung {
        log: log.clone(),
        reactor: reactor.clone(),
    };
    let port = listen(reactor, strung);
    let peer = peer_that_says(&port, b"3:one,3:two,oh!");

    run(reactor);

    assert_eq!(read_all(&peer).expect("it ends"), b"3:one,3:two,");
    log.assert(&["one", "two", "lost ConnectionDone"]);
}
