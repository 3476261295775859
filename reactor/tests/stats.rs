//! What a loop has done, and which callback held it up; most of it in simulated time.

mod common;

use std::cell::{Cell, RefCell};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use common::{
    BackendName, End, Log, Ownership, Reports, SimulatedTime, Task, on_every_backend, run,
    stop_after_turns,
};
use deferred::Failure;
use reactor::{Descriptor, Reactor, ReadDescriptor, SlowCallback, Stats, SystemEvent};

on_every_backend!(
    events_count_each_descriptor_as_often_as_it_was_ready,
    a_slow_callback_of_a_descriptor_has_its_name,
    a_slow_end_of_a_connection_has_the_name_of_its_descriptor,
    calls_from_threads_are_counted,
    a_reactor_that_never_ran_has_done_nothing,
);

/// `n` milliseconds.
const fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// A reactor in simulated time whose slow callbacks are noted.
fn watched(threshold: Duration) -> (Reactor, SimulatedTime, Slow) {
    let (reactor, time) = SimulatedTime::reactor();
    let slow = Slow::default();
    reactor.watch_callbacks(threshold, slow.hook());
    (reactor, time, slow)
}

/// The callbacks that a hook was told of; clones share them.
#[derive(Clone, Default)]
struct Slow(Rc<RefCell<Vec<SlowCallback>>>);

impl Slow {
    fn hook(&self) -> impl Fn(&SlowCallback) + 'static {
        let slow = self.clone();
        move |callback| slow.0.borrow_mut().push(callback.clone())
    }

    fn taken(&self) -> Vec<SlowCallback> {
        self.0.take()
    }

    #[track_caller]
    fn only_one(&self) -> SlowCallback {
        let mut slow = self.taken();
        assert_eq!(slow.len(), 1, "{slow:?}");
        slow.remove(0)
    }
}

/// Runs the reactor in simulated time until it has stopped.
fn run_simulated(reactor: &Reactor) -> Stats {
    reactor.run_without_signals().expect("something stops it");
    reactor.stats()
}

/// A callback that takes this long.
fn taking(time: &SimulatedTime, long: Duration) -> impl FnOnce(&Reactor) + 'static {
    let time = time.clone();
    move |_| time.pass(long)
}

fn a_reactor_that_never_ran_has_done_nothing(reactor: Reactor) {
    let stats = reactor.stats();

    assert_eq!(stats, Stats::default());
    assert_eq!(stats.idle_share(), None);
}

#[test]
fn turns_and_delayed_calls_are_counted() {
    let (reactor, _time) = SimulatedTime::reactor();
    reactor.call_later(ms(1), |_| ());
    reactor.call_later(ms(1), |_| ());
    reactor.call_later(ms(2), Reactor::stop);
    reactor.call_later(ms(9), |_| ());

    let stats = run_simulated(&reactor);

    assert_eq!(stats.turns, 3);
    assert_eq!(stats.delayed_calls, 3);
    assert_eq!(stats.events, 0);
    assert_eq!(stats.calls_from_threads, 0);
}

#[test]
fn stats_go_on_from_run_to_run() {
    let (reactor, _time) = SimulatedTime::reactor();
    for _ in 0..2 {
        reactor.call_later(ms(1), Reactor::stop);
        run_simulated(&reactor);
    }

    let stats = reactor.stats();

    assert_eq!((stats.turns, stats.delayed_calls), (4, 2));
}

#[test]
fn a_call_that_was_cancelled_is_not_counted() {
    let (reactor, _time) = SimulatedTime::reactor();
    reactor.call_later(ms(1), |_| ()).cancel().unwrap();
    reactor.call_later(ms(2), Reactor::stop);

    let stats = run_simulated(&reactor);

    assert_eq!(stats.delayed_calls, 1);
}

#[test]
fn a_call_that_fails_is_counted() {
    let reports = Reports::collected();
    let (reactor, _time) = SimulatedTime::reactor();
    reactor.call_later(ms(1), |_| Err(common::Lost));
    reactor.call_later(ms(2), Reactor::stop);

    let stats = run_simulated(&reactor);

    assert_eq!(stats.delayed_calls, 2);
    reports.only_one();
}

fn calls_from_threads_are_counted(reactor: Reactor) {
    let remote = reactor.remote_handle();
    for _ in 0..3 {
        remote.call_from_thread(|_| ()).unwrap();
    }
    remote.stop().unwrap();

    run(&reactor);

    assert_eq!(reactor.stats().calls_from_threads, 4);
}

