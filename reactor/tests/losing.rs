//! Losing a descriptor: removed, told of its loss, or closed while an event is on its way.

mod common;

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use common::{
    BackendName, End, Log, Lost, Ownership, Reports, on_every_backend, run, stop_after_turns,
};
use deferred::{Failure, Panicked};
use reactor::{ConnectionClosed, Descriptor, Reactor, ReadDescriptor, WriteDescriptor};

on_every_backend!(
    a_removed_reader_is_told_nothing_more,
    a_removed_writer_is_told_nothing_more,
    removing_the_reader_leaves_the_writer,
    removing_the_writer_leaves_the_reader,
    a_reader_removed_by_another_one_is_not_told_in_the_same_turn,
    removing_what_is_not_there_does_nothing,
    readers_and_writers_leave_the_list_when_they_are_removed,
    one_that_removes_itself_is_neither_asked_for_its_number_nor_written,
    one_that_removes_itself_may_be_added_again,
    writing_is_left_out_when_reading_has_ended_the_connection,
    an_error_of_do_read_is_the_reason_of_the_loss,
    an_error_of_do_write_is_the_reason_of_the_loss,
    a_panic_of_do_read_is_the_reason_of_the_loss,
    one_that_is_reader_and_writer_is_told_of_its_loss_once,
    a_reader_and_a_writer_of_one_descriptor_are_both_told_of_its_loss,
    a_reader_that_panics_at_the_loss_does_not_keep_it_from_the_writer,
    a_connection_that_was_reset_costs_one_turn,
    a_pipe_without_reader_costs_one_turn,
    at_the_end_of_the_run_everyone_is_told_once,
    an_event_for_a_closed_descriptor_does_not_reach_its_successor,
    wake_ups_work_when_all_others_are_removed,
    the_object_is_dropped_when_it_is_removed,
);

//
fn a_removed_reader_is_told_nothing_more(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let end = Rc::new(end);
    reactor.add_reader(end.clone()).unwrap();

    reactor.remove_reader(&*end);

    stop_after_turns(&reactor, 3);
    run(&reactor);
    log.assert(&[]);
}

//
fn a_removed_writer_is_told_nothing_more(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::pair("end", &log);
    let end = Rc::new(end);
    reactor.add_writer(end.clone()).unwrap();

    reactor.remove_writer(&*end);

    stop_after_turns(&reactor, 3);
    run(&reactor);
    log.assert(&[]);
}

//
fn removing_the_reader_leaves_the_writer(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let end = Rc::new(end);
    reactor.add_reader(end.clone()).unwrap();
    reactor.add_writer(end.clone()).unwrap();

    reactor.remove_reader(&*end);

    stop_after_turns(&reactor, 2);
    run(&reactor);
    log.assert(&["end writes", "end writes", "end is lost"]);
}

//
fn removing_the_writer_leaves_the_reader(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let end = Rc::new(end);
    reactor.add_writer(end.clone()).unwrap();
    reactor.add_reader(end.clone()).unwrap();

    reactor.remove_writer(&*end);

    stop_after_turns(&reactor, 2);
    run(&reactor);
    log.assert(&["end reads", "end reads", "end is lost"]);
}

//
fn a_reader_removed_by_another_one_is_not_told_in_the_same_turn(reactor: Reactor) {
    let log = Log::default();
    let ends = Rc::new(RefCell::new(Vec::<Rc<End>>::new()));
    let mut peers = Vec::new();
    for _ in 0..2 {
        let (end, peer) = End::readable_pair("one", &log);
        let all = Rc::clone(&ends);
        let end = Rc::new(end.on_read(move |_, reactor| {
            for end in all.take() {
                reactor.remove_reader(&*end);
            }
            Ok(())
        }));
        reactor.add_reader(end.clone()).unwrap();
        ends.borrow_mut().push(end);
        peers.push(peer);
    }
    stop_after_turns(&reactor, 2);

    run(&reactor);

    log.assert(&["one reads"]);
}

