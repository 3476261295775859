//! Policies around factories.

mod common;
#[path = "common/paths.rs"]
mod paths;

use std::cell::{Cell, RefCell};
use std::io::{self, Cursor, Write};
use std::net::{IpAddr, Ipv4Addr, Shutdown};
use std::os::fd::AsFd;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use common::peers::pattern;
use common::{
    Log, Reports, Script, after_turns, listen, number, on_every_backend, peer_of, read_all, run,
    stop_at_call, stop_soon,
};
use protocols::files::send_file;
use protocols::policies::{
    AtMost, IdleTimeout, OrElse, PerHost, Policy, Throttle, Timeout, TrafficLog, Wrapping,
};
use protocols::reactor::Reactor;
use protocols::reactor::testing::TestClock;
use protocols::{
    Address, Factory, ListenOptions, Port, Protocol, ReactorTcp, ReactorUnix, Transport,
};

on_every_backend!(
    the_beginning_and_the_end_of_a_factory_pass_through,
    descriptors_pass_through,
    what_is_wrapped_passes_through_both_ways,
    half_closing_passes_through,
    the_hooks_of_a_client_factory_pass_through,
    one_connection_too_many_is_declined_and_one_that_is_over_makes_room,
    too_many_from_one_host_are_declined,
    an_overflow_factory_answers_those_who_are_declined,
    an_overflow_factory_ends_whatever_the_end_of_the_first_does,
    reading_over_the_limit_is_paused_until_the_average_is_right,
    a_pause_of_the_protocol_outlasts_the_throttle,
    a_pull_producer_is_slowed_to_the_write_limit,
    a_connection_on_which_nothing_happens_is_lost,
    what_is_read_and_written_keeps_a_connection,
    no_timeout_is_left_of_a_connection_that_is_over,
    the_traffic_of_each_connection_is_written_down,
    a_traffic_log_that_cannot_be_opened_is_done_without,
);

fn listen_with<F: Factory>(reactor: &Reactor, factory: F) -> Port {
    let options = ListenOptions::new(0).interface(IpAddr::V4(Ipv4Addr::LOCALHOST));
    reactor
        .listen_tcp_with(options, Rc::new(factory))
        .expect("there is a free port")
}

fn wrapped<Q: Policy>(reactor: &Reactor, script: Script, policy: Q) -> Port {
    listen_with(reactor, Wrapping::new(Rc::new(script), policy))
}

// P-032, P-033
fn what_is_wrapped_passes_through_both_ways(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let addresses = Rc::new(RefCell::new(Vec::new()));
    let note = Rc::clone(&addresses);
    let script = Script::new("server", &log)
        .on_made(move |transport| {
            assert!(transport.abilities().socket.is_some());
            note.borrow_mut()
                .extend([transport.peer(), transport.host()]);
            send_file(Cursor::new(b"first, "), transport.clone()).ignore();
        })
        .on_data(|transport, data| {
            transport.write(data);
            transport.write_vectored(&[b", ", b"last"]);
            transport.lose_connection();
        })
        .on_lost(move |_| stop());
    let port = wrapped(reactor, script, AtMost::new(1));
    let mut peer = peer_of(&port);
    peer.write_all(b"second").unwrap();
    let ours = peer.local_addr().unwrap();

    run(reactor);

    assert_eq!(read_all(&peer).unwrap(), b"first, second, last");
    assert_eq!(addresses.take(), [Address::from(ours), port.address()]);
    log.assert(&[
        "server built",
        "server made",
        "server data second",
        "server lost ConnectionDone",
    ]);
}

// P-033
fn half_closing_passes_through(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log)
        .half_closeable(
            |transport| {
                transport.write(b"still here");
                common::lose_write(transport);
            },
            |_| (),
        )
        .on_lost(move |_| stop());
    let port = wrapped(reactor, script, AtMost::new(1));
    let peer = peer_of(&port);
    peer.shutdown(Shutdown::Write).unwrap();

    run(reactor);

    assert_eq!(read_all(&peer).unwrap(), b"still here");
    log.assert(&[
        "server built",
        "server made",
        "server read ended",
        "server write ended",
        "server lost ConnectionDone",
    ]);
}

