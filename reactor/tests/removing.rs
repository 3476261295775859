//! Removing all descriptors at once, and those that have removed themselves before they fail.

mod common;

use std::cell::Cell;
use std::io::Write;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::thread;

use common::{End, Log, Lost, Reports, on_every_backend, run, run_without_calls, stop_after_turns};
use deferred::{Failure, Panicked};
use reactor::{Reactor, Stopped};

on_every_backend!(
    remove_all_gives_each_object_back_once,
    remove_all_gives_back_both_objects_of_one_descriptor,
    nobody_is_told_anything_after_remove_all,
    what_is_ready_in_the_turn_of_remove_all_is_not_told,
    wake_ups_work_after_remove_all,
    a_second_remove_all_gives_nothing_back,
    what_remove_all_gave_back_can_be_added_again,
    a_reader_that_removes_itself_and_fails_is_told_if_it_is_alive,
    a_writer_that_removes_itself_and_fails_is_told_if_it_is_alive,
    a_reader_that_removes_itself_and_panics_is_told_if_it_is_alive,
    the_error_of_a_reader_that_is_gone_is_reported,
    the_error_of_a_writer_that_is_gone_is_reported,
    a_reader_that_removed_itself_and_fails_is_told_together_with_its_twin,
    a_writer_that_removed_itself_and_fails_is_told_together_with_its_twin,
    the_error_of_a_reader_that_is_gone_is_told_to_its_twin,
    a_reader_that_removes_itself_leaves_its_twin_alone,
);

//
fn remove_all_gives_each_object_back_once(reactor: Reactor) {
    let log = Log::default();
    let mut ends = Vec::new();
    let mut peers = Vec::new();
    for (reads, writes) in [(true, true), (true, false), (false, true)] {
        let (end, peer) = End::pair("end", &log);
        let end = Rc::new(end);
        if reads {
            reactor.add_reader(end.clone()).unwrap();
        }
        if writes {
            reactor.add_writer(end.clone()).unwrap();
        }
        ends.push(end);
        peers.push(peer);
    }

    let removed = reactor.remove_all();

    let mut numbers: Vec<_> = removed.iter().map(|it| it.as_fd().as_raw_fd()).collect();
    let mut expected: Vec<_> = ends.iter().map(|it| it.as_fd().as_raw_fd()).collect();
    numbers.sort_unstable();
    expected.sort_unstable();
    assert_eq!(numbers, expected);
    assert!(reactor.readers().is_empty() && reactor.writers().is_empty());
}

//
fn remove_all_gives_back_both_objects_of_one_descriptor(reactor: Reactor) {
    let log = Log::default();
    let (socket, _peer) = UnixStream::pair().unwrap();
    let socket = Rc::new(socket.into());
    let reader = Rc::new(End::sharing("reader", &log, &socket));
    let writer = Rc::new(End::sharing("writer", &log, &socket));
    reactor.add_reader(reader.clone()).unwrap();
    reactor.add_writer(writer.clone()).unwrap();

    let removed = reactor.remove_all();

    assert_eq!(removed.len(), 2);
    drop(removed);
    let owners = [&reader, &writer].map(Rc::strong_count);
    assert_eq!(owners, [1, 1]);
}

//
fn nobody_is_told_anything_after_remove_all(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let end = Rc::new(end);
    reactor.add_reader(end.clone()).unwrap();
    reactor.add_writer(end).unwrap();

    let removed = reactor.remove_all();

    stop_after_turns(&reactor, 3);
    run(&reactor);
    assert_eq!(removed.len(), 1);
    log.assert(&[]);
}

//
fn what_is_ready_in_the_turn_of_remove_all_is_not_told(reactor: Reactor) {
    let log = Log::default();
    let mut peers = Vec::new();
    for _ in 0..3 {
        let (end, peer) = End::readable_pair("one", &log);
        let end = end.on_read(|_, reactor| {
            drop(reactor.remove_all());
            Ok(())
        });
        reactor.add_reader(Rc::new(end)).unwrap();
        peers.push(peer);
    }
    stop_after_turns(&reactor, 2);

    run(&reactor);

    log.assert(&["one reads"]);
}

