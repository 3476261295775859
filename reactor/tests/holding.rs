//! Descriptors that the reactor owns without watching them.

mod common;

use std::rc::Rc;

use common::{End, Log, on_every_backend, run, stop_after_turns};
use reactor::Reactor;

on_every_backend!(
    what_is_held_is_not_watched_and_is_told_of_the_end,
    what_is_held_and_watched_is_told_of_the_end_once,
    what_was_released_is_told_nothing,
    a_reader_that_is_held_can_be_removed_and_come_back,
    remove_all_gives_back_what_is_held,
    nothing_is_held_of_what_is_left_when_the_reactor_is_dropped,
    nothing_is_held_by_a_reactor_that_stops,
);

fn what_is_held_is_not_watched_and_is_told_of_the_end(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    reactor.hold(Rc::new(end));

    stop_after_turns(&reactor, 3);
    run(&reactor);

    log.assert(&["end is lost"]);
}

fn what_is_held_and_watched_is_told_of_the_end_once(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::pair("end", &log);
    let end = Rc::new(end);
    reactor.hold(end.clone());
    reactor.hold(end.clone());
    reactor.add_reader(end).unwrap();

    stop_after_turns(&reactor, 3);
    run(&reactor);

    log.assert(&["end is lost"]);
}

fn what_was_released_is_told_nothing(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let end = Rc::new(end);
    reactor.hold(end.clone());
    reactor.add_reader(end.clone()).unwrap();
    reactor.add_writer(end.clone()).unwrap();

    reactor.release(&*end);
    stop_after_turns(&reactor, 3);
    run(&reactor);

    log.assert(&[]);
    assert_eq!(Rc::strong_count(&end), 1);
}

fn a_reader_that_is_held_can_be_removed_and_come_back(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let end = Rc::new(end.on_read(|end, reactor| {
        end.read_byte()?;
        reactor.stop().map_err(Into::into)
    }));
    reactor.hold(end.clone());
    reactor.add_reader(end.clone()).unwrap();
    reactor.remove_reader(&*end);
    assert!(reactor.readers().is_empty());

    reactor.add_reader(end).unwrap();
    run(&reactor);

    log.assert(&["end reads", "end is lost"]);
}

fn remove_all_gives_back_what_is_held(reactor: Reactor) {
    let log = Log::default();
    let (held, _peer) = End::pair("held", &log);
    reactor.hold(Rc::new(held));

    let removed = reactor.remove_all();

    assert_eq!(removed.len(), 1);
    assert!(reactor.remove_all().is_empty());
}

fn nothing_is_held_of_what_is_left_when_the_reactor_is_dropped(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::pair("end", &log);
    let end = Rc::new(end);
    reactor.hold(end.clone());

    drop(reactor);

    log.assert(&["end is lost"]);
    assert_eq!(Rc::strong_count(&end), 1);
}

fn nothing_is_held_by_a_reactor_that_stops(reactor: Reactor) {
    let log = Log::default();
    let (first, _first_peer) = End::pair("first", &log);
    let (second, _second_peer) = End::pair("second", &log);
    let second = Rc::new(second);
    let late = second.clone();
    reactor.hold(Rc::new(
        first.on_lost(move |reactor, _| reactor.hold(late.clone())),
    ));

    stop_after_turns(&reactor, 1);
    run(&reactor);

    log.assert(&["first is lost"]);
}
