//! A reactor inside another loop, which waits for it: a bare `poll`, or another reactor.

mod common;

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use common::{BackendName, End, LIMIT, Log, on_every_backend, run};
use deferred::Failure;
use reactor::{Reactor, Stopped};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

on_every_backend!(
    a_bare_poll_is_woken_when_a_descriptor_is_ready,
    a_bare_poll_is_woken_by_a_call_from_a_thread,
    a_bare_poll_is_not_woken_by_a_descriptor_that_is_not_ready,
    a_delayed_call_runs_when_the_timeout_of_its_reactor_has_passed,
    a_delayed_call_made_between_two_turns_shortens_the_timeout,
    what_is_left_for_the_next_turn_is_not_waited_for,
    a_call_from_a_thread_that_has_come_is_not_waited_for,
    a_reactor_with_nothing_to_do_may_be_waited_for_for_ever,
    the_descriptor_is_one_of_the_callers_own,
    there_is_no_descriptor_while_a_file_is_watched,
    a_reactor_inside_another_one_is_woken_when_a_descriptor_is_ready,
    a_reactor_inside_another_one_is_woken_by_a_call_from_a_thread,
    the_delayed_calls_of_a_reactor_inside_another_one_run,
);

fn a_bare_poll_is_woken_when_a_descriptor_is_ready(reactor: Reactor) {
    let Some(descriptor) = descriptor_of(&reactor) else {
        return;
    };
    let log = Log::default();
    let (end, mut peer) = End::pair("end", &log);
    let end = end.on_read(|end, reactor| {
        end.read_byte()?;
        reactor.call_later(Duration::ZERO, Reactor::stop);
        Ok(())
    });
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.iterate(Duration::ZERO).unwrap();
    let before = is_readable(&descriptor, Some(Duration::ZERO));

    peer.write_all(b"x").unwrap();

    assert!(!before);
    assert!(is_readable(&descriptor, Some(LIMIT)));
    assert_eq!(turn_until_stopped(&reactor, &descriptor), Stopped::Asked);
    log.assert(&["end reads", "end is lost"]);
}

fn a_bare_poll_is_woken_by_a_call_from_a_thread(reactor: Reactor) {
    let Some(descriptor) = descriptor_of(&reactor) else {
        return;
    };
    reactor.iterate(Duration::ZERO).unwrap();
    let before = is_readable(&descriptor, Some(Duration::ZERO));
    let remote = reactor.remote_handle();

    let other = thread::spawn(move || remote.stop().unwrap());

    assert!(!before);
    assert!(is_readable(&descriptor, Some(LIMIT)));
    assert_eq!(turn_until_stopped(&reactor, &descriptor), Stopped::Asked);
    other.join().unwrap();
}

fn a_bare_poll_is_not_woken_by_a_descriptor_that_is_not_ready(reactor: Reactor) {
    let Some(descriptor) = descriptor_of(&reactor) else {
        return;
    };
    let (reader, _peer) = End::pair("reader", &Log::default());
    let (writer, _other_peer) = End::pair("writer", &Log::default());
    let writer = Rc::new(writer);
    reactor.add_reader(Rc::new(reader)).unwrap();
    reactor.add_writer(writer.clone()).unwrap();
    let while_one_is_ready = is_readable(&descriptor, Some(Duration::ZERO));

    reactor.remove_writer(&*writer);

    assert!(while_one_is_ready);
    assert!(!is_readable(&descriptor, Some(Duration::ZERO)));
}

fn a_delayed_call_runs_when_the_timeout_of_its_reactor_has_passed(reactor: Reactor) {
    let Some(descriptor) = descriptor_of(&reactor) else {
        return;
    };
    let delay = Duration::from_millis(5);
    let began = Instant::now();
    let late = Rc::new(Cell::new(Duration::ZERO));
    let noting = Rc::clone(&late);
    reactor.call_later(delay, move |reactor| {
        noting.set(began.elapsed());
        reactor.call_later(Duration::ZERO, Reactor::stop);
    });

    let stopped = turn_until_stopped(&reactor, &descriptor);

    assert_eq!(stopped, Stopped::Asked);
    assert!(late.get() >= delay);
    // One turn to begin, one for each of the calls, and one for which it was woken up too early, if any.
    let turns = reactor.stats().turns;
    assert!(turns <= 5, "{turns}");
}

