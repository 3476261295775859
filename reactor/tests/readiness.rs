//! Readers and writers: who can be one, when they are told, and in what order.

mod common;

use std::cell::Cell;
use std::io::{self, Write};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::time::Duration;

use common::{End, Log, Ownership, on_every_backend, run, stop_after_turns};
use deferred::Failure;
use reactor::Reactor;
use reactor::backend::{Backend, Event, Interest, Key};

on_every_backend!(
    a_reader_is_told_in_each_turn_while_there_is_something_to_read,
    a_reader_is_not_told_while_there_is_nothing_to_read,
    a_writer_is_told_in_each_turn_until_it_is_removed,
    a_writer_is_not_told_while_there_is_no_room,
    adding_twice_is_adding_once,
    another_object_with_the_same_descriptor_replaces_the_first_one,
    readers_and_writers_are_listed_as_they_were_added,
    reading_comes_before_writing,
    everything_is_read_before_the_end,
    two_that_are_always_ready_are_told_equally_often,
    one_that_is_added_while_the_reactor_stops_is_refused,
);

//
fn a_reader_is_told_in_each_turn_while_there_is_something_to_read(reactor: Reactor) {
    let log = Log::default();
    let (end, mut peer) = End::pair("end", &log);
    peer.write_all(b"abc").unwrap();
    let turn = log.clone();
    let end = end.on_read(move |end, reactor| {
        reactor.next_turn(Rc::new(NotesTurn(turn.clone())));
        end.read_byte()?;
        Ok(())
    });
    reactor.add_reader(Rc::new(end)).unwrap();
    stop_after_turns(&reactor, 5);

    run(&reactor);

    log.assert(&[
        "end reads",
        "turn",
        "end reads",
        "turn",
        "end reads",
        "turn",
        "end is lost",
    ]);
}

fn a_reader_is_not_told_while_there_is_nothing_to_read(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::pair("end", &log);
    reactor.add_reader(Rc::new(end)).unwrap();
    stop_after_turns(&reactor, 3);

    run(&reactor);

    log.assert(&["end is lost"]);
}

//
fn a_writer_is_told_in_each_turn_until_it_is_removed(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::pair("end", &log);
    let left = Cell::new(3);
    let end = end.on_write(move |end, reactor| {
        left.set(left.get() - 1);
        if left.get() == 0 {
            reactor.remove_writer(end);
        }
        Ok(())
    });
    reactor.add_writer(Rc::new(end)).unwrap();
    stop_after_turns(&reactor, 6);

    run(&reactor);

    log.assert(&["end writes"; 3]);
}

fn a_writer_is_not_told_while_there_is_no_room(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::pair("end", &log);
    while rustix::io::write(&end, &[0; 4096]).is_ok() {}
    reactor.add_writer(Rc::new(end)).unwrap();
    stop_after_turns(&reactor, 3);

    run(&reactor);

    log.assert(&["end is lost"]);
}

//
fn adding_twice_is_adding_once(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let end = Rc::new(end);
    reactor.add_reader(end.clone()).unwrap();

    reactor.add_reader(end.clone()).unwrap();

    assert_eq!(reactor.readers().len(), 1);
    stop_after_turns(&reactor, 1);
    run(&reactor);
    log.assert(&["end reads", "end is lost"]);
}

fn another_object_with_the_same_descriptor_replaces_the_first_one(reactor: Reactor) {
    let log = Log::default();
    let (socket, mut peer) = UnixStream::pair().unwrap();
    peer.write_all(b"x").unwrap();
    let socket = Rc::new(socket.into());
    let old = Rc::new(End::sharing("old", &log, &socket));
    let new = Rc::new(End::sharing("new", &log, &socket));
    reactor.add_reader(old.clone()).unwrap();

    reactor.add_reader(new).unwrap();

    assert_eq!(Rc::strong_count(&old), 1);
    stop_after_turns(&reactor, 1);
    run(&reactor);
    log.assert(&["new reads", "new is lost"]);
}

//
fn readers_and_writers_are_listed_as_they_were_added(reactor: Reactor) {
    let log = Log::default();
    let (reader, _peer) = End::pair("reader", &log);
    let (both, _peer) = End::pair("both", &log);
    let both = Rc::new(both);

    reactor.add_reader(Rc::new(reader)).unwrap();
    reactor.add_reader(both.clone()).unwrap();
    reactor.add_writer(both).unwrap();

    assert_eq!((reactor.readers().len(), reactor.writers().len()), (2, 1));
}

