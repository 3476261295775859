//! Time and readiness as Deferreds.

mod common;

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use common::{
    End, LIMIT, Log, Lost, Ownership, SimulatedTime, on_every_backend, run, stop_after_turns,
};
use deferred::testing::{assert_no_result, failure_result_of, success_result_of};
use deferred::{Abandoned, CancelledError, Deferred};
use reactor::{ConnectionClosed, Reactor};

on_every_backend!(
    a_sleep_ends_when_its_time_has_passed,
    a_sleep_ends_when_the_reactor_stops,
    a_sleep_on_a_reactor_that_is_gone_ends_at_once,
    a_descriptor_is_readable_when_its_peer_has_written,
    a_descriptor_is_readable_when_its_peer_is_gone,
    a_descriptor_is_writable_when_there_is_room,
    a_descriptor_is_told_once_and_let_go,
    a_descriptor_can_be_awaited_again_and_again,
    a_descriptor_can_be_awaited_for_both,
    an_await_of_a_descriptor_that_is_cancelled_lets_it_go,
    an_await_of_a_descriptor_whose_future_is_dropped_lets_it_go,
    an_await_that_was_replaced_ends_and_leaves_the_other_alone,
    an_await_of_a_descriptor_that_cannot_be_watched_fails,
    an_await_ends_with_the_error_of_the_writer_of_its_descriptor,
    an_await_ends_with_the_reason_when_the_reactor_stops,
    a_coroutine_hears_that_the_reactor_stops,
    an_await_of_a_descriptor_fails_when_the_reactor_is_gone,
);

fn a_sleep_ends_when_its_time_has_passed(reactor: Reactor) {
    let there = reactor.clone();
    let slept = reactor
        .sleep(Duration::from_millis(3))
        .add_callback(move |()| Ok((there.now(), there.stop()?)));

    run(&reactor);

    let (at, ()) = success_result_of(slept);
    assert!(at >= Duration::from_millis(3));
}

#[test]
fn a_sleep_that_is_cancelled_leaves_no_call() {
    let (reactor, time) = SimulatedTime::reactor();
    let (owned, ownership) = Ownership::new();
    let sleep = reactor.sleep(LIMIT);
    let handle = sleep.cancel_handle();
    let chain = sleep.map(move |()| drop(owned));

    handle.cancel();

    assert!(ownership.is_over());
    failure_result_of::<CancelledError, _>(chain);
    assert_no_call_is_left(&reactor, &time);
}

#[test]
fn a_sleep_whose_future_is_dropped_leaves_no_call() {
    let (reactor, time) = SimulatedTime::reactor();
    let sleep = reactor.sleep(LIMIT);
    let task = reactor.spawn(async { sleep.await });

    task.cancel();

    failure_result_of::<CancelledError, _>(task);
    assert_no_call_is_left(&reactor, &time);
}

fn a_sleep_ends_when_the_reactor_stops(reactor: Reactor) {
    let sleep = reactor.sleep(LIMIT);
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    failure_result_of::<Abandoned, _>(sleep);
}

fn a_sleep_on_a_reactor_that_is_gone_ends_at_once(reactor: Reactor) {
    let clone = reactor.clone();
    drop(reactor);

    let sleep = clone.sleep(Duration::ZERO);

    failure_result_of::<Abandoned, _>(sleep);
}

fn a_descriptor_is_readable_when_its_peer_has_written(reactor: Reactor) {
    let (end, peer) = pair();
    let there = reactor.clone();
    let read = reactor.readable(end.clone()).add_callback(move |()| {
        let mut bytes = [0; 8];
        let n = (&*end).read(&mut bytes)?;
        there.stop()?;
        Ok(bytes[..n].to_vec())
    });
    let read = assert_no_result(read);
    reactor.call_later(Duration::from_millis(1), move |_| {
        (&peer).write_all(b"line")
    });

    run(&reactor);

    assert_eq!(success_result_of(read), b"line");
}

fn a_descriptor_is_readable_when_its_peer_is_gone(reactor: Reactor) {
    let (end, peer) = pair();
    let readable = stops(&reactor, reactor.readable(end));
    reactor.call_later(Duration::from_millis(1), move |_| drop(peer));

    run(&reactor);

    success_result_of(readable);
}

fn a_descriptor_is_writable_when_there_is_room(reactor: Reactor) {
    let (end, peer) = pair();
    while (&*end).write(&[0; 4096]).is_ok() {}
    // A peer that is gone would make it writable, too.
    let peer = Rc::new(peer);
    let reading = Rc::clone(&peer);
    let emptied = Rc::new(Cell::new(false));
    let seen = Rc::clone(&emptied);
    let writable = reactor.writable(end).map(move |()| seen.get());
    let there = reactor.clone();
    let writable = writable.add_callback(move |emptied| Ok((emptied, there.stop()?)));
    reactor.call_later(Duration::from_millis(1), move |_| {
        emptied.set(true);
        reading.set_nonblocking(true)?;
        while (&*reading).read(&mut [0; 4096]).is_ok_and(|n| n > 0) {}
        Ok::<_, io::Error>(())
    });

    run(&reactor);

    assert_eq!(success_result_of(writable), (true, ()));
}

fn a_descriptor_is_told_once_and_let_go(reactor: Reactor) {
    let (end, peer) = pair();
    (&peer).write_all(b"x").unwrap();
    let readable = reactor.readable(end.clone());
    assert_eq!(reactor.readers().len(), 1);
    stop_after_turns(&reactor, 3);

    run(&reactor);

    success_result_of(readable);
    assert!(reactor.readers().is_empty());
    assert_eq!(Rc::strong_count(&end), 1);
}

