//! Connections that are declined because there are too many.

use std::cell::RefCell;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::time::Duration;

use protocols::policies::{AtMost, OrElse, PerHost, Wrapping};
use protocols::reactor::Reactor;
use protocols::{Address, Factory, Protocol, Transport};

use crate::common::{
    Log, Reports, Script, after_turns, on_every_backend, peer_of, run, stop_at_call, stop_soon,
};
use crate::wrapped::{listen_with, waiting_client, wrapped};

on_every_backend!(
    one_connection_too_many_is_declined_and_one_that_is_over_makes_room,
    too_many_from_one_host_are_declined,
    an_overflow_factory_answers_those_who_are_declined,
    an_overflow_factory_ends_whatever_the_end_of_the_first_does,
);

// P-036, P-039
// fault: declined
fn one_connection_too_many_is_declined_and_one_that_is_over_makes_room(reactor: &Reactor) {
    let log = Log::default();
    let limit = AtMost::new(2);
    let counts = limit.clone();
    let port = wrapped(reactor, Script::new("server", &log), limit);
    let first = peer_of(&port);
    let _second = peer_of(&port);
    let third = Rc::new(RefCell::new(None));
    let late = Rc::clone(&third);
    when(reactor, there_are(&counts, 2), move |reactor| {
        let declined = peer_of(&port);
        declined.set_nonblocking(true).unwrap();
        let is_over = move || matches!((&declined).read(&mut [0]), Ok(0));
        when(reactor, is_over, move |reactor| {
            assert_eq!(counts.count(), 2);
            drop(first);
            when(reactor, there_are(&counts, 1), move |reactor| {
                *late.borrow_mut() = Some(peer_of(&port));
                when(reactor, there_are(&counts, 2), stop_soon);
            });
        });
    });

    run(reactor);

    assert_eq!(log.count("server made"), 3);
}

/// Whether so many connections are counted.
fn there_are(counts: &AtMost, connections: usize) -> impl Fn() -> bool + 'static {
    let counts = counts.clone();
    move || counts.count() == connections
}

/// Calls `then` in the first turn in which it `is_so`.
fn when(
    reactor: &Reactor,
    is_so: impl Fn() -> bool + 'static,
    then: impl FnOnce(&Reactor) + 'static,
) {
    if is_so() {
        return then(reactor);
    }
    reactor.call_later(Duration::ZERO, move |reactor| when(reactor, is_so, then));
}

// P-040
fn too_many_from_one_host_are_declined(reactor: &Reactor) {
    let log = Log::default();
    let limit = PerHost::new(1);
    let counts = limit.clone();
    let stop = stop_at_call(2, reactor);
    let script = Script::new("server", &log)
        .on_data(|transport, _| transport.lose_connection())
        .on_lost(move |_| stop());
    let port = wrapped(reactor, script, limit);
    let mut first = peer_of(&port);
    let declined = waiting_client(&port);
    let port_too = port.clone();
    after_turns(reactor, 5, move |reactor| {
        assert_eq!(counts.count(IpAddr::V4(Ipv4Addr::LOCALHOST)), 1);
        first.write_all(b"done").unwrap();
        after_turns(reactor, 5, move |_| {
            assert_eq!(counts.count(IpAddr::V4(Ipv4Addr::LOCALHOST)), 0);
            peer_of(&port_too).write_all(b"again").unwrap();
        });
    });

    run(reactor);

    assert_eq!(declined.join().unwrap().unwrap(), b"");
    assert_eq!(log.count("server made"), 2);
}

/// Says that it is full, and closes.
struct Full;

impl Protocol for Full {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        transport.write(b"full");
        transport.lose_connection();
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {}
}

struct FullFactory;

impl Factory for FullFactory {
    type Protocol = Full;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Full> {
        Some(Full)
    }
}

// P-039
fn an_overflow_factory_answers_those_who_are_declined(reactor: &Reactor) {
    let log = Log::default();
    let few = Wrapping::new(Rc::new(Script::new("server", &log)), AtMost::new(1));
    let factory = OrElse::new(Rc::new(few), Rc::new(FullFactory));
    let port = listen_with(reactor, factory);
    let _first = peer_of(&port);
    let second = waiting_client(&port);
    after_turns(reactor, 20, stop_soon);

    run(reactor);

    assert_eq!(second.join().unwrap().unwrap(), b"full");
    assert_eq!(log.count("server made"), 1);
}

// P-039
fn an_overflow_factory_ends_whatever_the_end_of_the_first_does(reactor: &Reactor) {
    let (log, reports) = (Log::default(), Reports::collected());
    let first = Script::unnoted().on_stop_factory(|| panic!("no end"));
    let second = Script::new("second", &log).noting_use();
    let port = listen_with(reactor, OrElse::new(Rc::new(first), Rc::new(second)));
    let notes = log.clone();
    after_turns(reactor, 1, move |reactor| {
        let stopped = port.stop_listening();
        stopped.map(move |()| notes.note("stopped")).ignore();
        stop_soon(reactor);
    });

    run(reactor);

    log.assert(&["second begins", "second ends", "stopped"]);
    reports.assert(&[("Unhandled error in stop_factory", "panic: no end")]);
}
