//! Readers that are told of edges, where the backend knows edges: nothing that comes is left unread.

mod common;

use std::cell::{Cell, RefCell};
use std::io::{self, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::Rc;
use std::time::Duration;

use common::{LIMIT, Log, connection, eventually, on_every_backend, run, stop_after_turns};
use deferred::Failure;
use reactor::{ConnectionClosed, Descriptor, Reactor, ReadDescriptor, WriteDescriptor};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, read};
use rustix::net::{SendFlags, send, sockopt};

on_every_backend!(
    one_is_told_each_time_that_something_comes,
    an_end_behind_the_data_is_told_of,
    a_reset_behind_the_data_is_told_of,
    what_comes_behind_urgent_data_is_told_of,
    one_that_leaves_something_is_told_in_each_turn_when_it_has_said_so,
    one_that_leaves_something_is_told_once_more_when_it_is_added_again,
    one_that_was_removed_is_told_of_what_came_meanwhile,
    what_one_has_left_is_told_to_the_one_that_replaces_it,
    what_comes_is_told_of_while_there_is_a_writer_and_after_it,
    a_writer_is_told_in_each_turn,
);

/// Reads once each time, at most as much as it has room for, until it has had enough.
struct Stream {
    stream: Rc<TcpStream>,
    room: usize,
    is_edge_triggered: Cell<bool>,
    /// Whether it says that it has left something, and is added again.
    asks_for_more: bool,
    /// Takes its place after a read.
    successor: Cell<Option<Rc<Self>>>,
    got: RefCell<Vec<u8>>,
    enough: usize,
    log: Log,
}

impl Stream {
    fn new(log: &Log, stream: impl Into<Rc<TcpStream>>, enough: usize) -> Self {
        Self {
            stream: stream.into(),
            room: 100,
            is_edge_triggered: Cell::new(true),
            asks_for_more: false,
            successor: Cell::default(),
            got: RefCell::default(),
            enough,
            log: log.clone(),
        }
    }

