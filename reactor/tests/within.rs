//! What is asked of a reactor from within its callbacks, from what it drops, and when it is gone.

mod common;

use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use common::{End, Log, Ownership, Reports, Task, on_every_backend, run, stop_after_turns};
use deferred::{Deferred, Failure};
use reactor::{Descriptor, Reactor, ReactorError, ReadDescriptor, SystemEvent};

on_every_backend!(
    a_reactor_that_is_gone_is_not_turned,
    a_reactor_is_not_turned_while_its_owner_is_dropped,
    an_event_of_the_programs_own_leaves_what_the_callback_left_to_the_loop,
    what_was_to_be_done_after_a_startup_is_not_done_in_the_shutdown,
    a_descriptor_that_cannot_say_its_name_does_not_end_the_loop,
    a_panic_while_a_trigger_is_dropped_leaves_nothing_undropped,
    no_thread_is_that_of_a_reactor_that_is_gone,
);

const GALE: SystemEvent = SystemEvent::Custom("gale");

fn a_reactor_that_is_gone_is_not_turned(reactor: Reactor) {
    let handle = reactor.clone();
    drop(reactor);

    let turned = handle.iterate(Duration::ZERO);

    assert!(matches!(turned, Err(ReactorError::Closed)), "{turned:?}");
}

//
fn a_reactor_is_not_turned_while_its_owner_is_dropped(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::pair("end", &log);
    let turned = log.clone();
    let end = end.on_lost(move |reactor, _| {
        turned.note(format!("{:?}", reactor.iterate(Duration::ZERO)));
    });
    reactor.add_reader(Rc::new(end)).unwrap();

    drop(reactor);

    log.assert(&["end is lost", "Err(AlreadyRunning)"]);
}

fn an_event_of_the_programs_own_leaves_what_the_callback_left_to_the_loop(reactor: Reactor) {
    let log = Log::default();
    let noting = log.clone();
    reactor.during(GALE, |_| ());
    reactor.call_later(Duration::ZERO, move |reactor| {
        let job = noting.clone();
        reactor.after_callback(Task::new(move |_| job.note("the job")));
        reactor.fire_system_event(GALE);
        noting.note("the callback returns");
        reactor.stop()
    });

    run(&reactor);

    log.assert(&["the callback returns", "the job"]);
}

fn what_was_to_be_done_after_a_startup_is_not_done_in_the_shutdown(reactor: Reactor) {
    let log = Log::default();
    let (firer, prepared) = Deferred::<()>::new();
    reactor.before(SystemEvent::Startup, move |_| prepared);
    let noting = log.clone();
    reactor.call_when_running(move |_| noting.note("running"));
    reactor.before(SystemEvent::Shutdown, move |reactor| {
        firer.callback(());
        reactor.sleep(Duration::from_millis(1))
    });
    stop_after_turns(&reactor, 1);

    run(&reactor);

    log.assert(&[]);
}

/// A reader that stops the reactor, and whose name is not to be had.
struct Nameless(UnixStream);

impl AsFd for Nameless {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Descriptor for Nameless {
    fn connection_lost(self: Rc<Self>, _: &Reactor, _: Failure) {}

    fn log_prefix(&self) -> String {
        panic!("no name")
    }
}

impl ReadDescriptor for Nameless {
    fn do_read(self: Rc<Self>, reactor: &Reactor) -> Result<(), Failure> {
        Ok(reactor.stop()?)
    }
}

//
fn a_descriptor_that_cannot_say_its_name_does_not_end_the_loop(reactor: Reactor) {
    let reports = Reports::collected();
    let (ours, peer) = UnixStream::pair().unwrap();
    // Its end is something to read.
    drop(peer);
    reactor.add_reader(Rc::new(Nameless(ours))).unwrap();
    reactor.watch_callbacks(Duration::ZERO, |_| ());

    run(&reactor);

    // It was asked when it had read, and before it was told of its end.
    let headlines: Vec<_> = reports.taken().into_iter().map(|report| report.0).collect();
    assert_eq!(headlines, ["Unhandled error in log_prefix"; 2]);
}

fn a_panic_while_a_trigger_is_dropped_leaves_nothing_undropped(reactor: Reactor) {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("no muse");
        }
    }
    let _reports = Reports::collected();
    let bomb = Bomb;
    reactor.before(GALE, move |_| drop(bomb));
    let (owned, ownership) = Ownership::new();
    let kept = (owned, reactor.clone());
    reactor.during(GALE, move |_| drop(kept));

    drop(reactor);

    assert!(ownership.is_over());
}

fn no_thread_is_that_of_a_reactor_that_is_gone(reactor: Reactor) {
    let handle = reactor.remote_handle();
    reactor.iterate(Duration::ZERO).unwrap();

    drop(reactor);

    assert!(!handle.is_in_reactor_thread());
}
