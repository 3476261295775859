//! Calls that come from other threads.

mod common;

use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use common::{BackendName, End, Log, on_every_backend, run, run_without_calls};
use reactor::{Reactor, ReactorError, RemoteHandle};

on_every_backend!(
    calls_of_a_thread_run_on_the_thread_of_the_reactor_in_the_order_sent,
    a_call_wakes_a_reactor_that_waits,
    a_call_sent_before_the_run_waits_for_it,
    a_call_sent_between_two_runs_waits_for_the_next_one,
    a_call_of_the_same_thread_does_not_run_inside_of_the_sending,
    a_call_sent_by_a_delayed_call_does_not_wait_for_the_next_one,
    a_hundred_thousand_calls_neither_block_nor_get_lost,
    a_hundred_thousand_calls_that_wait_for_the_run_neither_block_nor_get_lost,
    a_batch_of_calls_wakes_the_reactor_once,
    a_call_that_renews_itself_lets_descriptors_have_their_turn,
    a_call_to_a_reactor_that_is_gone_is_an_error,
    calls_that_have_not_run_are_dropped_with_the_reactor,
    descriptors_are_told_on_the_thread_of_the_reactor,
);

// R-070, H-007
fn calls_of_a_thread_run_on_the_thread_of_the_reactor_in_the_order_sent(reactor: Reactor) {
    let here = thread::current().id();
    let log = reactor.extension::<Log>();
    let remote = reactor.remote_handle();
    let other = thread::spawn(move || {
        for n in 0..1000 {
            let call = move |reactor: &Reactor| {
                assert_eq!(thread::current().id(), here);
                reactor.extension::<Log>().note(n.to_string());
            };
            remote.call_from_thread(call).unwrap();
        }
        remote.call_from_thread(stop).unwrap();
    });

    run(&reactor);

    other.join().unwrap();
    let expected: Vec<_> = (0..1000).map(|n| n.to_string()).collect();
    log.assert(&expected.iter().map(String::as_str).collect::<Vec<_>>());
}

//
fn a_call_wakes_a_reactor_that_waits(on: BackendName) {
    let (reactor, waits) = on.recorded();
    let remote = reactor.remote_handle();
    let (running, runs) = mpsc::channel();
    let other = thread::spawn(move || {
        runs.recv().unwrap();
        remote.call_from_thread(stop)
    });
    reactor.call_when_running(move |_| running.send(()));

    run_without_calls(&reactor);

    other.join().unwrap().unwrap();
    assert!(waits.timeouts().iter().all(Option::is_none));
}

//
fn a_call_sent_before_the_run_waits_for_it(reactor: Reactor) {
    let log = reactor.extension::<Log>();
    let call = |reactor: &Reactor| {
        reactor.extension::<Log>().note("called");
        stop(reactor);
    };
    reactor.remote_handle().call_from_thread(call).unwrap();
    log.note("run");

    run(&reactor);

    log.assert(&["run", "called"]);
}

//
fn a_call_sent_between_two_runs_waits_for_the_next_one(reactor: Reactor) {
    reactor.call_when_running(Reactor::stop);
    run(&reactor);
    reactor.remote_handle().call_from_thread(stop).unwrap();

    run_without_calls(&reactor);

    assert!(!reactor.is_running());
}

// H-007
fn a_call_of_the_same_thread_does_not_run_inside_of_the_sending(reactor: Reactor) {
    let log = reactor.extension::<Log>();
    let noting = Rc::clone(&log);
    reactor.call_when_running(move |reactor| {
        let call = |reactor: &Reactor| {
            reactor.extension::<Log>().note("called");
            stop(reactor);
        };
        reactor.remote_handle().call_from_thread(call).unwrap();
        noting.note("sent");
    });

    run(&reactor);

    log.assert(&["sent", "called"]);
}

// H-008
fn a_call_sent_by_a_delayed_call_does_not_wait_for_the_next_one(reactor: Reactor) {
    reactor.call_later(Duration::ZERO, |reactor| {
        reactor.remote_handle().call_from_thread(stop)
    });

    run_without_calls(&reactor);

    assert!(!reactor.is_running());
}

