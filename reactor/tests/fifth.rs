//! A backend of one's own, made of nothing but what `Backend` says of itself: its time is simulated, and
//! its descriptors are ready when the test says so.

mod common;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::rc::Rc;
use std::time::Duration;

use common::{End, Log};
use reactor::backend::{Backend, Event, Interest, Key};
use reactor::{Reactor, ReactorError, Stopped};

#[test]
fn a_descriptor_is_told_in_each_turn_in_which_it_is_ready() {
    let (script, reactor, log) = set_up();
    let end = Rc::new(new_end("end", &log));
    script.ready(&*end, ms(10), Interest::READ, 2);
    reactor.add_reader(end).unwrap();
    reactor.call_later(ms(20), Reactor::stop);

    reactor.run().unwrap();

    log.assert(&["end reads", "end reads", "end is lost"]);
    assert_eq!(reactor.now(), ms(20));
}

#[test]
fn one_that_is_ready_for_more_than_it_is_watched_for_is_not_told_of_that() {
    let (script, reactor, log) = set_up();
    let end = Rc::new(new_end("end", &log).on_read(|_, reactor| Ok(reactor.stop()?)));
    script.ready(&*end, ms(1), Interest::READ.and(Interest::WRITE), 1);
    reactor.add_reader(end).unwrap();

    let stopped = reactor.run().unwrap();

    assert_eq!(stopped, Stopped::Asked);
    log.assert(&["end reads", "end is lost"]);
}

#[test]
fn descriptors_and_calls_come_in_the_order_of_their_times() {
    let (script, reactor, log) = set_up();
    for (name, at) in [("second", 20), ("first", 10)] {
        let end = Rc::new(new_end(name, &log));
        script.ready(&*end, ms(at), Interest::READ, 1);
        reactor.add_reader(end).unwrap();
    }
    let noting = log.clone();
    reactor.call_later(ms(15), move |_| noting.note("call"));
    let noting = log.clone();
    reactor.call_later(ms(30), move |reactor| {
        noting.note("stop");
        reactor.stop()
    });

    reactor.run().unwrap();

    log.assert(&[
        "first reads",
        "call",
        "second reads",
        "stop",
        "second is lost",
        "first is lost",
    ]);
}

#[test]
fn a_wait_that_ends_early_without_events_is_waited_again() {
    let (script, reactor, log) = set_up();
    script.0.borrow_mut().longest_wait = Some(ms(7));
    let noting = log.clone();
    reactor.call_later(ms(20), move |reactor| {
        noting.note(format!("{:?}", reactor.now()));
        reactor.stop()
    });

    reactor.run().unwrap();

    log.assert(&["20ms"]);
    assert_eq!(script.0.borrow().waits, 3);
}

#[test]
fn an_error_of_the_wait_is_what_the_run_returns() {
    let (_script, reactor, log) = set_up();
    reactor.add_reader(Rc::new(new_end("end", &log))).unwrap();

    let error = reactor.run().unwrap_err();

    let ReactorError::Io(error) = error else {
        panic!("{error:?}");
    };
    assert_eq!(error.to_string(), "nothing would ever happen");
    log.assert(&["end is lost"]);
}

#[test]
fn a_descriptor_is_watched_once_for_all_that_is_done_with_it() {
    let (script, reactor, log) = set_up();
    let end = Rc::new(new_end("end", &log));
    let watched = || script.watched(&*end);

    reactor.add_reader(end.clone()).unwrap();
    let when_read = watched();
    reactor.add_writer(end.clone()).unwrap();
    let when_both = watched();
    reactor.remove_reader(&*end);
    let when_written = watched();
    reactor.remove_writer(&*end);

    assert_eq!(when_read, Some(Interest::READ));
    assert_eq!(when_both, Some(Interest::READ.and(Interest::WRITE)));
    assert_eq!(when_written, Some(Interest::WRITE));
    assert_eq!(watched(), None);
}