//
fn wake_ups_work_after_remove_all(reactor: Reactor) {
    let (end, _peer) = End::pair("end", &Log::default());
    reactor.add_reader(Rc::new(end)).unwrap();
    let remote = reactor.remote_handle();
    reactor.call_when_running(move |reactor| {
        let removed = reactor.remove_all();
        assert_eq!(removed.len(), 1);
        thread::spawn(move || remote.stop());
    });

    let stopped = run_without_calls(&reactor);

    assert_eq!(stopped, Stopped::Asked);
}

//
fn a_second_remove_all_gives_nothing_back(reactor: Reactor) {
    let (end, _peer) = End::pair("end", &Log::default());
    reactor.add_writer(Rc::new(end)).unwrap();

    let removed = [(), ()].map(|()| reactor.remove_all().len());

    assert_eq!(removed, [1, 0]);
}

fn what_remove_all_gave_back_can_be_added_again(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let end = Rc::new(end);
    reactor.add_reader(end.clone()).unwrap();
    drop(reactor.remove_all());

    reactor.add_reader(end).unwrap();

    stop_after_turns(&reactor, 1);
    run(&reactor);
    log.assert(&["end reads", "end is lost"]);
}

//
fn a_reader_that_removes_itself_and_fails_is_told_if_it_is_alive(reactor: Reactor) {
    let reports = Reports::collected();
    let log = Log::default();
    let reason = Reason::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let end = Rc::new(reason.kept_of(end).on_read(reader_goes_and_fails));
    reactor.add_reader(end.clone()).unwrap();
    stop_after_turns(&reactor, 2);

    run(&reactor);

    log.assert(&["end reads", "end is lost"]);
    assert!(reason.taken().check::<Lost>().is_some());
    assert!(reports.taken().is_empty());
    assert_eq!(Rc::strong_count(&end), 1);
}

//
fn a_writer_that_removes_itself_and_fails_is_told_if_it_is_alive(reactor: Reactor) {
    let reports = Reports::collected();
    let log = Log::default();
    let reason = Reason::default();
    let (end, _peer) = End::pair("end", &log);
    let end = Rc::new(reason.kept_of(end).on_write(writer_goes_and_fails));
    reactor.add_writer(end.clone()).unwrap();
    stop_after_turns(&reactor, 2);

    run(&reactor);

    log.assert(&["end writes", "end is lost"]);
    assert!(reason.taken().check::<Lost>().is_some());
    assert!(reports.taken().is_empty());
    assert_eq!(Rc::strong_count(&end), 1);
}

//
fn a_reader_that_removes_itself_and_panics_is_told_if_it_is_alive(reactor: Reactor) {
    let reports = Reports::collected();
    let log = Log::default();
    let reason = Reason::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let end = Rc::new(reason.kept_of(end).on_read(|end, reactor| {
        reactor.remove_reader(end);
        panic!("no muse");
    }));
    reactor.add_reader(end.clone()).unwrap();
    stop_after_turns(&reactor, 2);

    run(&reactor);

    log.assert(&["end reads", "end is lost"]);
    assert!(reason.taken().check::<Panicked>().is_some());
    assert_eq!(reports.only_one().0, "Unhandled error in do_read");
    drop(end);
}

//
fn the_error_of_a_reader_that_is_gone_is_reported(reactor: Reactor) {
    let reports = Reports::collected();
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let end = end.on_read(reader_goes_and_fails);
    reactor.add_reader(Rc::new(end)).unwrap();
    stop_after_turns(&reactor, 2);

    run(&reactor);

    log.assert(&["end reads"]);
    let (headline, failure) = reports.only_one();
    assert_eq!(headline, "Unhandled error in do_read");
    assert!(failure.check::<Lost>().is_some());
}

//
fn the_error_of_a_writer_that_is_gone_is_reported(reactor: Reactor) {
    let reports = Reports::collected();
    let log = Log::default();
    let (end, _peer) = End::pair("end", &log);
    let end = end.on_write(writer_goes_and_fails);
    reactor.add_writer(Rc::new(end)).unwrap();
    stop_after_turns(&reactor, 2);

    run(&reactor);

    log.assert(&["end writes"]);
    let (headline, failure) = reports.only_one();
    assert_eq!(headline, "Unhandled error in do_write");
    assert!(failure.check::<Lost>().is_some());
}