fn events_count_each_descriptor_as_often_as_it_was_ready(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let read = Cell::new(0);
    let end = end.on_read(move |end, reactor| {
        read.set(read.get() + 1);
        if read.get() == 3 {
            end.read_byte()?;
            reactor.stop()?;
        }
        Ok(())
    });
    reactor.add_reader(Rc::new(end)).unwrap();

    run(&reactor);

    assert_eq!(log.count("end reads"), 3);
    assert_eq!(reactor.stats().events, 3);
}

#[test]
fn a_slow_job_has_the_place_that_left_it() {
    let (reactor, time, slow) = watched(ms(5));
    let slow_job = Task::new(move |_| time.pass(ms(5)));
    let place = format!("a job, left at {}:{}:", file!(), line!() + 1);
    reactor.next_turn(slow_job);
    reactor.call_later(ms(10), Reactor::stop);

    run_simulated(&reactor);

    let slow = slow.only_one();
    assert!(slow.what.starts_with(&place), "{slow}");
}

#[test]
fn the_lag_is_that_of_the_latest_call() {
    let (reactor, time) = SimulatedTime::reactor();
    reactor.call_later(ms(1), taking(&time, ms(10)));
    reactor.call_later(ms(3), |_| ());
    reactor.call_later(ms(7), |_| ());
    reactor.call_later(ms(20), Reactor::stop);

    let stats = run_simulated(&reactor);

    assert_eq!(stats.lag, ms(8));
}

#[test]
fn calls_that_come_in_time_have_no_lag() {
    let (reactor, time) = SimulatedTime::reactor();
    reactor.call_later(ms(1), taking(&time, ms(2)));
    reactor.call_later(ms(3), Reactor::stop);

    let stats = run_simulated(&reactor);

    assert_eq!(stats.lag, Duration::ZERO);
}

#[test]
fn nothing_is_measured_unless_it_is_watched() {
    let (reactor, time) = SimulatedTime::reactor();
    reactor.call_later(ms(1), taking(&time, ms(10)));
    reactor.call_later(ms(20), Reactor::stop);

    let stats = run_simulated(&reactor);

    assert_eq!((stats.busy, stats.idle), (Duration::ZERO, Duration::ZERO));
    assert_eq!(stats.longest, None);
    assert_eq!(stats.idle_share(), None);
}

#[test]
fn time_that_is_watched_is_busy_or_idle() {
    let (reactor, time, _slow) = watched(ms(200));
    reactor.call_later(ms(10), taking(&time, ms(30)));
    reactor.call_later(ms(40), taking(&time, ms(20)));
    reactor.call_later(ms(100), Reactor::stop);

    let stats = run_simulated(&reactor);

    assert_eq!(stats.busy, ms(50));
    assert_eq!(stats.idle, ms(50));
    assert_eq!(stats.idle_share(), Some(0.5));
}

#[test]
fn a_callback_that_takes_the_threshold_or_longer_is_told() {
    let (reactor, time, slow) = watched(ms(5));
    for long in [4, 5, 6] {
        reactor.call_later(ms(1), taking(&time, ms(long)));
    }
    reactor.call_later(ms(100), Reactor::stop);

    run_simulated(&reactor);

    let took: Vec<_> = slow.taken().iter().map(|slow| slow.took).collect();
    assert_eq!(took, [ms(5), ms(6)]);
}

#[test]
fn the_longest_callback_is_kept_though_it_was_not_slow() {
    let (reactor, time, slow) = watched(ms(100));
    let line = line!() + 3;
    for long in [4, 6, 6, 2] {
        let takes_long = taking(&time, ms(long));
        reactor.call_later(ms(long), takes_long);
    }
    reactor.call_later(ms(100), Reactor::stop);

    let stats = run_simulated(&reactor);

    let longest = stats.longest.unwrap();
    assert_eq!(longest.took, ms(6));
    let place = format!("a delayed call made at {}:{line}:", file!());
    assert!(longest.what.starts_with(&place), "{longest}");
    assert!(slow.taken().is_empty());
}