// P-034
fn the_hooks_of_a_client_factory_pass_through(reactor: &Reactor) {
    let log = Log::default();
    let server = listen(
        reactor,
        Script::unnoted().on_made(|it| it.lose_connection()),
    );
    let stop = stop_at_call(2, reactor);
    let stop_too = stop.clone();
    let script = Script::new("client", &log)
        .on_gone(move |_, _| stop())
        .on_failed(move |_, _| stop_too());
    let factory = Rc::new(Wrapping::new(Rc::new(script), AtMost::new(1)));
    let (_taken, closed) = common::peers::port_without_listener();
    reactor.connect_tcp("127.0.0.1", number(&server), Rc::clone(&factory));
    reactor.connect_tcp("127.0.0.1", closed, factory);

    run(reactor);

    assert_eq!(log.count("client started"), 2);
    assert_eq!(log.count("client gone ConnectionDone"), 1);
    assert_eq!(log.count("client failed ConnectionRefused"), 1);
}

// P-035
#[test]
fn a_log_prefix_is_the_inner_one_with_the_policy_in_brackets() {
    let factory = Rc::new(Wrapping::new(Rc::new(Script::unnoted()), AtMost::new(1)));
    let peer = Address::from(std::net::SocketAddr::from(([127, 0, 0, 1], 1)));

    let protocol = factory.build_protocol(&peer).unwrap();

    assert_eq!(protocol.log_prefix(), "Player (Counted)");
    assert_eq!(factory.policy().count(), 1);
    drop(protocol);
    assert_eq!(factory.policy().count(), 0);
}

/// A client that does nothing until the other end closes, and gives back what came.
fn waiting_client(port: &Port) -> thread::JoinHandle<io::Result<Vec<u8>>> {
    let peer = peer_of(port);
    thread::spawn(move || read_all(&peer))
}

// P-036, P-039
fn one_connection_too_many_is_declined_and_one_that_is_over_makes_room(reactor: &Reactor) {
    let log = Log::default();
    let limit = AtMost::new(2);
    let counts = limit.clone();
    let port = wrapped(reactor, Script::new("server", &log), limit);
    let first = peer_of(&port);
    let _second = peer_of(&port);
    let port_too = port.clone();
    let third = Rc::new(RefCell::new(None));
    let late = Rc::clone(&third);
    after_turns(reactor, 5, move |reactor| {
        assert_eq!(counts.count(), 2);
        drop(peer_of(&port_too));
        drop(first);
        after_turns(reactor, 5, move |reactor| {
            assert_eq!(counts.count(), 1);
            *late.borrow_mut() = Some(peer_of(&port_too));
            after_turns(reactor, 5, move |reactor| {
                assert_eq!(counts.count(), 2);
                stop_soon(reactor);
            });
        });
    });

    run(reactor);

    assert_eq!(log.count("server made"), 3);
}

// P-040
fn too_many_from_one_host_are_declined(reactor: &Reactor) {
    let log = Log::default();
    let limit = PerHost::new(1);
    let counts = limit.clone();
    let stop = stop_at_call(2, reactor);
    let script = Script::new("server", &log)
        .on_data(|transport, _| transport.lose_connection())
        .on_lost(move |_| stop());
    let port = wrapped(reactor, script, limit);
    let mut first = peer_of(&port);
    let declined = waiting_client(&port);
    let port_too = port.clone();
    after_turns(reactor, 5, move |reactor| {
        assert_eq!(counts.count(IpAddr::V4(Ipv4Addr::LOCALHOST)), 1);
        first.write_all(b"done").unwrap();
        after_turns(reactor, 5, move |_| {
            assert_eq!(counts.count(IpAddr::V4(Ipv4Addr::LOCALHOST)), 0);
            peer_of(&port_too).write_all(b"again").unwrap();
        });
    });

    run(reactor);

    assert_eq!(declined.join().unwrap().unwrap(), b"");
    assert_eq!(log.count("server made"), 2);
}

/// Says that it is full, and closes.
struct Full;

impl Protocol for Full {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        transport.write(b"full");
        transport.lose_connection();
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {}
}

struct FullFactory;

impl Factory for FullFactory {
    type Protocol = Full;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Full> {
        Some(Full)
    }
}

