//! The clients of a port: when and in which order they are let in, and what becomes of those that are not.

mod common;

use std::cell::{Cell, RefCell};
use std::io::Write;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use common::{
    Log, Reports, Script, after_turns, listen, on_every_backend, peer_of, read_all, run,
    stop_at_call,
};
use protocols::reactor::Reactor;
use protocols::{Address, ListenOptions, Port, ReactorTcp};

on_every_backend!(
    a_port_takes_clients_before_the_loop_runs,
    a_client_is_built_with_its_address_before_it_is_made,
    clients_are_let_in_in_the_order_in_which_they_came,
    a_turn_accepts_more_after_one_that_used_up_its_bound_and_less_after_one_that_did_not,
    a_quiet_port_accepts_few_clients_in_a_turn_at_first,
    clients_are_numbered_from_0,
    a_declined_client_is_closed_and_the_port_goes_on,
    a_panic_in_build_protocol_closes_that_client_only,
    a_client_that_has_reset_before_it_is_accepted_does_no_harm,
);

// L-001
fn a_port_takes_clients_before_the_loop_runs(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let port = listen(
        reactor,
        Script::new("server", &log).on_made(move |_| stop()),
    );

    let _peer = peer_of(&port);
    let before = log.is_empty();
    run(reactor);

    assert!(before);
    assert_eq!(log.count("server made"), 1);
}

// L-012, N-004, N-058
fn a_client_is_built_with_its_address_before_it_is_made(reactor: &Reactor) {
    let (log, seen) = (Log::default(), Rc::new(RefCell::new(Vec::new())));
    let (built, made, stop) = (Rc::clone(&seen), Rc::clone(&seen), stop_at_call(1, reactor));
    let script = Script::new("server", &log)
        .on_build(move |peer| {
            built.borrow_mut().push(peer.clone());
            true
        })
        .on_made(move |transport| {
            made.borrow_mut()
                .extend([transport.peer(), transport.host()]);
        })
        .on_data(move |_, _| stop());
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    peer.write_all(b"hello").unwrap();

    run(reactor);

    log.assert(&[
        "server built",
        "server made",
        "server data hello",
        "server lost ReactorStopped",
    ]);
    let theirs = Address::from(peer.local_addr().unwrap());
    assert_eq!(*seen.borrow(), [theirs.clone(), theirs, port.address()]);
}

// L-012
fn clients_are_let_in_in_the_order_in_which_they_came(reactor: &Reactor) {
    let (seen, stop) = (Rc::new(RefCell::new(Vec::new())), stop_at_call(10, reactor));
    let built = Rc::clone(&seen);
    let script = Script::unnoted()
        .on_build(move |peer| {
            built.borrow_mut().push(peer.clone());
            true
        })
        .on_made(move |_| stop());
    let port = listen(reactor, script);
    let peers: Vec<_> = (0..10).map(|_| peer_of(&port)).collect();

    run(reactor);

    let came = peers.iter().map(|peer| peer.local_addr().unwrap().into());
    assert_eq!(*seen.borrow(), came.collect::<Vec<Address>>());
}

/// Notes in each turn how many clients there were until then, and how often that has changed.
fn count_in_each_turn(reactor: &Reactor, log: &Log, counts: &Rc<RefCell<Vec<usize>>>) {
    let (log, counts) = (log.clone(), Rc::clone(counts));
    reactor.call_later(Duration::ZERO, move |reactor| {
        let count = log.count("server made");
        if counts.borrow().last() != Some(&count) {
            counts.borrow_mut().push(count);
        }
        count_in_each_turn(reactor, &log, &counts);
    });
}

// L-014
// fault: many at once
fn a_turn_accepts_more_after_one_that_used_up_its_bound_and_less_after_one_that_did_not(
    reactor: &Reactor,
) {
    const FIRST: usize = 250;
    const ALL: usize = FIRST + 40;
    let (log, stop) = (Log::default(), stop_at_call(ALL, reactor));
    let (all_of_first, more) = (Rc::new(Cell::new(0)), Rc::new(RefCell::new(Vec::new())));
    let (made, late) = (Rc::clone(&all_of_first), Rc::clone(&more));
    let there: Rc<RefCell<Option<Port>>> = Rc::default();
    let port_of_late = Rc::clone(&there);
    let script = Script::new("server", &log).on_made(move |_| {
        made.set(made.get() + 1);
        if made.get() == FIRST {
            let port = port_of_late.borrow().clone().expect("it listens");
            late.borrow_mut()
                .extend((FIRST..ALL).map(|_| peer_of(&port)));
        }
        stop();
    });
    let options = ListenOptions::new(0)
        .interface(Ipv4Addr::LOCALHOST.into())
        .backlog(300);
    let port = reactor.listen_tcp_with(options, Rc::new(script)).unwrap();
    *there.borrow_mut() = Some(port.clone());
    let _peers: Vec<_> = (0..FIRST).map(|_| peer_of(&port)).collect();
    let counts = Rc::default();
    count_in_each_turn(reactor, &log, &counts);

    run(reactor);

    // The third turn is allowed 140, but finds 70 of the late ones only; then it goes on with that many.
    assert_eq!(*counts.borrow(), [0, 100, 220, 290]);
    there.take();
}