#[test]
fn a_slow_delayed_call_has_the_place_where_it_was_made() {
    let (reactor, time, slow) = watched(ms(5));
    let takes_long = taking(&time, ms(7));
    let line = line!() + 1;
    reactor.call_later(ms(1), takes_long);
    reactor.call_later(ms(100), Reactor::stop);

    run_simulated(&reactor);

    let slow = slow.only_one();
    let place = format!("a delayed call made at {}:{line}:", file!());
    assert!(slow.what.starts_with(&place), "{slow}");
    let told = slow.to_string();
    assert!(told.ends_with(" held up the loop for 7ms"), "{told}");
}

#[test]
fn a_slow_trigger_has_the_place_where_it_was_added() {
    let (reactor, time, slow) = watched(ms(5));
    let takes_long = taking(&time, ms(7));
    let line = line!() + 1;
    reactor.before(SystemEvent::Shutdown, takes_long);
    reactor.call_when_running(Reactor::stop);

    run_simulated(&reactor);

    let slow = slow.only_one();
    let place = format!("a trigger before shutdown, added at {}:{line}:", file!());
    assert!(slow.what.starts_with(&place), "{slow}");
}

#[test]
fn a_slow_call_made_when_running_has_the_place_where_it_was_made() {
    let (reactor, time, slow) = watched(ms(5));
    let takes_long = taking(&time, ms(7));
    let line = line!() + 1;
    reactor.call_when_running(takes_long);
    reactor.call_when_running(Reactor::stop);

    run_simulated(&reactor);

    let slow = slow.only_one();
    let place = format!("a trigger after startup, added at {}:{line}:", file!());
    assert!(slow.what.starts_with(&place), "{slow}");
}

#[test]
fn a_slow_job_is_told() {
    let (reactor, time, slow) = watched(ms(5));
    let passing = time.clone();
    reactor.next_turn(Task::new(move |_| passing.pass(ms(7))));
    stop_after_turns(&reactor, 2);

    run_simulated(&reactor);

    assert_eq!(slow.only_one().took, ms(7));
}

#[test]
fn a_callback_that_panics_is_measured() {
    let reports = Reports::collected();
    let (reactor, time, slow) = watched(ms(5));
    reactor.call_later(ms(1), move |_| {
        time.pass(ms(7));
        assert!(time.waits().count() == 0, "it has waited");
    });
    reactor.call_later(ms(100), Reactor::stop);

    run_simulated(&reactor);

    assert_eq!(slow.only_one().took, ms(7));
    reports.only_one();
}

#[test]
fn the_loop_goes_on_though_the_hook_panics() {
    let reports = Reports::collected();
    let (reactor, time) = SimulatedTime::reactor();
    reactor.watch_callbacks(ms(5), |_| panic!("a wave"));
    let log = Log::default();
    let noted = log.clone();
    reactor.call_later(ms(1), taking(&time, ms(7)));
    reactor.call_later(ms(20), move |reactor| {
        noted.note("goes on");
        reactor.stop()
    });

    let stats = run_simulated(&reactor);

    let (headline, _) = reports.only_one();
    assert_eq!(headline, "Unhandled error in the hook for slow callbacks");
    assert_eq!(stats.busy, ms(7));
    log.assert(&["goes on"]);
}

#[test]
fn the_hook_is_not_measured() {
    let (reactor, time) = SimulatedTime::reactor();
    let passing = time.clone();
    reactor.watch_callbacks(ms(5), move |_| passing.pass(ms(50)));
    reactor.call_later(ms(1), taking(&time, ms(7)));
    reactor.call_later(ms(100), Reactor::stop);

    let stats = run_simulated(&reactor);

    assert_eq!(stats.busy, ms(7));
    assert_eq!(stats.longest.unwrap().took, ms(7));
}

#[test]
fn a_hook_may_end_the_watch_and_is_dropped_then() {
    let (reactor, time) = SimulatedTime::reactor();
    let (owned, ownership) = Ownership::new();
    let (told, watched) = (Log::default(), reactor.clone());
    let log = told.clone();
    reactor.watch_callbacks(ms(5), move |_| {
        let _owned = &owned;
        watched.unwatch_callbacks();
        log.note("told");
    });
    reactor.call_later(ms(1), taking(&time, ms(7)));
    reactor.call_later(ms(2), taking(&time, ms(7)));
    reactor.call_later(ms(100), Reactor::stop);

    let stats = run_simulated(&reactor);

    told.assert(&["told"]);
    assert_eq!(stats.busy, ms(7));
    assert!(ownership.is_over());
}