#[test]
fn the_descriptor_of_the_reactor_itself_is_watched_first() {
    let (script, _reactor, _log) = set_up();

    let watched: Vec<_> = script.0.borrow().watched.values().copied().collect();

    assert_eq!(watched.len(), 1);
    assert_eq!(watched[0].1, Interest::READ);
}

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

fn set_up() -> (Script, Reactor, Log) {
    let script = Script::default();
    let reactor = Reactor::with_backend(Box::new(script.clone())).unwrap();
    (script, reactor, Log::default())
}

/// An end on which nothing happens but what a script says.
fn new_end(name: &'static str, log: &Log) -> End {
    End::pair(name, log).0
}

/// A backend on which happens what it is told to; clones are the same one.
#[derive(Clone, Default)]
struct Script(Rc<RefCell<Stage>>);

#[derive(Default)]
struct Stage {
    now: Duration,
    watched: BTreeMap<RawFd, (Key, Interest)>,
    cues: Vec<Cue>,
    longest_wait: Option<Duration>,
    waits: usize,
}

/// A descriptor is ready from this time on, for as many waits.
struct Cue {
    fd: RawFd,
    at: Duration,
    ready: Interest,
    waits: usize,
}

impl Script {
    fn ready(&self, fd: &impl AsFd, at: Duration, ready: Interest, waits: usize) {
        let fd = fd.as_fd().as_raw_fd();
        let cue = Cue {
            fd,
            at,
            ready,
            waits,
        };
        self.0.borrow_mut().cues.push(cue);
    }

    fn watched(&self, fd: &impl AsFd) -> Option<Interest> {
        let fd = fd.as_fd().as_raw_fd();
        self.0.borrow().watched.get(&fd).map(|watched| watched.1)
    }
}

impl Stage {
    /// Tells of everything that is ready now.
    fn tell(&mut self, events: &mut Vec<Event>) {
        for cue in &mut self.cues {
            let Some(&(key, _)) = self.watched.get(&cue.fd) else {
                continue;
            };
            if cue.at <= self.now && cue.waits > 0 {
                cue.waits -= 1;
                events.push(Event {
                    key,
                    readable: cue.ready.readable,
                    writable: cue.ready.writable,
                    more: false,
                });
            }
        }
    }

    /// When a descriptor is ready next.
    fn next_cue(&self) -> Option<Duration> {
        let cues = self.cues.iter().filter(|cue| cue.waits > 0);
        cues.map(|cue| cue.at).min()
    }
}

impl Backend for Script {
    fn name(&self) -> &'static str {
        "script"
    }

    fn register(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        let mut stage = self.0.borrow_mut();
        let before = stage.watched.insert(fd.as_raw_fd(), (key, interest));
        assert_eq!(before, None, "it is registered already");
        Ok(())
    }

    fn modify(&mut self, fd: BorrowedFd<'_>, key: Key, interest: Interest) -> io::Result<()> {
        let mut stage = self.0.borrow_mut();
        let before = stage.watched.insert(fd.as_raw_fd(), (key, interest));
        assert_eq!(before.map(|before| before.0), Some(key));
        Ok(())
    }

    fn deregister(&mut self, fd: BorrowedFd<'_>, key: Key) -> io::Result<()> {
        let before = self.0.borrow_mut().watched.remove(&fd.as_raw_fd());
        assert_eq!(before.map(|before| before.0), Some(key));
        Ok(())
    }

    fn wait(&mut self, events: &mut Vec<Event>, timeout: Option<Duration>) -> io::Result<()> {
        let mut stage = self.0.borrow_mut();
        stage.waits += 1;
        stage.tell(events);
        if !events.is_empty() {
            return Ok(());
        }
        let deadline = timeout.map(|timeout| stage.now + timeout);
        let early = stage.longest_wait.map(|longest| stage.now + longest);
        let end = [deadline, early, stage.next_cue()].into_iter().flatten();
        stage.now = end
            .min()
            .ok_or_else(|| io::Error::other("nothing would ever happen"))?;
        stage.tell(events);
        Ok(())
    }

    fn now(&self) -> Duration {
        self.0.borrow().now
    }
}
