//! Connections on which nothing happens.

use std::cell::Cell;
use std::io::Write;
use std::rc::Rc;
use std::time::Duration;

use protocols::policies::{IdleTimeout, Timeout};
use protocols::reactor::Reactor;
use protocols::reactor::testing::TestClock;

use crate::common::{
    Log, Script, after_turns, on_every_backend, peer_of, read_all, run, stop_at_call, stop_soon,
};
use crate::wrapped::wrapped;

on_every_backend!(
    a_connection_on_which_nothing_happens_is_lost,
    what_is_read_and_written_keeps_a_connection,
    no_timeout_is_left_of_a_connection_that_is_over,
);

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