//
fn removing_what_is_not_there_does_nothing(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let end = Rc::new(end);
    reactor.add_reader(end.clone()).unwrap();
    let (stranger, _peer) = UnixStream::pair().unwrap();

    reactor.remove_reader(&stranger);
    reactor.remove_writer(&stranger);
    reactor.remove_writer(&*end);

    stop_after_turns(&reactor, 1);
    run(&reactor);
    log.assert(&["end reads", "end is lost"]);
}

//
fn readers_and_writers_leave_the_list_when_they_are_removed(reactor: Reactor) {
    let (end, _peer) = End::pair("end", &Log::default());
    let end = Rc::new(end);
    reactor.add_reader(end.clone()).unwrap();
    reactor.add_writer(end.clone()).unwrap();

    reactor.remove_reader(&*end);

    assert_eq!((reactor.readers().len(), reactor.writers().len()), (0, 1));
}

//
fn one_that_removes_itself_is_neither_asked_for_its_number_nor_written(reactor: Reactor) {
    let log = Log::default();
    let (socket, mut peer) = UnixStream::pair().unwrap();
    peer.write_all(b"x").unwrap();
    let end = Rc::new(RemovesItself {
        socket,
        asked: Cell::new(0),
        log: log.clone(),
    });
    reactor.add_reader(end.clone()).unwrap();
    reactor.add_writer(end.clone()).unwrap();
    stop_after_turns(&reactor, 2);

    run(&reactor);

    log.assert(&["removed"]);
    assert_eq!(end.asked.get(), 0);
}

fn one_that_removes_itself_may_be_added_again(reactor: Reactor) {
    let log = Log::default();
    let itself = Rc::new(Cell::new(None::<Rc<End>>));
    let (end, _peer) = End::readable_pair("end", &log);
    let found = Rc::clone(&itself);
    let end = Rc::new(end.on_read(move |end, reactor| {
        reactor.remove_reader(end);
        if let Some(end) = found.take() {
            reactor.add_reader(end)?;
        }
        Ok(())
    }));
    itself.set(Some(Rc::clone(&end)));
    reactor.add_reader(end).unwrap();
    stop_after_turns(&reactor, 3);

    run(&reactor);

    log.assert(&["end reads", "end reads"]);
}

//
fn writing_is_left_out_when_reading_has_ended_the_connection(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let end = Rc::new(end.on_read(|_, _| Err(ConnectionClosed::ConnectionDone.into())));
    reactor.add_writer(end.clone()).unwrap();
    reactor.add_reader(end).unwrap();
    stop_after_turns(&reactor, 2);

    run(&reactor);

    log.assert(&["end reads", "end is lost"]);
}

// R-063 (any reason of a reader that is not half-closeable)
fn an_error_of_do_read_is_the_reason_of_the_loss(reactor: Reactor) {
    let reports = Reports::collected();
    let reason = Rc::new(Cell::new(None::<Failure>));
    let (end, _peer) = End::readable_pair("end", &Log::default());
    let end = Rc::new(noting_the_reason(end, &reason).on_read(|_, _| Err(Lost.into())));
    reactor.add_reader(end.clone()).unwrap();
    reactor.add_writer(end).unwrap();
    stop_after_turns(&reactor, 1);

    run(&reactor);

    assert!(reason.take().unwrap().check::<Lost>().is_some());
    assert!(reports.taken().is_empty());
}

//
fn an_error_of_do_write_is_the_reason_of_the_loss(reactor: Reactor) {
    let reason = Rc::new(Cell::new(None::<Failure>));
    let (end, _peer) = End::pair("end", &Log::default());
    let end = Rc::new(noting_the_reason(end, &reason).on_write(|_, _| Err(Lost.into())));
    reactor.add_reader(end.clone()).unwrap();
    reactor.add_writer(end).unwrap();
    let lists = Rc::new(Cell::new((9, 9)));
    let noting = Rc::clone(&lists);
    reactor.call_later(Duration::from_millis(2), move |reactor| {
        noting.set((reactor.readers().len(), reactor.writers().len()));
        reactor.stop()
    });

    run(&reactor);

    assert!(reason.take().unwrap().check::<Lost>().is_some());
    assert_eq!(lists.get(), (0, 0));
}