fn a_descriptor_can_be_awaited_again_and_again(reactor: Reactor) {
    let (end, peer) = pair();
    let there = reactor.clone();
    let read = reactor.spawn(async move {
        let mut read = Vec::new();
        for byte in *b"line" {
            (&peer).write_all(&[byte])?;
            there.readable(end.clone()).await?;
            let mut bytes = [0; 8];
            let n = (&*end).read(&mut bytes)?;
            read.extend_from_slice(&bytes[..n]);
        }
        there.stop()?;
        Ok(read)
    });

    run(&reactor);

    assert_eq!(success_result_of(read), b"line");
}

fn a_descriptor_can_be_awaited_for_both(reactor: Reactor) {
    let (end, peer) = pair();
    (&peer).write_all(b"x").unwrap();
    let readable = reactor.readable(end.clone());
    let writable = reactor.writable(end.clone());
    let both = stops(&reactor, deferred::gather([readable, writable]).map(drop));

    run(&reactor);

    success_result_of(both);
    assert_eq!(Rc::strong_count(&end), 1);
}

fn an_await_of_a_descriptor_that_is_cancelled_lets_it_go(reactor: Reactor) {
    let (end, _peer) = pair();
    let readable = reactor.readable(end.clone());
    let writable = reactor.writable(end.clone());

    readable.cancel();
    writable.cancel();

    failure_result_of::<CancelledError, _>(readable);
    failure_result_of::<CancelledError, _>(writable);
    assert!(reactor.readers().is_empty() && reactor.writers().is_empty());
    assert_eq!(Rc::strong_count(&end), 1);
}

fn an_await_of_a_descriptor_whose_future_is_dropped_lets_it_go(reactor: Reactor) {
    let (end, _peer) = pair();
    let readable = reactor.readable(end.clone());
    let task = reactor.spawn(async { readable.await });

    task.cancel();

    failure_result_of::<CancelledError, _>(task);
    assert!(reactor.readers().is_empty());
    assert_eq!(Rc::strong_count(&end), 1);
}

fn an_await_that_was_replaced_ends_and_leaves_the_other_alone(reactor: Reactor) {
    let (end, peer) = pair();
    let first = reactor.readable(end.clone());
    let second = stops(&reactor, reactor.readable(end));

    first.cancel();
    (&peer).write_all(b"x").unwrap();
    run(&reactor);

    failure_result_of::<Abandoned, _>(first);
    success_result_of(second);
}

fn an_await_of_a_descriptor_that_cannot_be_watched_fails(reactor: Reactor) {
    let file = File::open("/proc/self/status").or_else(|_| File::open("/dev/null"));
    let file = Rc::new(file.expect("it can be read"));

    let readable = reactor.readable(file.clone());

    // A system that tells of files says that they are ready, always.
    if readable.has_result() {
        failure_result_of::<io::Error, _>(readable);
        assert_eq!(Rc::strong_count(&file), 1);
    } else {
        let readable = stops(&reactor, readable);
        run(&reactor);
        success_result_of(readable);
    }
}

fn an_await_ends_with_the_error_of_the_writer_of_its_descriptor(reactor: Reactor) {
    let (end, _peer) = pair();
    let descriptor = end.try_clone().unwrap();
    let log = Log::default();
    let writer = End::sharing("writer", &log, &Rc::new(descriptor.into()));
    let writer = Rc::new(writer.on_write(|_, _| Err(Lost.into())));
    let readable = reactor.readable(Rc::new(Shared(Rc::clone(&writer))));
    reactor.add_writer(writer).unwrap();
    stop_after_turns(&reactor, 3);

    run(&reactor);

    failure_result_of::<Lost, _>(readable);
    log.assert(&["writer writes", "writer is lost"]);
}

fn an_await_ends_with_the_reason_when_the_reactor_stops(reactor: Reactor) {
    let (end, _peer) = pair();
    let readable = reactor.readable(end.clone());
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    let failure = failure_result_of::<ConnectionClosed, _>(readable);
    assert!(matches!(
        failure.check(),
        Some(ConnectionClosed::ReactorStopped)
    ));
    assert_eq!(Rc::strong_count(&end), 1);
}

fn a_coroutine_hears_that_the_reactor_stops(reactor: Reactor) {
    let (end, _peer) = pair();
    let there = reactor.clone();
    let told = reactor.spawn(async move {
        let told = there.readable(end).await;
        Ok(told.is_err_and(|failure| failure.check::<ConnectionClosed>().is_some()))
    });
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    assert!(success_result_of(told));
}

fn an_await_of_a_descriptor_fails_when_the_reactor_is_gone(reactor: Reactor) {
    let clone = reactor.clone();
    drop(reactor);
    let (end, _peer) = pair();

    let readable = clone.readable(end.clone());

    failure_result_of::<io::Error, _>(readable);
    assert_eq!(Rc::strong_count(&end), 1);
}

/// The descriptor of an end.
struct Shared(Rc<End>);

impl AsFd for Shared {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn pair() -> (Rc<UnixStream>, UnixStream) {
    let (end, peer) = UnixStream::pair().expect("there are descriptors left");
    end.set_nonblocking(true).expect("sockets have this mode");
    (Rc::new(end), peer)
}

/// Has the reactor stop when `deferred` has fired.
fn stops(reactor: &Reactor, deferred: Deferred<()>) -> Deferred<()> {
    let reactor = reactor.clone();
    deferred.add_callback(move |()| Ok(reactor.stop()?))
}

/// Where a call for [`LIMIT`] is left, the first wait of the reactor ends with that.
#[track_caller]
fn assert_no_call_is_left(reactor: &Reactor, time: &SimulatedTime) {
    reactor.call_later(2 * LIMIT, Reactor::stop);
    reactor.run().expect("the reactor runs");
    assert_eq!(time.waits().timeouts(), [Some(2 * LIMIT)]);
}