// P-039
fn an_overflow_factory_answers_those_who_are_declined(reactor: &Reactor) {
    let log = Log::default();
    let few = Wrapping::new(Rc::new(Script::new("server", &log)), AtMost::new(1));
    let factory = OrElse::new(Rc::new(few), Rc::new(FullFactory));
    let port = listen_with(reactor, factory);
    let _first = peer_of(&port);
    let second = waiting_client(&port);
    after_turns(reactor, 20, stop_soon);

    run(reactor);

    assert_eq!(second.join().unwrap().unwrap(), b"full");
    assert_eq!(log.count("server made"), 1);
}

// P-039
fn an_overflow_factory_ends_whatever_the_end_of_the_first_does(reactor: &Reactor) {
    let (log, reports) = (Log::default(), Reports::collected());
    let first = Script::unnoted().on_stop_factory(|| panic!("no end"));
    let second = Script::new("second", &log).noting_use();
    let port = listen_with(reactor, OrElse::new(Rc::new(first), Rc::new(second)));
    let notes = log.clone();
    after_turns(reactor, 1, move |reactor| {
        let stopped = port.stop_listening();
        stopped.map(move |()| notes.note("stopped")).ignore();
        stop_soon(reactor);
    });

    run(reactor);

    log.assert(&["second begins", "second ends", "stopped"]);
    reports.assert(&[("Unhandled error in stop_factory", "panic: no end")]);
}

/// Advances the clock by so much in each turn, until the reactor stops.
fn tick(reactor: &Reactor, clock: &TestClock, step: Duration) {
    let clock = clock.clone();
    reactor.call_later(Duration::from_micros(200), move |reactor| {
        clock.advance(step);
        tick(reactor, &clock, step);
    });
}

// P-037
fn reading_over_the_limit_is_paused_until_the_average_is_right(reactor: &Reactor) {
    const LEN: usize = 1_000_000;
    let clock = TestClock::new();
    let (times, now) = (Rc::new(RefCell::new(Vec::new())), clock.clone());
    let (note, stop) = (Rc::clone(&times), stop_at_call(1, reactor));
    let script = Script::unnoted()
        .on_data(move |_, data| note.borrow_mut().push((now.now(), data.len())))
        .on_lost(move |_| stop());
    let throttle = Throttle::new(clock.clone()).reading(100_000);
    let port = wrapped(reactor, script, throttle);
    let mut peer = peer_of(&port);
    let writer = thread::spawn(move || peer.write_all(&pattern(LEN)));
    tick(reactor, &clock, Duration::from_millis(50));

    run(reactor);

    writer.join().unwrap().unwrap();
    let times = times.take();
    assert_eq!(times.iter().map(|(_, len)| len).sum::<usize>(), LEN);
    let mut sum = 0;
    for (time, len) in times {
        // What had come before this piece, less than a second's worth, is as old as the average says.
        assert!(
            sum as f64 <= 100_000.0 * (time.as_secs_f64() + 1.0) + 1.0,
            "{sum} at {time:?}"
        );
        sum += len;
    }
}

// P-037
fn a_pause_of_the_protocol_outlasts_the_throttle(reactor: &Reactor) {
    let log = Log::default();
    let clock = TestClock::new();
    let reactor_too = reactor.clone();
    let script = Script::new("server", &log).on_data(move |transport, _| {
        transport.pause_producing();
        after_turns(&reactor_too, 20, stop_soon);
    });
    let throttle = Throttle::new(clock.clone()).reading(1);
    let port = wrapped(reactor, script, throttle);
    let mut peer = peer_of(&port);
    peer.write_all(b"one").unwrap();
    after_turns(reactor, 10, move |_| peer.write_all(b"two").unwrap());
    tick(reactor, &clock, Duration::from_secs(10));

    run(reactor);

    assert_eq!(log.count("server data one"), 1);
}