// L-014
fn a_quiet_port_accepts_few_clients_in_a_turn_at_first(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(31, reactor));
    let script = Script::new("server", &log).on_made(move |_| stop());
    let port = listen(reactor, script);
    let peers = Rc::new(RefCell::new(vec![peer_of(&port)]));
    let kept = Rc::clone(&peers);
    after_turns(reactor, 3, move |_| {
        let burst = (0..30).map(|_| peer_of(&port));
        kept.borrow_mut().extend(burst);
    });
    let counts = Rc::default();
    count_in_each_turn(reactor, &log, &counts);

    run(reactor);

    // One was there in the first turn, so one is allowed in the next, and 20 more in each after that.
    assert_eq!(*counts.borrow(), [0, 1, 2, 23, 31]);
    drop(peers);
}

// L-012, N-063
fn clients_are_numbered_from_0(reactor: &Reactor) {
    let (loop_, names): (_, Rc<RefCell<Vec<String>>>) = (reactor.clone(), Rc::default());
    let (seen, stop, made) = (Rc::clone(&names), stop_at_call(1, reactor), Cell::new(0));
    let script = Script::unnoted().on_made(move |_| {
        made.set(made.get() + 1);
        if made.get() == 3 {
            let (seen, stop) = (Rc::clone(&seen), stop.clone());
            after_turns(&loop_, 0, move |reactor| {
                let readers = reactor.readers();
                let names = readers.iter().map(|reader| reader.log_prefix());
                seen.borrow_mut().extend(names);
                stop();
            });
        }
    });
    let port = listen(reactor, script);
    let _peers: Vec<_> = (0..3).map(|_| peer_of(&port)).collect();

    run(reactor);

    let mut names = names.take();
    names.retain(|name| name.starts_with("Player"));
    names.sort();
    let expected = [0, 1, 2].map(|n| format!("Player,{n},127.0.0.1"));
    assert_eq!(names, expected);
}

// L-013
// fault: declined
fn a_declined_client_is_closed_and_the_port_goes_on(reactor: &Reactor) {
    let (log, count, stop) = (Log::default(), Cell::new(0), stop_at_call(1, reactor));
    let script = Script::new("server", &log)
        .on_build(move |_| {
            count.set(count.get() + 1);
            count.get() > 1
        })
        .on_made(move |_| stop());
    let port = listen(reactor, script);
    let (declined, _taken) = (peer_of(&port), peer_of(&port));

    run(reactor);

    assert_eq!(read_all(&declined).unwrap(), b"");
    log.assert(&[
        "server built",
        "server built",
        "server made",
        "server lost ReactorStopped",
    ]);
}

// L-013
// fault: a panic in a callback
fn a_panic_in_build_protocol_closes_that_client_only(reactor: &Reactor) {
    let (log, reports) = (Log::default(), Reports::collected());
    let (count, stop) = (Cell::new(0), stop_at_call(1, reactor));
    let script = Script::new("server", &log)
        .on_build(move |_| {
            count.set(count.get() + 1);
            assert!(count.get() > 1, "no protocol");
            true
        })
        .on_made(move |_| stop());
    let port = listen(reactor, script);
    let (refused, _taken) = (peer_of(&port), peer_of(&port));

    run(reactor);

    assert_eq!(read_all(&refused).unwrap(), b"");
    assert_eq!(log.count("server made"), 1);
    reports.assert(&[("Unhandled error in build_protocol", "panic: no protocol")]);
}

// L-015, N-021
// fault: reset
fn a_client_that_has_reset_before_it_is_accepted_does_no_harm(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let script = Script::new("server", &log).on_data(move |_, _| stop());
    let port = listen(reactor, script);
    common::peers::reset(peer_of(&port));
    let mut good = peer_of(&port);
    good.write_all(b"hello").unwrap();

    run(reactor);

    assert_eq!(log.count("server data hello"), 1);
}
