//! The loop turned by hand, for a program whose own loop is another one.

mod common;

use std::cell::Cell;
use std::io;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::Duration;

use common::{BackendName, End, Log, Ownership, SimulatedTime, on_every_backend, run};
use deferred::Deferred;
use reactor::backend::{Backend, Event, Interest, Key};
use reactor::{ConnectionClosed, Reactor, ReactorError, Stopped, SystemEvent};

on_every_backend!(
    a_turn_without_a_limit_to_wait_runs_what_is_due_and_never_waits,
    a_turn_tells_descriptors_that_are_ready,
    the_first_turn_begins_a_run,
    the_turn_that_ends_the_run_says_so_once,
    a_turn_after_the_end_begins_another_run,
    a_reactor_that_is_turned_by_hand_can_be_stopped_from_outside,
    a_reactor_that_is_turned_by_hand_can_crash_from_outside,
    a_reactor_cannot_be_turned_from_its_own_callbacks,
    a_reactor_is_turned_from_a_callback_of_another_one,
    two_reactors_that_turn_each_other_do_not_get_mixed_up,
    a_reactor_cannot_be_run_between_turns,
    dropping_the_owner_between_turns_drops_everything,
    a_shutdown_that_waits_takes_several_turns,
    a_call_is_made_when_running_between_turns,
);

