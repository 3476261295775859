//! Ends that have a time limit, and ends that somebody waits for.

mod common;

use std::cell::RefCell;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use common::peers::pattern;
use common::{
    Kept, LIMIT, Log, Script, after_turns, listen, name_of, on_every_backend, peer_of, read_all,
    run, stop_at_call, stop_soon,
};
use protocols::Transport;
use protocols::deferred::Deferred;
use protocols::reactor::Reactor;

on_every_backend!(
    a_peer_that_does_not_read_is_aborted_when_the_limit_has_passed,
    a_peer_that_reads_in_time_gets_everything,
    the_limit_is_gone_when_the_connection_is,
    a_shorter_limit_replaces_a_longer_one,
    a_limit_can_be_set_after_lose_connection,
    a_limit_after_the_end_does_nothing,
    the_end_can_be_waited_for_by_many,
    the_end_is_told_after_the_protocol_was,
    an_end_that_has_come_is_told_at_once,
    the_end_by_the_reactor_is_told_too,
);

/// More than two sockets hold between them, however generous the system is.
const MUCH: usize = 24 * 1024 * 1024;

/// A server whose only connection does `on_made`, and which stops the reactor at its end.
fn server(reactor: &Reactor, log: &Log, on_made: impl Fn(&Rc<dyn Transport>) + 'static) -> Script {
    let stop = stop_at_call(1, reactor);
    Script::new("server", log)
        .on_made(on_made)
        .on_lost(move |_| stop())
}

// N-032
// fault: slow reader
fn a_peer_that_does_not_read_is_aborted_when_the_limit_has_passed(reactor: &Reactor) {
    let log = Log::default();
    let script = server(reactor, &log, |transport| {
        transport.write(&pattern(MUCH));
        transport.lose_connection_within(Duration::from_millis(50));
    });
    let peer = peer_of(&listen(reactor, script));

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server lost ConnectionAborted",
    ]);
    assert!(read_all(&peer).is_err());
}

// N-032
fn a_peer_that_reads_in_time_gets_everything(reactor: &Reactor) {
    let log = Log::default();
    let script = server(reactor, &log, |transport| {
        transport.write(&pattern(MUCH));
        transport.lose_connection_within(LIMIT);
    });
    let peer = peer_of(&listen(reactor, script));
    let reader = thread::spawn(move || read_all(&peer));

    run(reactor);

    assert!(reader.join().unwrap().unwrap() == pattern(MUCH));
    log.assert(&["server built", "server made", "server lost ConnectionDone"]);
}

// N-032, N-044
fn the_limit_is_gone_when_the_connection_is(reactor: &Reactor) {
    let calls = reactor.clone();
    let left = Rc::new(RefCell::new(None));
    let (stop, count) = (stop_at_call(1, reactor), Rc::clone(&left));
    let script = Script::unnoted()
        .on_made(|transport| transport.lose_connection_within(LIMIT * 2))
        .on_lost(move |_| {
            let after_the_watchdog = Some(calls.now() + LIMIT);
            let mut left = calls.delayed_calls();
            left.retain(|call| call.time() > after_the_watchdog);
            *count.borrow_mut() = Some(left.len());
            stop();
        });
    let _peer = peer_of(&listen(reactor, script));

    run(reactor);

    assert_eq!(left.take(), Some(0));
}

fn a_shorter_limit_replaces_a_longer_one(reactor: &Reactor) {
    let log = Log::default();
    let script = server(reactor, &log, |transport| {
        transport.write(&pattern(MUCH));
        transport.lose_connection_within(LIMIT * 2);
        transport.lose_connection_within(Duration::from_millis(50));
    });
    let _peer = peer_of(&listen(reactor, script));

    run(reactor);

    assert_eq!(log.count("server lost ConnectionAborted"), 1);
}

fn a_limit_can_be_set_after_lose_connection(reactor: &Reactor) {
    let log = Log::default();
    let script = server(reactor, &log, |transport| {
        transport.write(&pattern(MUCH));
        transport.lose_connection();
        transport.lose_connection_within(Duration::from_millis(50));
    });
    let _peer = peer_of(&listen(reactor, script));

    run(reactor);

    assert_eq!(log.count("server lost ConnectionAborted"), 1);
}

fn a_limit_after_the_end_does_nothing(reactor: &Reactor) {
    let log = Log::default();
    let kept = Kept::default();
    let keep = kept.clone();
    let script = server(reactor, &log, move |transport| {
        keep.keep(transport);
        transport.lose_connection();
    });
    let _peer = peer_of(&listen(reactor, script));
    run(reactor);

    kept.get().lose_connection_within(Duration::ZERO);

    assert!(reactor.delayed_calls().is_empty());
    log.assert(&["server built", "server made", "server lost ConnectionDone"]);
}

/// Notes the reason of the end under a name.
fn note_end(log: &Log, name: &'static str, transport: &Rc<dyn Transport>) {
    let log = log.clone();
    transport
        .when_lost()
        .map(move |reason| log.note(format!("{name} {}", name_of(&reason))))
        .ignore();
}

// N-050
fn the_end_can_be_waited_for_by_many(reactor: &Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let script = server(reactor, &log, move |transport| {
        note_end(&noting, "first", transport);
        note_end(&noting, "second", transport);
    });
    drop(peer_of(&listen(reactor, script)));

    run(reactor);

    assert_eq!(log.count("first ConnectionDone"), 1);
    assert_eq!(log.count("second ConnectionDone"), 1);
}

// N-050
fn the_end_is_told_after_the_protocol_was(reactor: &Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let script = server(reactor, &log, move |transport| {
        note_end(&noting, "waiting", transport);
        transport.abort_connection();
        note_end(&noting, "late", transport);
    });
    let _peer = peer_of(&listen(reactor, script));

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server lost ConnectionAborted",
        "waiting ConnectionAborted",
        "late ConnectionAborted",
    ]);
}

// N-050
fn an_end_that_has_come_is_told_at_once(reactor: &Reactor) {
    let kept = Kept::default();
    let keep = kept.clone();
    let script = server(reactor, &Log::default(), move |transport| {
        keep.keep(transport);
        transport.abort_connection();
    });
    let _peer = peer_of(&listen(reactor, script));
    run(reactor);

    let end: Deferred<_> = kept.get().when_lost();

    let reason = end
        .into_result()
        .expect("it has fired")
        .expect("with the reason");
    assert_eq!(name_of(&reason), "ConnectionAborted");
}

// N-050, R-013
fn the_end_by_the_reactor_is_told_too(reactor: &Reactor) {
    let log = Log::default();
    let (noting, reactor_too) = (log.clone(), reactor.clone());
    let script = Script::new("server", &log).on_made(move |transport| {
        note_end(&noting, "waiting", transport);
        after_turns(&reactor_too, 3, stop_soon);
    });
    let _peer = peer_of(&listen(reactor, script));

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server lost ReactorStopped",
        "waiting ReactorStopped",
    ]);
}