//
fn a_panic_of_do_read_is_the_reason_of_the_loss(reactor: Reactor) {
    let reports = Reports::collected();
    let reason = Rc::new(Cell::new(None::<Failure>));
    let (end, _peer) = End::readable_pair("end", &Log::default());
    let end = noting_the_reason(end, &reason).on_read(|_, _| panic!("no muse"));
    reactor.add_reader(Rc::new(end)).unwrap();
    stop_after_turns(&reactor, 1);

    run(&reactor);

    let reason = reason.take().unwrap();
    assert_eq!(reason.check::<Panicked>().unwrap().message(), "no muse");
    assert_eq!(reports.only_one().1.serial(), reason.serial());
}

fn one_that_is_reader_and_writer_is_told_of_its_loss_once(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let end = Rc::new(end.on_read(|_, _| Err(Lost.into())));
    reactor.add_reader(end.clone()).unwrap();
    reactor.add_writer(end).unwrap();
    stop_after_turns(&reactor, 2);

    run(&reactor);

    assert_eq!(log.count("end is lost"), 1);
}

fn a_reader_and_a_writer_of_one_descriptor_are_both_told_of_its_loss(reactor: Reactor) {
    let log = Log::default();
    let (socket, _peer) = UnixStream::pair().unwrap();
    let socket = Rc::new(socket.into());
    let reader = End::sharing("reader", &log, &socket);
    reactor.add_reader(Rc::new(reader)).unwrap();
    let writer = End::sharing("writer", &log, &socket);
    reactor.add_writer(Rc::new(writer)).unwrap();
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    log.assert(&["reader is lost", "writer is lost"]);
}

//
fn a_reader_that_panics_at_the_loss_does_not_keep_it_from_the_writer(reactor: Reactor) {
    let reports = Reports::collected();
    let log = Log::default();
    let (socket, _peer) = UnixStream::pair().unwrap();
    let socket = Rc::new(socket.into());
    let reader = End::sharing("reader", &log, &socket).on_lost(|_, _| panic!("no muse"));
    reactor.add_reader(Rc::new(reader)).unwrap();
    let writer = End::sharing("writer", &log, &socket);
    reactor.add_writer(Rc::new(writer)).unwrap();
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    log.assert(&["reader is lost", "writer is lost"]);
    reports.only_one();
}

//
fn a_connection_that_was_reset_costs_one_turn(on: BackendName) {
    let (reactor, waits) = on.recorded();
    let log = Log::default();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    // What is closed with input unread is reset.
    peer.write_all(b"x").unwrap();
    accepted.peek(&mut [0]).unwrap();
    drop(accepted);
    let end = End::new("end", &log, peer).on_read(|end, _| {
        end.read_byte()?;
        Ok(())
    });
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.call_later(Duration::from_millis(20), Reactor::stop);

    run(&reactor);

    log.assert(&["end reads", "end is lost"]);
    assert!(waits.count() <= 3, "{:?}", waits.timeouts());
}

//
fn a_pipe_without_reader_costs_one_turn(on: BackendName) {
    let (reactor, waits) = on.recorded();
    let log = Log::default();
    let (reads, writes) = io::pipe().unwrap();
    drop(reads);
    let end = End::new("end", &log, writes).on_write(|end, _| {
        rustix::io::write(end, b"x").map_err(io::Error::from)?;
        Ok(())
    });
    reactor.add_writer(Rc::new(end)).unwrap();
    reactor.call_later(Duration::from_millis(20), Reactor::stop);

    run(&reactor);

    log.assert(&["end writes", "end is lost"]);
    assert!(waits.count() <= 3, "{:?}", waits.timeouts());
}

//
fn at_the_end_of_the_run_everyone_is_told_once(reactor: Reactor) {
    let log = Log::default();
    let reason = Rc::new(Cell::new(None::<Failure>));
    let (end, _peer) = End::pair("end", &log);
    let end = Rc::new(noting_the_reason(end, &reason));
    reactor.add_reader(end.clone()).unwrap();
    reactor.add_writer(end).unwrap();
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    log.assert(&["end is lost"]);
    let reason = reason.take().unwrap();
    assert!(
        reason
            .check::<ConnectionClosed>()
            .is_some_and(ConnectionClosed::is_lost)
    );
    assert!(reactor.readers().is_empty() && reactor.writers().is_empty());
}