// P-037, P-038
fn a_pull_producer_is_slowed_to_the_write_limit(reactor: &Reactor) {
    const LEN: usize = 200_000;
    let clock = TestClock::new();
    let ended = Rc::new(Cell::new(Duration::ZERO));
    let (end, now, stop) = (Rc::clone(&ended), clock.clone(), stop_at_call(1, reactor));
    let script = Script::unnoted()
        .on_made(|transport| {
            send_file(Cursor::new(pattern(LEN)), transport.clone()).ignore();
            transport.lose_connection();
        })
        .on_lost(move |_| {
            end.set(now.now());
            stop();
        });
    let throttle = Throttle::new(clock.clone()).writing(50_000);
    let port = wrapped(reactor, script, throttle);
    let reader = waiting_client(&port);
    tick(reactor, &clock, Duration::from_millis(50));

    run(reactor);

    assert!(reader.join().unwrap().unwrap() == pattern(LEN));
    // One second's worth and the last piece are free.
    assert!(
        ended.get() >= Duration::from_millis(2_600),
        "{:?}",
        ended.get()
    );
}

// P-041
fn a_connection_on_which_nothing_happens_is_lost(reactor: &Reactor) {
    let log = Log::default();
    let clock = TestClock::new();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log).on_lost(move |_| stop());
    let port = wrapped(reactor, script, IdleTimeout::half_an_hour(clock.clone()));
    let peer = peer_of(&port);
    let noting = log.clone();
    after_turns(reactor, 5, move |_| {
        clock.advance(Duration::from_secs(30 * 60 - 1));
        noting.note("a second is left");
        clock.advance(Duration::from_secs(1));
    });

    run(reactor);

    assert_eq!(read_all(&peer).unwrap(), b"");
    log.assert(&[
        "server built",
        "server made",
        "a second is left",
        "server lost ConnectionDone",
    ]);
}

// P-041
fn what_is_read_and_written_keeps_a_connection(reactor: &Reactor) {
    let log = Log::default();
    let clock = TestClock::new();
    let (moved, reactor_too) = (clock.clone(), reactor.clone());
    let script = Script::new("server", &log).on_data(move |transport, data| {
        let (clock, transport) = (moved.clone(), Rc::clone(transport));
        assert_eq!(data, b"x");
        clock.advance(Duration::from_secs(9));
        transport.write(b"y");
        clock.advance(Duration::from_secs(9));
        transport.write_vectored(&[b"z"]);
        clock.advance(Duration::from_secs(9));
        stop_soon(&reactor_too);
    });
    let port = wrapped(
        reactor,
        script,
        IdleTimeout::new(clock.clone(), Duration::from_secs(10)),
    );
    let peer = Rc::new(peer_of(&port));
    let writing = Rc::clone(&peer);
    after_turns(reactor, 5, move |_| {
        clock.advance(Duration::from_secs(9));
        (&*writing).write_all(b"x").unwrap();
    });

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server data x",
        "server lost ReactorStopped",
    ]);
}

// P-041, P-042
fn no_timeout_is_left_of_a_connection_that_is_over(reactor: &Reactor) {
    let clock = TestClock::new();
    let stop = stop_at_call(1, reactor);
    let script = Script::unnoted().on_lost(move |_| stop());
    let port = wrapped(reactor, script, IdleTimeout::half_an_hour(clock.clone()));
    drop(peer_of(&port));

    run(reactor);

    assert!(clock.delayed_calls().is_empty());
}

// P-042, P-043
#[test]
fn a_timeout_can_be_set_reset_and_cancelled_whatever_its_state() {
    let clock = TestClock::new();
    let count = Rc::new(Cell::new(0));
    let counted = Rc::clone(&count);
    let timeout = Timeout::new(clock.clone(), move || counted.set(counted.get() + 1));
    let second = Some(Duration::from_secs(1));

    // There is none.
    timeout.reset();
    assert_eq!(timeout.set(None), None);
    // It is renewed.
    assert_eq!(timeout.set(second), None);
    clock.advance(Duration::from_millis(900));
    timeout.reset();
    clock.advance(Duration::from_millis(900));
    assert_eq!(count.get(), 0);
    // It runs out, once.
    clock.advance(Duration::from_millis(100));
    timeout.reset();
    clock.advance(Duration::from_secs(10));
    assert_eq!(count.get(), 1);
    // It has run out already.
    assert_eq!(timeout.set(None), second);
    assert_eq!(timeout.set(None), None);
    // It is cancelled, by hand and by being dropped.
    assert_eq!(timeout.set(second), None);
    assert_eq!(timeout.set(None), second);
    timeout.set(second);
    drop(timeout);
    clock.advance(Duration::from_secs(10));
    assert_eq!(count.get(), 1);
    assert!(clock.delayed_calls().is_empty());
}

