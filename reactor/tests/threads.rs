//! Calls that come from other threads.

mod common;

use std::marker::PhantomData;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use common::{BackendName, End, LIMIT, Log, Reports, on_every_backend, run, run_without_calls};
use deferred::{Deferred, Failure, Firer};
use reactor::{DelayedCall, Reactor, ReactorError, RemoteHandle, Stopped, ThreadPool};

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
    many_calls_let_descriptors_and_delayed_calls_have_their_turn,
    calls_that_are_left_when_the_run_ends_wait_for_the_next_one,
    // H-005, R-082
    a_thread_knows_whether_it_is_that_of_the_running_reactor,
    //
    all_callbacks_are_on_the_thread_of_the_reactor,
    another_thread_can_stop_the_run,
    a_stop_from_another_thread_comes_after_the_calls_that_it_has_sent,
    a_stop_that_comes_too_late_does_not_end_the_next_run,
    a_reactor_that_has_ended_cannot_be_stopped_from_another_thread,
    a_reactor_that_is_gone_cannot_be_stopped_from_another_thread,
    a_call_to_a_reactor_that_is_gone_is_an_error,
    calls_that_have_not_run_are_dropped_with_the_reactor,
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
    // No time had to pass; a call that came just before a wait ends it at once.
    assert!(waits.timeouts().iter().flatten().all(Duration::is_zero));
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

fn many_calls_let_descriptors_and_delayed_calls_have_their_turn(reactor: Reactor) {
    let log = Log::default();
    let count = reactor.extension::<Count>();
    let (end, _peer) = End::readable_pair("end", &log);
    let end = end.on_read(|_, reactor| Ok(reactor.stop()?));
    reactor.add_reader(Rc::new(end)).unwrap();
    let noting = log.clone();
    reactor.call_later(Duration::ZERO, move |_| noting.note("delayed call"));
    let remote = reactor.remote_handle();
    for _ in 0..100_000 {
        remote.call_from_thread(add_one).unwrap();
    }

    run(&reactor);

    log.assert(&["delayed call", "end reads", "end is lost"]);
    let calls = count.0.load(Ordering::Relaxed);
    assert!((1..=2000).contains(&calls), "{calls} in two turns");
}

fn calls_that_are_left_when_the_run_ends_wait_for_the_next_one(reactor: Reactor) {
    let count = reactor.extension::<Count>();
    let remote = reactor.remote_handle();
    reactor.call_when_running(Reactor::stop);
    send_a_hundred_thousand(&remote);
    run(&reactor);
    let first = count.0.load(Ordering::Relaxed);

    run(&reactor);

    assert!(first < 100_000);
    assert_eq!(count.0.load(Ordering::Relaxed), 100_000);
}

fn a_thread_knows_whether_it_is_that_of_the_running_reactor(reactor: Reactor) {
    let remote = reactor.remote_handle();
    let (told, tells) = mpsc::channel();
    assert!(!remote.is_in_reactor_thread(), "it does not run yet");
    let asking = remote.clone();
    let ask = move || Ok::<_, Failure>(told.send(asking.is_in_reactor_thread())?);
    let work = ask.clone();
    reactor.call_in_thread(work).unwrap();
    reactor.call_when_running(move |reactor| {
        assert_eq!(tells.recv_timeout(LIMIT), Ok(false));
        ask()?;
        assert_eq!(tells.recv_timeout(LIMIT), Ok(true));
        Ok::<_, Failure>(reactor.stop()?)
    });
    let reports = Reports::collected();

    run(&reactor);

    assert!(reports.taken().is_empty());
    assert!(!remote.is_in_reactor_thread(), "it does not run any more");
}

fn all_callbacks_are_on_the_thread_of_the_reactor(reactor: Reactor) {
    let log = Log::default();
    let (remote, noting) = (reactor.remote_handle(), log.clone());
    let note = move |what: &str| noting.note(format!("{what}: {}", remote.is_in_reactor_thread()));
    let (end, _peer) = End::readable_pair("end", &Log::default());
    let (noting, losing) = (note.clone(), note.clone());
    let end = end
        .on_read(move |_, reactor| {
            noting("read");
            Ok(reactor.stop()?)
        })
        .on_lost(move |_, _| losing("loss"));
    reactor.add_reader(Rc::new(end)).unwrap();
    let noting = note.clone();
    reactor.call_later(Duration::ZERO, move |_| noting("delayed call"));
    let work = reactor.defer_to_thread_pool(&ThreadPool::new(), || Ok(()));
    work.add_errback(move |_| {
        note("abandoned work");
        Ok(())
    })
    .ignore();

    run(&reactor);

    log.assert(&[
        "delayed call: true",
        "read: true",
        "loss: true",
        "abandoned work: true",
    ]);
}

fn another_thread_can_stop_the_run(reactor: Reactor) {
    let remote = reactor.remote_handle();
    let other = thread::spawn(move || remote.stop());

    let stopped = run_without_calls(&reactor);

    other.join().unwrap().unwrap();
    assert_eq!(stopped, Stopped::Asked);
}

fn a_stop_from_another_thread_comes_after_the_calls_that_it_has_sent(reactor: Reactor) {
    let count = reactor.extension::<Count>();
    let remote = reactor.remote_handle();
    let other = thread::spawn(move || {
        for _ in 0..10_000 {
            remote.call_from_thread(add_one)?;
        }
        remote.stop()
    });

    run(&reactor);

    other.join().unwrap().unwrap();
    assert_eq!(count.0.load(Ordering::Relaxed), 10_000);
}

fn a_stop_that_comes_too_late_does_not_end_the_next_run(reactor: Reactor) {
    let count = reactor.extension::<Count>();
    let remote = reactor.remote_handle();
    reactor.call_when_running(Reactor::stop);
    for _ in 0..100_000 {
        remote.call_from_thread(add_one).unwrap();
    }
    remote.stop().unwrap();
    run(&reactor);
    remote.call_from_thread(stop).unwrap();

    run(&reactor);

    assert_eq!(count.0.load(Ordering::Relaxed), 100_000);
}

fn a_reactor_that_has_ended_cannot_be_stopped_from_another_thread(reactor: Reactor) {
    let remote = reactor.remote_handle();
    reactor.call_when_running(Reactor::stop);
    run(&reactor);

    let stopped = remote.stop();

    assert!(matches!(stopped, Err(ReactorError::NotRunning)));
}

fn a_reactor_that_is_gone_cannot_be_stopped_from_another_thread(reactor: Reactor) {
    let remote = reactor.remote_handle();
    drop(reactor);

    let stopped = remote.stop();

    assert!(matches!(stopped, Err(ReactorError::Closed)));
}

#[test]
fn a_remote_handle_may_go_to_any_thread() {
    fn promises<T: Send + Sync + Clone + 'static>() {}

    promises::<RemoteHandle>();
}

/// Asks whether a type may go to another thread: the constant of the type itself comes before the trait's.
struct Ask<T>(PhantomData<T>);

trait MaySend {
    const MAY: bool = false;
}

impl<T> MaySend for Ask<T> {}

impl<T: Send> Ask<T> {
    const MAY: bool = true;
}

// H-018, R-084
#[test]
fn the_reactor_and_what_belongs_to_it_stay_on_their_thread() {
    let of_the_loop = [Ask::<Reactor>::MAY, Ask::<DelayedCall>::MAY];
    let of_a_chain = [Ask::<Deferred<u32>>::MAY, Ask::<Firer<u32>>::MAY];

    assert_eq!((of_the_loop, of_a_chain), ([false; 2], [false; 2]));
    assert_eq!([Ask::<RemoteHandle>::MAY], [true]);
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
