//! Files, which the system does not wait for: as readers and writers they are always ready.

mod common;

use std::cell::Cell;
use std::env;
use std::fs::{File, OpenOptions};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use common::{BackendName, End, Log, on_every_backend, run, stop_after_turns};
use reactor::Reactor;

on_every_backend!(
    a_file_is_read_in_each_turn_until_it_is_removed,
    a_file_is_told_to_read_at_its_end_too,
    what_cannot_be_waited_for_is_written_in_each_turn,
    a_file_that_is_read_becomes_a_writer_too,
    a_file_that_is_only_read_is_not_told_to_write,
    an_error_of_reading_a_file_is_the_reason_of_its_loss,
    others_have_their_turn_while_a_file_is_read,
    calls_run_while_a_file_is_read,
    the_reactor_sleeps_again_when_the_file_is_removed,
    the_number_of_a_file_may_become_that_of_a_socket,
);

fn this_program() -> File {
    File::open(env::current_exe().unwrap()).unwrap()
}

/// Open to read and to write, and refused by epoll as a regular file is.
fn null() -> File {
    let mut options = OpenOptions::new();
    options.read(true).write(true).open("/dev/null").unwrap()
}

//
fn a_file_is_read_in_each_turn_until_it_is_removed(reactor: Reactor) {
    let log = Log::default();
    let left = Cell::new(3);
    let end = End::new("file", &log, this_program()).on_read(move |end, reactor| {
        assert!(end.read_byte()?.is_some());
        left.set(left.get() - 1);
        if left.get() == 0 {
            reactor.remove_reader(end);
        }
        Ok(())
    });
    stop_after_turns(&reactor, 6);

    reactor.add_reader(Rc::new(end)).unwrap();

    run(&reactor);
    log.assert(&["file reads"; 3]);
}

//
fn a_file_is_told_to_read_at_its_end_too(reactor: Reactor) {
    let log = Log::default();
    let noting = log.clone();
    let end = End::new("file", &log, null()).on_read(move |end, reactor| {
        assert_eq!(end.read_byte()?, None);
        noting.note("at the end");
        Ok(reactor.stop()?)
    });

    reactor.add_reader(Rc::new(end)).unwrap();

    run(&reactor);
    log.assert(&["file reads", "at the end", "file is lost"]);
}

//
fn what_cannot_be_waited_for_is_written_in_each_turn(reactor: Reactor) {
    let log = Log::default();
    let end = End::new("file", &log, null()).on_write(|end, _| {
        rustix::io::write(end, b"x").map_err(io::Error::from)?;
        Ok(())
    });
    stop_after_turns(&reactor, 3);

    reactor.add_writer(Rc::new(end)).unwrap();

    run(&reactor);
    log.assert(&["file writes", "file writes", "file writes", "file is lost"]);
}

//
fn a_file_that_is_read_becomes_a_writer_too(reactor: Reactor) {
    let log = Log::default();
    let end = Rc::new(End::new("file", &log, null()).on_write(|_, reactor| Ok(reactor.stop()?)));
    reactor.add_reader(end.clone()).unwrap();

    reactor.add_writer(end).unwrap();

    run(&reactor);
    log.assert(&["file reads", "file writes", "file is lost"]);
}

//
fn a_file_that_is_only_read_is_not_told_to_write(reactor: Reactor) {
    let log = Log::default();
    let end = Rc::new(End::new("file", &log, null()));
    reactor.add_reader(end.clone()).unwrap();
    reactor.add_writer(end.clone()).unwrap();
    stop_after_turns(&reactor, 2);

    reactor.remove_writer(&*end);

    run(&reactor);
    log.assert(&["file reads", "file reads", "file is lost"]);
}

fn an_error_of_reading_a_file_is_the_reason_of_its_loss(reactor: Reactor) {
    let log = Log::default();
    let directory = File::open("/").unwrap();
    let noting = log.clone();
    let end = End::new("directory", &log, directory)
        .on_read(|end, _| {
            end.read_byte()?;
            Ok(())
        })
        .on_lost(move |reactor, reason| {
            let error = reason.check::<io::Error>().unwrap();
            noting.note(error.kind().to_string());
            reactor.stop().unwrap();
        });

    reactor.add_reader(Rc::new(end)).unwrap();

    run(&reactor);
    log.assert(&["directory reads", "directory is lost", "is a directory"]);
}

//
fn others_have_their_turn_while_a_file_is_read(reactor: Reactor) {
    let log = Log::default();
    let (end, _peer) = End::readable_pair("end", &log);
    let file = End::new("file", &log, this_program());
    reactor.add_reader(Rc::new(file)).unwrap();
    reactor.add_reader(Rc::new(end)).unwrap();
    stop_after_turns(&reactor, 10);

    run(&reactor);

    assert_eq!((log.count("end reads"), log.count("file reads")), (10, 10));
}

//
fn calls_run_while_a_file_is_read(reactor: Reactor) {
    let file = End::new("file", &Log::default(), this_program());
    reactor.add_reader(Rc::new(file)).unwrap();
    let remote = reactor.remote_handle();
    reactor.call_later(Duration::from_millis(2), move |_| {
        remote.call_from_thread(|reactor| reactor.stop().unwrap())
    });

    run(&reactor);
}

fn the_reactor_sleeps_again_when_the_file_is_removed(on: BackendName) {
    let (reactor, waits) = on.recorded();
    let log = Log::default();
    let end = End::new("file", &log, this_program()).on_read(|end, reactor| {
        reactor.remove_reader(end);
        Ok(())
    });
    reactor.add_reader(Rc::new(end)).unwrap();
    reactor.call_later(Duration::from_millis(20), Reactor::stop);

    run(&reactor);

    log.assert(&["file reads"]);
    assert!(waits.count() <= 3, "{:?}", waits.timeouts());
}

fn the_number_of_a_file_may_become_that_of_a_socket(reactor: Reactor) {
    let log = Log::default();
    let file = Rc::new(End::new("file", &log, null()));
    reactor.add_reader(file.clone()).unwrap();
    reactor.remove_reader(&*file);
    let (quiet, _peer) = End::pair("quiet", &log);
    let mut number = file.into_descriptor();
    rustix::io::dup2(&quiet, &mut number).unwrap();
    stop_after_turns(&reactor, 3);

    let socket = End::new("socket", &log, number);
    reactor.add_reader(Rc::new(socket)).unwrap();

    run(&reactor);
    log.assert(&["socket is lost"]);
}