//
fn reading_comes_before_writing(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let end = Rc::new(end.on_write(|_, reactor| Ok(reactor.stop()?)));
    reactor.add_writer(end.clone()).unwrap();
    reactor.add_reader(end).unwrap();

    run(&reactor);

    log.assert(&["end reads", "end writes", "end is lost"]);
}

//
fn everything_is_read_before_the_end(reactor: Reactor) {
    let log = Log::default();
    let (end, mut peer) = End::pair("end", &log);
    peer.write_all(b"abc").unwrap();
    drop(peer);
    let noting = log.clone();
    let end = end.on_read(move |end, reactor| {
        match end.read_byte()? {
            Some(byte) => noting.note(char::from(byte).to_string()),
            None => reactor.stop()?,
        }
        Ok(())
    });
    reactor.add_reader(Rc::new(end)).unwrap();

    run(&reactor);

    log.assert(&[
        "end reads",
        "a",
        "end reads",
        "b",
        "end reads",
        "c",
        "end reads",
        "end is lost",
    ]);
}

fn two_that_are_always_ready_are_told_equally_often(reactor: Reactor) {
    let log = Log::default();
    let (one, _peer_of_one) = End::readable_pair("one", &log);
    let (two, _peer_of_two) = End::readable_pair("two", &log);
    reactor.add_reader(Rc::new(one)).unwrap();
    reactor.add_reader(Rc::new(two)).unwrap();
    stop_after_turns(&reactor, 10);

    run(&reactor);

    assert_eq!((log.count("one reads"), log.count("two reads")), (10, 10));
}

fn one_that_is_added_while_the_reactor_stops_is_refused(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::pair("end", &log);
    let noting = log.clone();
    let end = end.on_lost(move |reactor, _| {
        let (late, _peer) = End::pair("late", &noting);
        let added = reactor.add_reader(Rc::new(late));
        noting.note(if added.is_err() { "refused" } else { "added" });
    });
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.call_when_running(Reactor::stop);

    run(&reactor);

    log.assert(&["end is lost", "refused"]);
}

#[test]
fn what_the_backend_refuses_is_an_error_and_is_dropped() {
    let reactor = Reactor::with_backend(Box::new(Refusing::default())).unwrap();
    let (owned, ownership) = Ownership::new();
    let (end, _peer) = End::pair("end", &Log::default());
    let end = Rc::new(end.on_read(move |_, _| {
        let _owned = &owned;
        Ok(())
    }));

    let added = reactor.add_reader(end.clone());
    let added_as_writer = reactor.add_writer(end);

    assert_eq!(added.unwrap_err().to_string(), "no more");
    assert_eq!(added_as_writer.unwrap_err().to_string(), "no more");
    assert!(reactor.readers().is_empty() && reactor.writers().is_empty());
    assert!(ownership.is_over());
}

#[test]
fn what_is_refused_may_use_the_reactor_when_it_is_dropped() {
    struct LooksAround(Reactor);
    impl Drop for LooksAround {
        fn drop(&mut self) {
            assert!(self.0.readers().is_empty());
        }
    }
    let reactor = Reactor::with_backend(Box::new(Refusing::default())).unwrap();
    let looks_around = LooksAround(reactor.clone());
    let (end, _peer) = End::pair("end", &Log::default());
    let end = end.on_read(move |_, _| {
        let _owned = &looks_around;
        Ok(())
    });

    let added = Failure::catch(|| reactor.add_reader(Rc::new(end)).is_ok());

    assert!(!added.expect("the table is not borrowed"));
}

/// A backend that watches the reactor's own descriptor, and refuses any other.
#[derive(Default)]
struct Refusing {
    registered: usize,
}

impl Backend for Refusing {
    fn name(&self) -> &'static str {
        "refusing"
    }

    fn register(&mut self, _: BorrowedFd<'_>, _: Key, _: Interest) -> io::Result<()> {
        self.registered += 1;
        match self.registered {
            1 => Ok(()),
            _ => Err(io::Error::other("no more")),
        }
    }

    fn modify(&mut self, _: BorrowedFd<'_>, _: Key, _: Interest) -> io::Result<()> {
        unreachable!("nothing is watched that could change")
    }

    fn deregister(&mut self, _: BorrowedFd<'_>, _: Key) -> io::Result<()> {
        unreachable!("the reactor's own stays, and there is no other")
    }

    fn wait(&mut self, _: &mut Vec<Event>, _: Option<Duration>) -> io::Result<()> {
        Err(io::Error::other("nothing would ever happen"))
    }

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

/// A job that notes that a turn has begun.
struct NotesTurn(Log);

impl reactor::Job for NotesTurn {
    fn run(self: Rc<Self>, _reactor: &Reactor) {
        self.0.note("turn");
    }
}