fn a_delayed_call_made_between_two_turns_shortens_the_timeout(reactor: Reactor) {
    reactor.iterate(Duration::ZERO).unwrap();
    reactor.call_later(Duration::from_secs(60), Reactor::stop);
    let before = reactor.timeout().unwrap();
    let soon = Duration::from_secs(1);

    let call = reactor.call_later(soon, |_| ());

    assert!(before > soon);
    assert!(reactor.timeout().unwrap() <= soon);
    call.cancel().unwrap();
    assert!(reactor.timeout().unwrap() > soon);
}

fn what_is_left_for_the_next_turn_is_not_waited_for(reactor: Reactor) {
    reactor.iterate(Duration::ZERO).unwrap();

    reactor.next_turn(common::Task::new(|_| ()));

    assert_eq!(reactor.timeout(), Some(Duration::ZERO));
    reactor.iterate(Duration::ZERO).unwrap();
    assert_eq!(reactor.timeout(), None);
}

fn a_call_from_a_thread_that_has_come_is_not_waited_for(reactor: Reactor) {
    reactor.iterate(Duration::ZERO).unwrap();

    let remote = reactor.remote_handle();
    remote.call_from_thread(|_| ()).unwrap();

    assert_eq!(reactor.timeout(), Some(Duration::ZERO));
    reactor.iterate(Duration::ZERO).unwrap();
    assert_eq!(reactor.timeout(), None);
}

fn a_reactor_with_nothing_to_do_may_be_waited_for_for_ever(reactor: Reactor) {
    let (end, _peer) = End::pair("end", &Log::default());
    reactor.add_reader(Rc::new(end)).unwrap();

    reactor.iterate(Duration::ZERO).unwrap();

    assert_eq!(reactor.timeout(), None);
}

fn the_descriptor_is_one_of_the_callers_own(reactor: Reactor) {
    let (Some(one), Some(other)) = (descriptor_of(&reactor), descriptor_of(&reactor)) else {
        return;
    };

    assert_ne!(one.as_raw_fd(), other.as_raw_fd());
    drop(one);

    reactor.call_when_running(Reactor::stop);
    assert_eq!(run(&reactor), Stopped::Asked);
    drop(reactor);
    assert!(rustix::io::fcntl_getfd(&other).is_ok());
}

fn there_is_no_descriptor_while_a_file_is_watched(reactor: Reactor) {
    let before = descriptor_of(&reactor).is_some();
    let file = File::open("Cargo.toml").unwrap();
    let file = Rc::new(End::new("file", &Log::default(), file));
    reactor.add_reader(file.clone()).unwrap();

    let meanwhile = reactor.descriptor().unwrap().is_some();

    reactor.remove_reader(&*file);
    assert!(!meanwhile);
    assert_eq!(reactor.descriptor().unwrap().is_some(), before);
}

fn a_reactor_inside_another_one_is_woken_when_a_descriptor_is_ready(on: BackendName) {
    let log = Log::default();
    let (end, mut peer) = End::pair("end", &log);
    let end = end.on_read(|end, reactor| {
        end.read_byte()?;
        reactor.call_later(Duration::ZERO, Reactor::stop);
        Ok(())
    });
    let inner = on.reactor();
    inner.add_reader(Rc::new(end)).unwrap();

    let stopped = run_inside_another_one(on, inner, move |_| peer.write_all(b"x"));

    if let Some(stopped) = stopped {
        assert_eq!(stopped, Stopped::Asked);
        log.assert(&["end reads", "end is lost"]);
    }
}

fn a_reactor_inside_another_one_is_woken_by_a_call_from_a_thread(on: BackendName) {
    let inner = on.reactor();
    let remote = inner.remote_handle();

    let stopped = run_inside_another_one(on, inner, move |_| {
        thread::spawn(move || remote.stop());
    });

    assert!(stopped.is_none_or(|stopped| stopped == Stopped::Asked));
}