/// Two descriptors are ready in one turn. Whichever is told first closes the other one, and adds a third
/// one under the number of that; nothing has come for the third one.
fn an_event_for_a_closed_descriptor_does_not_reach_its_successor(reactor: Reactor) {
    let log = Log::default();
    let ends = Rc::new(RefCell::new(Vec::<Rc<End>>::new()));
    let (quiet, _quiet_peer) = UnixStream::pair().unwrap();
    let quiet = Rc::new(quiet);
    let mut peers = Vec::new();
    for index in 0..2 {
        let (end, peer) = End::readable_pair("old", &log);
        let (ends_now, log_now, quiet) = (Rc::clone(&ends), log.clone(), Rc::clone(&quiet));
        let end = Rc::new(end.on_read(move |end, reactor| {
            reactor.remove_reader(end);
            let other = ends_now.borrow_mut().remove(1 - index);
            ends_now.borrow_mut().clear();
            reactor.remove_reader(&*other);
            let mut number = other.into_descriptor();
            rustix::io::dup2(&*quiet, &mut number).map_err(io::Error::from)?;
            reactor.add_reader(Rc::new(End::new("new", &log_now, number)))?;
            Ok(())
        }));
        reactor.add_reader(end.clone()).unwrap();
        ends.borrow_mut().push(end);
        peers.push(peer);
    }
    stop_after_turns(&reactor, 2);

    run(&reactor);

    log.assert(&["old reads", "new is lost"]);
}

// R-058 (the internal ones stay)
fn wake_ups_work_when_all_others_are_removed(reactor: Reactor) {
    let (end, _peer) = End::readable_pair("end", &Log::default());
    let end = Rc::new(end.on_read(|end, reactor| {
        reactor.remove_reader(end);
        reactor.remove_writer(end);
        let remote = reactor.remote_handle();
        std::thread::spawn(move || remote.call_from_thread(|reactor| reactor.stop().unwrap()));
        Ok(())
    }));
    reactor.add_writer(end.clone()).unwrap();
    reactor.add_reader(end).unwrap();

    run(&reactor);

    assert!(reactor.readers().is_empty());
}

fn the_object_is_dropped_when_it_is_removed(reactor: Reactor) {
    let (owned, ownership) = Ownership::new();
    let (end, _peer) = End::readable_pair("end", &Log::default());
    let end = end.on_read(move |end, reactor| {
        let _owned = &owned;
        reactor.remove_reader(end);
        Ok(())
    });
    reactor.add_reader(Rc::new(end)).unwrap();
    let over = Rc::new(Cell::new(false));
    let noting = Rc::clone(&over);
    reactor.call_later(Duration::from_millis(2), move |reactor| {
        noting.set(ownership.is_over());
        reactor.stop()
    });

    run(&reactor);

    assert!(over.get());
}

/// The end, which keeps the reason of its loss in `reason`.
fn noting_the_reason(end: End, reason: &Rc<Cell<Option<Failure>>>) -> End {
    let reason = Rc::clone(reason);
    end.on_lost(move |_, failure| assert!(reason.replace(Some(failure.clone())).is_none()))
}

/// Reader and writer that removes itself as both when it is told to read, and counts how often it is
/// asked for its number after that.
struct RemovesItself {
    socket: UnixStream,
    asked: Cell<usize>,
    log: Log,
}

impl AsFd for RemovesItself {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.asked.set(self.asked.get() + 1);
        self.socket.as_fd()
    }
}

impl Descriptor for RemovesItself {
    fn connection_lost(self: Rc<Self>, _reactor: &Reactor, _reason: Failure) {
        self.log.note("lost");
    }
}

impl ReadDescriptor for RemovesItself {
    fn do_read(self: Rc<Self>, reactor: &Reactor) -> Result<(), Failure> {
        reactor.remove_reader(&*self);
        reactor.remove_writer(&*self);
        self.log.note("removed");
        self.asked.set(0);
        Ok(())
    }
}

impl WriteDescriptor for RemovesItself {
    fn do_write(self: Rc<Self>, _reactor: &Reactor) -> Result<(), Failure> {
        self.log.note("written");
        Ok(())
    }
}