//
fn a_reader_that_removed_itself_and_fails_is_told_together_with_its_twin(reactor: Reactor) {
    let twins = Twins::new(&Log::default());
    let reader = Rc::new(twins.reader().on_read(reader_goes_and_fails));
    reactor.add_reader(reader.clone()).unwrap();
    reactor.add_writer(Rc::new(twins.writer())).unwrap();
    stop_after_turns(&reactor, 2);

    run(&reactor);

    twins
        .log
        .assert(&["reader reads", "writer is lost", "reader is lost"]);
    assert_eq!(Rc::strong_count(&reader), 1);
}

//
fn a_writer_that_removed_itself_and_fails_is_told_together_with_its_twin(reactor: Reactor) {
    let twins = Twins::new(&Log::default());
    let writer = Rc::new(twins.writer().on_write(writer_goes_and_fails));
    let reader = twins.reader().on_read(|end, _| {
        // Once is enough: there is nothing more to read.
        end.read_byte()?;
        Ok(())
    });
    reactor.add_writer(writer.clone()).unwrap();
    reactor.add_reader(Rc::new(reader)).unwrap();
    stop_after_turns(&reactor, 2);

    run(&reactor);

    twins.log.assert(&[
        "reader reads",
        "writer writes",
        "reader is lost",
        "writer is lost",
    ]);
    assert_eq!(Rc::strong_count(&writer), 1);
}

/// Somebody has been told of it, so it is not reported besides.
fn the_error_of_a_reader_that_is_gone_is_told_to_its_twin(reactor: Reactor) {
    let reports = Reports::collected();
    let twins = Twins::new(&Log::default());
    let reader = twins.reader().on_read(reader_goes_and_fails);
    let reason = Reason::default();
    reactor.add_reader(Rc::new(reader)).unwrap();
    reactor
        .add_writer(Rc::new(reason.kept_of(twins.writer())))
        .unwrap();
    stop_after_turns(&reactor, 2);

    run(&reactor);

    twins.log.assert(&["reader reads", "writer is lost"]);
    assert!(reason.taken().check::<Lost>().is_some());
    assert!(reports.taken().is_empty());
}

//
fn a_reader_that_removes_itself_leaves_its_twin_alone(reactor: Reactor) {
    let twins = Twins::new(&Log::default());
    let reader = twins.reader().on_read(|end, reactor| {
        reactor.remove_reader(end);
        Ok(())
    });
    reactor.add_reader(Rc::new(reader)).unwrap();
    reactor.add_writer(Rc::new(twins.writer())).unwrap();
    stop_after_turns(&reactor, 2);

    run(&reactor);

    twins.log.assert(&[
        "reader reads",
        "writer writes",
        "writer writes",
        "writer is lost",
    ]);
}

/// What a reader does that removes itself and fails.
fn reader_goes_and_fails(end: &End, reactor: &Reactor) -> Result<(), Failure> {
    reactor.remove_reader(end);
    Err(Lost.into())
}

/// What a writer does that removes itself and fails.
fn writer_goes_and_fails(end: &End, reactor: &Reactor) -> Result<(), Failure> {
    reactor.remove_writer(end);
    Err(Lost.into())
}

/// Why an end was lost.
#[derive(Clone, Default)]
struct Reason(Rc<Cell<Option<Failure>>>);

impl Reason {
    /// The end, which keeps the reason of its loss here.
    fn kept_of(&self, end: End) -> End {
        let kept = self.clone();
        end.on_lost(move |_, reason| kept.0.set(Some(reason.clone())))
    }

    #[track_caller]
    fn taken(&self) -> Failure {
        self.0.take().expect("it was lost")
    }
}

/// A descriptor that is readable and writable, for a reader and a writer that are two objects.
struct Twins {
    log: Log,
    end: Rc<OwnedFd>,
    _peer: UnixStream,
}

impl Twins {
    fn new(log: &Log) -> Self {
        let (ours, mut peer) = UnixStream::pair().unwrap();
        peer.write_all(b"x").unwrap();
        Self {
            log: log.clone(),
            end: Rc::new(ours.into()),
            _peer: peer,
        }
    }

    fn reader(&self) -> End {
        End::sharing("reader", &self.log, &self.end)
    }

    fn writer(&self) -> End {
        End::sharing("writer", &self.log, &self.end)
    }
}