// H-009
fn a_hundred_thousand_calls_neither_block_nor_get_lost(reactor: Reactor) {
    let count = reactor.extension::<Count>();
    let remote = reactor.remote_handle();
    let other = thread::spawn(move || send_a_hundred_thousand(&remote));

    run(&reactor);

    other.join().unwrap();
    assert_eq!(count.0.load(Ordering::Relaxed), 100_000);
}

// H-009, R-072
fn a_hundred_thousand_calls_that_wait_for_the_run_neither_block_nor_get_lost(reactor: Reactor) {
    let count = reactor.extension::<Count>();
    let remote = reactor.remote_handle();
    let other = thread::spawn(move || send_a_hundred_thousand(&remote));
    other.join().unwrap();

    run(&reactor);

    assert_eq!(count.0.load(Ordering::Relaxed), 100_000);
}

fn a_batch_of_calls_wakes_the_reactor_once(on: BackendName) {
    let (reactor, waits) = on.recorded();
    let count = reactor.extension::<Count>();
    reactor.call_when_running(|reactor| {
        let remote = reactor.remote_handle();
        let send = move || {
            for _ in 0..1000 {
                remote.call_from_thread(add_one).unwrap();
            }
        };
        thread::spawn(send).join().unwrap();
    });
    reactor.call_later(Duration::from_millis(20), Reactor::stop);

    run(&reactor);

    assert_eq!(count.0.load(Ordering::Relaxed), 1000);
    // One wait that the wake-up ends, one until the reactor is stopped, and one to spare.
    assert!(waits.count() <= 3, "{:?}", waits.timeouts());
}

fn a_call_that_renews_itself_lets_descriptors_have_their_turn(reactor: Reactor) {
    fn renew(reactor: &Reactor) {
        reactor.remote_handle().call_from_thread(renew).unwrap();
    }
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let end = end.on_read(|_, reactor| Ok(reactor.stop()?));
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.call_when_running(renew);

    run(&reactor);

    log.assert(&["end reads", "end is lost"]);
}

//
fn a_call_to_a_reactor_that_is_gone_is_an_error(reactor: Reactor) {
    let remote = reactor.remote_handle();
    let shared = Arc::new(());
    let owned = Arc::clone(&shared);
    drop(reactor);

    let sent = remote.call_from_thread(move |_| drop(owned));

    assert!(matches!(sent, Err(ReactorError::Closed)));
    assert_eq!(Arc::strong_count(&shared), 1);
}

fn calls_that_have_not_run_are_dropped_with_the_reactor(reactor: Reactor) {
    let remote = reactor.remote_handle();
    let shared = Arc::new(());
    let owned = Arc::clone(&shared);
    remote.call_from_thread(move |_| drop(owned)).unwrap();

    drop(reactor);

    assert_eq!(Arc::strong_count(&shared), 1);
}

// R-082 (what the query would answer)
fn descriptors_are_told_on_the_thread_of_the_reactor(reactor: Reactor) {
    let here = thread::current().id();
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let noting = log.clone();
    let end = end.on_read(move |_, reactor| {
        noting.note(format!("here: {}", thread::current().id() == here));
        Ok(reactor.stop()?)
    });
    reactor.add_reader(Rc::new(end)).unwrap();

    run(&reactor);

    log.assert(&["end reads", "here: true", "end is lost"]);
}

#[test]
fn a_remote_handle_may_go_to_any_thread() {
    fn promises<T: Send + Sync + Clone + 'static>() {}

    promises::<RemoteHandle>();
}

fn stop(reactor: &Reactor) {
    reactor.stop().expect("the reactor runs");
}

/// How many calls have come; the extension of a reactor.
#[derive(Default)]
struct Count(AtomicUsize);

fn add_one(reactor: &Reactor) {
    reactor
        .extension::<Count>()
        .0
        .fetch_add(1, Ordering::Relaxed);
}

fn send_a_hundred_thousand(remote: &RemoteHandle) {
    for _ in 0..100_000 {
        remote.call_from_thread(add_one).unwrap();
    }
    remote.call_from_thread(stop).unwrap();
}