#[test]
fn a_hook_may_put_another_one_in_its_place() {
    let (reactor, time) = SimulatedTime::reactor();
    let slow = Slow::default();
    let (second, watched) = (slow.clone(), reactor.clone());
    reactor.watch_callbacks(ms(5), move |_| {
        watched.watch_callbacks(ms(9), second.hook())
    });
    for long in [7, 8, 9] {
        reactor.call_later(ms(long), taking(&time, ms(long)));
    }
    reactor.call_later(ms(100), Reactor::stop);

    run_simulated(&reactor);

    assert_eq!(slow.only_one().took, ms(9));
}

#[test]
fn a_watch_may_begin_and_end_in_callbacks() {
    let (reactor, time) = SimulatedTime::reactor();
    let slow = Slow::default();
    let hook = slow.hook();
    reactor.call_later(ms(10), taking(&time, ms(10)));
    reactor.call_later(ms(30), move |reactor| reactor.watch_callbacks(ms(5), hook));
    reactor.call_later(ms(40), taking(&time, ms(7)));
    reactor.call_later(ms(50), Reactor::unwatch_callbacks);
    reactor.call_later(ms(60), taking(&time, ms(10)));
    reactor.call_later(ms(90), Reactor::stop);

    let stats = run_simulated(&reactor);

    assert_eq!(slow.only_one().took, ms(7));
    assert_eq!(stats.busy, ms(7));
    assert_eq!(stats.idle, ms(20) - ms(7));
}

#[test]
fn a_hook_is_dropped_with_the_watch_or_the_reactor() {
    let (reactor, _time) = SimulatedTime::reactor();
    let clone = reactor.clone();
    let hooks = [0, 1, 2].map(|_| Ownership::new());
    let [first, second, third] = hooks.map(|(owned, ownership)| {
        let kept = (owned, reactor.clone());
        let hook = move |_: &SlowCallback| {
            let _kept = &kept;
        };
        (hook, ownership)
    });

    reactor.watch_callbacks(ms(1), first.0);
    reactor.watch_callbacks(ms(1), second.0);
    let replaced = (first.1.is_over(), second.1.is_over());
    reactor.unwatch_callbacks();
    let unwatched = second.1.is_over();
    reactor.watch_callbacks(ms(1), third.0);
    drop(reactor);

    assert_eq!(replaced, (true, false));
    assert!(unwatched);
    assert!(third.1.is_over());
    drop(clone);
}

/// A reader with a name of its own.
struct Named(UnixStream);

impl AsFd for Named {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Descriptor for Named {
    fn connection_lost(self: Rc<Self>, _: &Reactor, _: Failure) {}

    fn log_prefix(&self) -> String {
        "the ferry".to_owned()
    }
}

impl ReadDescriptor for Named {
    fn do_read(self: Rc<Self>, reactor: &Reactor) -> Result<(), Failure> {
        Ok(reactor.stop()?)
    }
}

fn a_slow_callback_of_a_descriptor_has_its_name(on: BackendName) {
    let reactor = on.reactor();
    let (ours, peer) = UnixStream::pair().unwrap();
    std::io::Write::write_all(&mut &peer, b"x").unwrap();
    reactor.add_reader(Rc::new(Named(ours))).unwrap();
    let slow = Slow::default();
    reactor.watch_callbacks(Duration::ZERO, slow.hook());

    run(&reactor);

    let slow = slow.taken();
    let what: Vec<_> = slow.iter().map(|slow| slow.what.as_str()).collect();
    assert!(what.contains(&"do_read of the ferry"), "{what:?}");
}

fn a_slow_end_of_a_connection_has_the_name_of_its_descriptor(on: BackendName) {
    let reactor = on.reactor();
    let (ours, _peer) = UnixStream::pair().unwrap();
    reactor.add_reader(Rc::new(Named(ours))).unwrap();
    let slow = Slow::default();
    reactor.watch_callbacks(Duration::ZERO, slow.hook());
    reactor.call_when_running(Reactor::stop);

    // It is told when the run ends, and nothing else has it.
    run(&reactor);

    let slow = slow.taken();
    let what: Vec<_> = slow.iter().map(|slow| slow.what.as_str()).collect();
    assert!(what.contains(&"connection_lost of the ferry"), "{what:?}");
}