    fn text(&self) -> String {
        String::from_utf8(self.got.borrow().clone()).unwrap()
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

impl Descriptor for Stream {
    fn connection_lost(self: Rc<Self>, reactor: &Reactor, reason: Failure) {
        let how = match reason.check::<ConnectionClosed>() {
            Some(ConnectionClosed::ConnectionDone) => "it is done",
            Some(_) => "the reactor stops",
            None => "it is broken",
        };
        self.log.note(how);
        // It may have been told to.
        drop(reactor.stop());
    }
}

impl ReadDescriptor for Stream {
    fn do_read(self: Rc<Self>, reactor: &Reactor) -> Result<(), Failure> {
        let mut buffer = vec![0; self.room];
        let count = match read(&*self.stream, &mut buffer[..]) {
            Err(Errno::WOULDBLOCK) => return Ok(()),
            count => count.map_err(io::Error::from)?,
        };
        if count == 0 {
            return Err(ConnectionClosed::ConnectionDone.into());
        }
        self.log.note(format!("{count}"));
        self.got.borrow_mut().extend_from_slice(&buffer[..count]);
        if self.got.borrow().len() >= self.enough {
            reactor.stop()?;
        }
        if count == self.room && self.asks_for_more {
            self.is_edge_triggered.set(false);
            reactor.add_reader(Rc::clone(&self) as _)?;
        }
        if let Some(successor) = self.successor.take() {
            reactor.add_reader(successor)?;
        }
        Ok(())
    }

    fn is_edge_triggered(&self) -> bool {
        self.is_edge_triggered.get()
    }
}

impl WriteDescriptor for Stream {
    fn do_write(self: Rc<Self>, reactor: &Reactor) -> Result<(), Failure> {
        self.log.note("writes");
        if self.log.count("writes") == 3 {
            reactor.remove_writer(&*self);
        }
        Ok(())
    }
}

/// Returns when everything that the peer has sent has come.
fn has_come(stream: &TcpStream, count: usize) {
    let buffer = RefCell::new(vec![0; count]);
    eventually(|| matches!(stream.peek(&mut buffer.borrow_mut()), Ok(come) if come == count));
}

//
fn one_is_told_each_time_that_something_comes(reactor: Reactor) {
    let log = Log::default();
    let (ours, mut peer) = connection();
    peer.write_all(b"once ").unwrap();
    let stream = Rc::new(Stream::new(&log, ours, 18));
    reactor.add_reader(Rc::clone(&stream) as _).unwrap();
    let mut again = peer.try_clone().unwrap();
    reactor.call_later(Duration::from_millis(10), move |_| {
        again.write_all(b"upon ")
    });
    reactor.call_later(Duration::from_millis(20), move |_| {
        peer.write_all(b"midnight")
    });

    run(&reactor);

    assert_eq!(stream.text(), "once upon midnight");
}

//
fn an_end_behind_the_data_is_told_of(reactor: Reactor) {
    let log = Log::default();
    let (ours, mut peer) = connection();
    peer.write_all(b"nevermore").unwrap();
    peer.shutdown(Shutdown::Write).unwrap();
    has_come(&ours, 9);
    let stream = Rc::new(Stream::new(&log, ours, usize::MAX));

    reactor.add_reader(stream).unwrap();

    run(&reactor);
    log.assert(&["9", "it is done"]);
}

//
fn a_reset_behind_the_data_is_told_of(reactor: Reactor) {
    let log = Log::default();
    let (ours, mut peer) = connection();
    let stream = Rc::new(Stream::new(&log, ours, usize::MAX));
    reactor.add_reader(stream).unwrap();
    peer.write_all(b"nevermore").unwrap();

    sockopt::set_socket_linger(&peer, Some(Duration::ZERO)).unwrap();
    drop(peer);

    run(&reactor);
    // The system may throw away what was not read when the reset came.
    assert_eq!(log.count("it is broken"), 1);
}

fn what_comes_behind_urgent_data_is_told_of(reactor: Reactor) {
    let log = Log::default();
    let (ours, mut peer) = connection();
    peer.write_all(b"ever").unwrap();
    send(&peer, b"!", SendFlags::OOB).unwrap();
    peer.write_all(b"more").unwrap();
    eventually(|| has_urgent_data(&ours));
    let stream = Rc::new(Stream::new(&log, ours, 8));

    reactor.add_reader(Rc::clone(&stream) as _).unwrap();

    run(&reactor);
    assert_eq!(stream.text(), "evermore");
}

fn has_urgent_data(stream: &TcpStream) -> bool {
    let mut fds = [PollFd::new(stream, PollFlags::PRI)];
    poll(&mut fds, Some(&Timespec::default())) == Ok(1)
}

//
fn one_that_leaves_something_is_told_in_each_turn_when_it_has_said_so(reactor: Reactor) {
    let log = Log::default();
    let (ours, mut peer) = connection();
    peer.write_all(b"nevermore").unwrap();
    has_come(&ours, 9);
    let stream = Rc::new(Stream {
        room: 2,
        asks_for_more: true,
        ..Stream::new(&log, ours, 9)
    });

    reactor.add_reader(Rc::clone(&stream) as _).unwrap();

    run(&reactor);
    assert_eq!(stream.text(), "nevermore");
    log.assert(&["2", "2", "2", "2", "1", "the reactor stops"]);
}

fn one_that_leaves_something_is_told_once_more_when_it_is_added_again(reactor: Reactor) {
    let log = Log::default();
    let (ours, mut peer) = connection();
    peer.write_all(b"nevermore").unwrap();
    has_come(&ours, 9);
    let stream = Rc::new(Stream {
        room: 5,
        ..Stream::new(&log, ours, 9)
    });
    reactor.add_reader(Rc::clone(&stream) as _).unwrap();
    let again = Rc::clone(&stream);
    reactor.call_later(Duration::from_millis(10), move |reactor| {
        reactor.add_reader(again)
    });

    run(&reactor);

    assert_eq!(stream.text(), "nevermore");
}

fn one_that_was_removed_is_told_of_what_came_meanwhile(reactor: Reactor) {
    let log = Log::default();
    let (ours, mut peer) = connection();
    let stream = Rc::new(Stream::new(&log, ours, 9));
    reactor.add_reader(Rc::clone(&stream) as _).unwrap();
    let removed = Rc::clone(&stream);
    reactor.call_later(Duration::ZERO, move |reactor| {
        reactor.hold(Rc::clone(&removed) as _);
        reactor.remove_reader(&*removed);
        peer.write_all(b"nevermore").unwrap();
        has_come(&removed.stream, 9);
        reactor.call_later(Duration::from_millis(10), move |reactor| {
            reactor.add_reader(removed)
        });
        // The peer lives on.
        reactor.call_later(LIMIT, move |_| drop(peer));
    });

    run(&reactor);

    assert_eq!(stream.text(), "nevermore");
}

//
fn what_one_has_left_is_told_to_the_one_that_replaces_it(reactor: Reactor) {
    let log = Log::default();
    let (ours, mut peer) = connection();
    peer.write_all(b"nevermore").unwrap();
    has_come(&ours, 9);
    let ours = Rc::new(ours);
    let second = Rc::new(Stream::new(&log, Rc::clone(&ours), 4));
    let first = Stream {
        room: 5,
        successor: Cell::new(Some(Rc::clone(&second))),
        ..Stream::new(&log, ours, usize::MAX)
    };

    reactor.add_reader(Rc::new(first)).unwrap();

    run(&reactor);
    assert_eq!(second.text(), "more");
}

fn what_comes_is_told_of_while_there_is_a_writer_and_after_it(reactor: Reactor) {
    let log = Log::default();
    let (ours, mut peer) = connection();
    peer.write_all(b"never").unwrap();
    has_come(&ours, 5);
    let stream = Rc::new(Stream::new(&log, ours, 9));
    reactor.add_reader(Rc::clone(&stream) as _).unwrap();
    reactor.add_writer(Rc::clone(&stream) as _).unwrap();
    reactor.call_later(Duration::from_millis(20), move |_| peer.write_all(b"more"));

    run(&reactor);

    assert_eq!(stream.text(), "nevermore");
    assert_eq!(log.count("writes"), 3);
}

//
fn a_writer_is_told_in_each_turn(reactor: Reactor) {
    let log = Log::default();
    let (ours, _peer) = connection();
    let stream = Rc::new(Stream::new(&log, ours, 9));
    reactor.add_reader(Rc::clone(&stream) as _).unwrap();
    reactor.add_writer(Rc::clone(&stream) as _).unwrap();
    stop_after_turns(&reactor, 5);

    run(&reactor);

    assert_eq!(log.count("writes"), 3);
}