/// A place to write to that a test can read.
#[derive(Clone, Default)]
struct Paper(Rc<RefCell<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(data)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

// P-044
fn the_traffic_of_each_connection_is_written_down(reactor: &Reactor) {
    let papers: Rc<RefCell<Vec<Paper>>> = Rc::default();
    let (open, stop) = (Rc::clone(&papers), stop_at_call(2, reactor));
    let policy = TrafficLog::new(move |number| {
        let paper = Paper::default();
        open.borrow_mut().push(paper.clone());
        assert_eq!(open.borrow().len() as u64, number);
        Ok(Box::new(paper))
    });
    let script = Script::unnoted()
        .on_data(|transport, _| {
            transport.write(b"b\n");
            transport.write_vectored(&[b"c", b"\xff"]);
            transport.lose_connection();
        })
        .on_lost(move |_| stop());
    let port = wrapped(reactor, script, policy);
    let mut first = peer_of(&port);
    first.write_all(b"a\"").unwrap();
    drop(peer_of(&port));

    run(reactor);

    let papers: Vec<_> = papers.take().iter().map(|it| it.0.take()).collect();
    let from = first.local_addr().unwrap();
    let expected = format!(
        "1 connected to {from}\n1 received \"a\\\"\"\n1 wrote \"b\\n\"\n1 wrote \"c\" \"\\xff\"\n\
         1 lost: the connection was closed cleanly\n"
    );
    assert_eq!(String::from_utf8_lossy(&papers[0]), expected);
    assert!(papers[1].starts_with(b"2 connected to "));
}

// P-044
fn a_traffic_log_that_cannot_be_opened_is_done_without(reactor: &Reactor) {
    let log = Log::default();
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log).on_lost(move |_| stop());
    let policy = TrafficLog::new(|_| Err(io::Error::other("the disk is full")));
    let port = wrapped(reactor, script, policy);
    peer_of(&port).write_all(b"x").unwrap();

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server data x",
        "server lost ConnectionDone",
    ]);
}

// P-044
#[test]
fn traffic_goes_to_a_numbered_file_for_each_connection() {
    let folder = std::env::temp_dir().join(format!("traffic-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let policy = TrafficLog::to_files(folder.join("log"));
    let peer = Address::from(std::net::SocketAddr::from(([127, 0, 0, 1], 1)));

    drop((policy.accept(&peer), policy.accept(&peer)));

    assert!(folder.join("log-1").exists() && folder.join("log-2").exists());
    std::fs::remove_dir_all(folder).unwrap();
}

// L-007, P-034
fn the_beginning_and_the_end_of_a_factory_pass_through(reactor: &Reactor) {
    let log = Log::default();
    let script = Script::new("server", &log).noting_use();
    let policy = AtMost::new(1);
    let port = wrapped(reactor, script, policy);
    let shown = format!("{port:?}");
    reactor.call_when_running(stop_soon);

    run(reactor);

    log.assert(&["server begins", "server ends"]);
    assert_eq!(shown, format!("Port(Script on {})", port.address()));
}

// N-075, P-033
fn descriptors_pass_through(reactor: &Reactor) {
    let (folder, log, stop) = (
        paths::Folder::new(),
        Log::default(),
        stop_at_call(1, reactor),
    );
    let path = folder.path("socket");
    let script = Script::new("server", &log)
        .on_descriptor(|_, descriptor| drop(descriptor))
        .on_data(move |_, _| stop());
    let server = Wrapping::new(Rc::new(script), AtMost::new(1));
    let client = Script::unnoted().on_made(|transport| {
        let null = std::fs::File::open("/dev/null").unwrap();
        let descriptors = transport.abilities().descriptors.unwrap();
        descriptors.send_descriptor(null.as_fd()).unwrap();
        transport.write(b"with it");
    });
    reactor.listen_unix(&*path, Rc::new(server)).unwrap();
    paths::connect_to(reactor, &path, client);

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server descriptor",
        "server data with it",
        "server lost ReactorStopped",
    ]);
}