fn the_delayed_calls_of_a_reactor_inside_another_one_run(on: BackendName) {
    let log = Log::default();
    let inner = on.reactor();
    for (delay, name) in [(4, "second"), (2, "first")] {
        let log = log.clone();
        inner.call_later(Duration::from_millis(delay), move |_| log.note(name));
    }
    inner.call_later(Duration::from_millis(6), Reactor::stop);

    let stopped = run_inside_another_one(on, inner, |_| ());

    if let Some(stopped) = stopped {
        assert_eq!(stopped, Stopped::Asked);
        log.assert(&["first", "second"]);
    }
}

/// Runs `inner` by another reactor on the same backend, which does this as well once it runs.
///
/// Says how the run of `inner` ended; nothing if it cannot be waited for.
#[track_caller]
fn run_inside_another_one<R: reactor::CallResult + 'static>(
    on: BackendName,
    inner: Reactor,
    then: impl FnOnce(&Reactor) -> R + 'static,
) -> Option<Stopped> {
    let descriptor = descriptor_of(&inner)?;
    let embedded = Rc::new(Embedded {
        inner,
        timer: RefCell::default(),
        stopped: Cell::new(None),
    });
    let outer = on.reactor();
    let turning = Rc::clone(&embedded);
    let end =
        End::new("inner", &Log::default(), descriptor).on_read(move |_, outer| turning.turn(outer));
    outer.add_reader(Rc::new(end)).unwrap();
    let turning = Rc::clone(&embedded);
    outer.call_when_running(move |outer| turning.turn(outer));
    outer.call_when_running(then);

    run(&outer);

    embedded.stopped.get()
}

/// A reactor that another one runs.
struct Embedded {
    inner: Reactor,
    timer: RefCell<Option<reactor::DelayedCall>>,
    stopped: Cell<Option<Stopped>>,
}

impl Embedded {
    /// Has the inner one make a turn, and the outer one come back when the next is due.
    fn turn(self: &Rc<Self>, outer: &Reactor) -> Result<(), Failure> {
        if let Some(stopped) = self.inner.iterate(Duration::ZERO)? {
            self.stopped.set(Some(stopped));
            return Ok(outer.stop()?);
        }
        let next = self.inner.timeout().map(|timeout| {
            let again = Rc::clone(self);
            outer.call_later(timeout, move |outer| again.turn(outer))
        });
        if let Some(old) = self.timer.replace(next) {
            // It has run if it is what has come to this turn.
            let _ = old.cancel();
        }
        Ok(())
    }
}

/// Makes turns, and waits for each with a bare `poll`, as long as the reactor says.
#[track_caller]
fn turn_until_stopped(reactor: &Reactor, descriptor: &OwnedFd) -> Stopped {
    let begun = Instant::now();
    loop {
        if let Some(stopped) = reactor.iterate(Duration::ZERO).unwrap() {
            return stopped;
        }
        assert!(begun.elapsed() < LIMIT, "nothing stopped the reactor");
        is_readable(descriptor, Some(reactor.timeout().unwrap_or(LIMIT)));
    }
}

/// The descriptor that another loop waits on; on a backend that has none, the test is over.
#[track_caller]
fn descriptor_of(reactor: &Reactor) -> Option<OwnedFd> {
    let descriptor = reactor.descriptor().expect("there are descriptors left");
    if descriptor.is_none() {
        let name = reactor.backend_name();
        assert!(["poll", "select"].contains(&name), "{name} has none");
        eprintln!("skipped: the backend {name} has no descriptor to wait for");
    }
    descriptor
}

fn is_readable(descriptor: &impl AsFd, timeout: Option<Duration>) -> bool {
    let mut list = [PollFd::new(descriptor, PollFlags::IN)];
    let timeout = timeout.map(|timeout| Timespec::try_from(timeout).expect("it is short"));
    poll(&mut list, timeout.as_ref()).unwrap() == 1
}
