//! Bytes that come or go too fast.

use std::cell::{Cell, RefCell};
use std::io::{Cursor, Write};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use protocols::files::send_file;
use protocols::policies::Throttle;
use protocols::reactor::Reactor;
use protocols::reactor::testing::TestClock;

use crate::common::peers::pattern;
use crate::common::{
    Log, Script, after_turns, on_every_backend, peer_of, run, stop_at_call, stop_soon,
};
use crate::wrapped::{tick, waiting_client, wrapped};

on_every_backend!(
    reading_over_the_limit_is_paused_until_the_average_is_right,
    a_pause_of_the_protocol_outlasts_the_throttle,
    a_pull_producer_is_slowed_to_the_write_limit,
);

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