fn noting(log: &Log, what: &'static str) -> impl FnOnce(&Reactor) + 'static {
    let log = log.clone();
    move |_| log.note(what)
}

/// Makes a turn that does not wait.
#[track_caller]
fn turn(reactor: &Reactor) -> Option<Stopped> {
    reactor.iterate(Duration::ZERO).expect("it turns")
}

//
fn a_turn_without_a_limit_to_wait_runs_what_is_due_and_never_waits(on: BackendName) {
    let (reactor, waits) = on.recorded();
    let threads = reactor.extension::<Log>();
    let log = Log::default();
    reactor
        .remote_handle()
        .call_from_thread(|reactor| reactor.extension::<Log>().note("call of a thread"))
        .unwrap();
    reactor.call_later(Duration::ZERO, noting(&log, "due call"));
    reactor.call_later(Duration::from_secs(3600), noting(&log, "later call"));

    let stopped = turn(&reactor);

    assert_eq!(stopped, None);
    log.assert(&["due call"]);
    threads.assert(&["call of a thread"]);
    assert_eq!(waits.timeouts(), [Some(Duration::ZERO)]);
}

//
fn a_turn_tells_descriptors_that_are_ready(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    reactor
        .add_reader(Rc::new(
            end.on_read(|end, _| Ok(end.read_byte().map(drop)?)),
        ))
        .unwrap();

    turn(&reactor);
    turn(&reactor);

    log.assert(&["end reads"]);
}

fn the_first_turn_begins_a_run(reactor: Reactor) {
    let log = Log::default();
    reactor.before(SystemEvent::Startup, noting(&log, "before"));
    reactor.call_when_running(noting(&log, "started"));

    turn(&reactor);
    log.note(format!("running: {}", reactor.is_running()));
    turn(&reactor);

    log.assert(&["before", "started", "running: true"]);
}

fn the_turn_that_ends_the_run_says_so_once(reactor: Reactor) {
    let log = Log::default();
    reactor.after(SystemEvent::Shutdown, noting(&log, "ended"));
    reactor.call_later(Duration::ZERO, Reactor::stop);

    let stopped = turn(&reactor);
    let running = reactor.is_running();
    let next = turn(&reactor);

    assert_eq!(stopped, Some(Stopped::Asked));
    assert!(!running);
    assert_eq!(next, None);
    log.assert(&["ended"]);
}

fn a_turn_after_the_end_begins_another_run(reactor: Reactor) {
    let log = Log::default();
    for run in ["first run", "second run"] {
        reactor.during(SystemEvent::Startup, noting(&log, run));
        reactor.during(SystemEvent::Shutdown, noting(&log, "ended"));
        reactor.call_when_running(Reactor::stop);
        let stopped = turn(&reactor);
        assert_eq!(stopped, Some(Stopped::Asked));
    }

    reactor.call_when_running(Reactor::stop);
    let stopped = run(&reactor);

    assert_eq!(stopped, Stopped::Asked);
    log.assert(&["first run", "ended", "second run", "ended"]);
}

fn a_reactor_that_is_turned_by_hand_can_be_stopped_from_outside(reactor: Reactor) {
    let log = Log::default();
    reactor.after(SystemEvent::Shutdown, noting(&log, "ended"));
    turn(&reactor);

    reactor.stop().unwrap();
    log.note("told to stop");
    let stopped = turn(&reactor);

    assert_eq!(stopped, Some(Stopped::Asked));
    log.assert(&["told to stop", "ended"]);
}

//
fn a_reactor_that_is_turned_by_hand_can_crash_from_outside(reactor: Reactor) {
    let log = Log::default();
    reactor.before(SystemEvent::Shutdown, noting(&log, "never"));
    turn(&reactor);

    reactor.crash().unwrap();
    let stopped = turn(&reactor);

    assert_eq!(stopped, Some(Stopped::Crashed));
    assert!(!reactor.is_running());
    log.assert(&[]);
}

//
fn a_reactor_cannot_be_turned_from_its_own_callbacks(reactor: Reactor) {
    let log = Log::default();
    let tries = |reactor: &Reactor, log: &Log| {
        let turned = reactor.iterate(Duration::ZERO);
        log.note(format!("{turned:?}"));
    };
    let (end, _peer) = End::readable_pair("end", &log);
    let (in_read, in_loss) = (log.clone(), log.clone());
    let end = end.on_read(move |_, reactor| {
        tries(reactor, &in_read);
        Ok(reactor.stop()?)
    });
    let end = end.on_lost(move |reactor, _| tries(reactor, &in_loss));
    reactor.add_reader(Rc::new(end)).unwrap();
    let in_call = log.clone();
    reactor.call_later(Duration::ZERO, move |reactor| tries(reactor, &in_call));
    let in_trigger = log.clone();
    reactor.after(SystemEvent::Shutdown, move |reactor: &Reactor| {
        tries(reactor, &in_trigger);
    });

    run(&reactor);

    log.assert(&[
        "Err(AlreadyRunning)",
        "end reads",
        "Err(AlreadyRunning)",
        "end is lost",
        "Err(AlreadyRunning)",
        "Err(AlreadyRunning)",
    ]);
}

fn a_reactor_is_turned_from_a_callback_of_another_one(on: BackendName) {
    let (outer, inner) = (on.reactor(), on.reactor());
    let log = Log::default();
    let (end, _peer) = End::readable_pair("inner end", &log);
    inner
        .add_reader(Rc::new(end.on_read(|_, inner| Ok(inner.stop()?))))
        .unwrap();
    let noted = log.clone();
    outer.call_later(Duration::ZERO, move |outer| {
        while turn(&inner).is_none() {}
        noted.note("inner run is over");
        outer.stop()
    });

    run(&outer);

    log.assert(&["inner end reads", "inner end is lost", "inner run is over"]);
}

fn two_reactors_that_turn_each_other_do_not_get_mixed_up(on: BackendName) {
    let (outer, inner) = (on.reactor(), on.reactor());
    let log = Log::default();
    inner.call_later(Duration::ZERO, {
        let (outer, log) = (outer.clone(), log.clone());
        move |inner| {
            log.note(format!("outer: {:?}", outer.iterate(Duration::ZERO)));
            log.note(format!("inner: {:?}", inner.iterate(Duration::ZERO)));
            outer.stop()
        }
    });
    outer.call_later(Duration::ZERO, {
        let (inner, log) = (inner.clone(), log.clone());
        move |outer| {
            log.note(format!("{:?}", turn(&inner)));
            log.note(format!("inner runs: {}", inner.is_running()));
            log.note(format!("outer runs: {}", outer.is_running()));
        }
    });

    run(&outer);

    log.assert(&[
        "outer: Err(AlreadyRunning)",
        "inner: Err(AlreadyRunning)",
        "None",
        "inner runs: true",
        "outer runs: false",
    ]);
}

//
fn a_reactor_cannot_be_run_between_turns(reactor: Reactor) {
    turn(&reactor);

    let with_signals = reactor.run();
    let without = reactor.run_without_signals();

    assert!(matches!(with_signals, Err(ReactorError::AlreadyRunning)));
    assert!(matches!(without, Err(ReactorError::AlreadyRunning)));
    assert!(reactor.is_running());
    assert_eq!(turn(&reactor), None);
}

fn dropping_the_owner_between_turns_drops_everything(reactor: Reactor) {
    let log = Log::default();
    let clone = reactor.clone();
    let (end, _peer) = End::pair("end", &log);
    let end = end.on_lost({
        let log = log.clone();
        move |_, reason| {
            let stopped = reason.check::<ConnectionClosed>();
            log.note(format!("{stopped:?}"));
        }
    });
    reactor.add_reader(Rc::new(end)).unwrap();
    let owned: Vec<_> = (0..3).map(|_| Ownership::new()).collect();
    let (mut owned, ownerships): (Vec<_>, Vec<_>) = owned.into_iter().unzip();
    let mut keep = || {
        let kept = (owned.pop(), reactor.clone());
        move |_: &Reactor| drop(kept)
    };
    turn(&reactor);
    reactor.call_later(Duration::from_secs(3600), keep());
    reactor.during(SystemEvent::Shutdown, keep());
    reactor.before(SystemEvent::Custom("gale"), keep());

    drop(reactor);

    log.assert(&["end is lost", "Some(ReactorStopped)"]);
    assert!(ownerships.iter().all(Ownership::is_over));
    assert!(!clone.is_running());
    assert!(matches!(clone.run(), Err(ReactorError::Closed)));
}

fn a_shutdown_that_waits_takes_several_turns(reactor: Reactor) {
    let (firer, done) = Deferred::new();
    reactor.before(SystemEvent::Shutdown, move |_: &Reactor| done);
    reactor.call_when_running(Reactor::stop);

    let first = turn(&reactor);
    let second = turn(&reactor);
    firer.callback(());
    let timeout = reactor.timeout();
    let last = turn(&reactor);

    assert_eq!([first, second], [None, None]);
    assert_eq!(timeout, Some(Duration::ZERO));
    assert_eq!(last, Some(Stopped::Asked));
}

//
fn a_call_is_made_when_running_between_turns(reactor: Reactor) {
    let log = Log::default();
    turn(&reactor);

    let trigger = reactor.call_when_running(noting(&log, "called"));
    log.note("returned");

    assert!(trigger.is_none());
    log.assert(&["called", "returned"]);
}

//
#[test]
fn a_turn_waits_for_at_most_its_limit() {
    let (reactor, time) = SimulatedTime::reactor();
    let limit = Duration::from_millis(3);

    let without_calls = reactor.iterate(limit);
    reactor.call_later(Duration::from_millis(5), |_| ());
    let until_the_limit = reactor.iterate(limit);
    let until_the_call = reactor.iterate(limit);

    assert!(matches!(without_calls, Ok(None)));
    assert!(matches!(until_the_limit, Ok(None)));
    assert!(matches!(until_the_call, Ok(None)));
    let waited = [3, 3, 2].map(|millis| Some(Duration::from_millis(millis)));
    assert_eq!(time.waits().timeouts(), waited);
}

#[test]
fn a_call_that_is_due_after_a_turn_runs_in_the_next_one() {
    let (reactor, _time) = SimulatedTime::reactor();
    let log = Log::default();
    reactor.call_later(Duration::from_millis(2), noting(&log, "called"));

    reactor.iterate(Duration::from_millis(2)).unwrap();
    log.note("first turn is over");
    let timeout = reactor.timeout();
    reactor.iterate(Duration::ZERO).unwrap();

    assert_eq!(timeout, Some(Duration::ZERO));
    log.assert(&["first turn is over", "called"]);
}

#[test]
fn another_loop_learns_how_long_it_may_wait() {
    let (reactor, time) = SimulatedTime::reactor();
    turn(&reactor);

    let without_calls = reactor.timeout();
    reactor.call_later(Duration::from_millis(5), |_| ());
    time.pass(Duration::from_millis(2));
    let with_a_call = reactor.timeout();
    time.pass(Duration::from_millis(4));
    let too_late = reactor.timeout();

    assert_eq!(without_calls, None);
    assert_eq!(with_a_call, Some(Duration::from_millis(3)));
    assert_eq!(too_late, Some(Duration::ZERO));
}

/// A backend that fails the waits that it is told to fail.
#[derive(Clone, Default)]
struct Failing {
    fails: Rc<Cell<bool>>,
}

impl Backend for Failing {
    fn name(&self) -> &'static str {
        "failing"
    }

    fn register(&mut self, _: BorrowedFd<'_>, _: Key, _: Interest) -> io::Result<()> {
        Ok(())
    }

    fn modify(&mut self, _: BorrowedFd<'_>, _: Key, _: Interest) -> io::Result<()> {
        Ok(())
    }

    fn deregister(&mut self, _: BorrowedFd<'_>, _: Key) -> io::Result<()> {
        Ok(())
    }

    fn wait(&mut self, _: &mut Vec<Event>, _: Option<Duration>) -> io::Result<()> {
        match self.fails.get() {
            true => Err(io::Error::other("the rope has parted")),
            false => Ok(()),
        }
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

#[test]
fn a_wait_that_fails_ends_the_run_with_its_error() {
    let backend = Failing::default();
    let fails = Rc::clone(&backend.fails);
    let reactor = Reactor::with_backend(Box::new(backend)).unwrap();
    let log = Log::default();
    let (end, _peer) = End::pair("end", &log);
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.during(SystemEvent::Shutdown, noting(&log, "shutdown"));
    turn(&reactor);

    fails.set(true);
    let failed = reactor.iterate(Duration::ZERO);
    fails.set(false);

    assert!(matches!(failed, Err(ReactorError::Io(error)) if error.to_string().contains("rope")));
    log.assert(&["end is lost"]);
    assert!(!reactor.is_running());
}

#[test]
fn a_reactor_turns_again_after_a_wait_that_failed() {
    let backend = Failing::default();
    let fails = Rc::clone(&backend.fails);
    let reactor = Reactor::with_backend(Box::new(backend)).unwrap();
    let log = Log::default();
    fails.set(true);
    reactor.iterate(Duration::ZERO).unwrap_err();
    fails.set(false);

    reactor.call_when_running(noting(&log, "started"));
    let turned = turn(&reactor);

    assert_eq!(turned, None);
    log.assert(&["started"]);
}
