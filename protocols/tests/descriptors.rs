//! Ports and clients of a process that runs out of descriptors.

#![cfg(target_os = "linux")]

mod common;
#[path = "common/logs.rs"]
mod logs;

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::time::Duration;

use common::child::{in_a_process_of_its_own, limit_descriptors, open_descriptors};
use common::{
    Log, Script, after_turns, calling, connect, listen, listener, on_every_backend, peer_of,
    read_all, recorded, run, stop_at_call, stop_soon,
};
use logs::Logged;
use protocols::reactor::Reactor;
use protocols::{Address, ConnectError, Port};
use rustix::io::Errno;

on_every_backend!(
    one_descriptor_is_held_in_reserve_by_all_ports,
    a_port_without_a_reserve_says_so_and_listens,
    a_client_that_no_descriptor_is_left_for_is_turned_away_at_once,
    an_episode_without_descriptors_is_logged_once_and_by_name,
    a_port_without_descriptors_rests_and_goes_on_when_there_are_some,
    a_port_that_rests_leaves_its_connections_alone,
    a_port_that_is_stopped_while_it_rests_is_closed_when_it_says_so,
    a_port_that_rests_hears_that_the_reactor_stops,
    a_client_without_a_descriptor_fails_and_connects_when_there_is_one,
);

/// Listens with the last descriptor that there is, so that none is left for a reserve.
fn without_reserve(reactor: &Reactor, script: Script) -> Port {
    let mut files = use_up_descriptors();
    files.pop();

    let port = listen(reactor, script);

    assert!(!port.has_reserve());
    port
}

// L-018
fn one_descriptor_is_held_in_reserve_by_all_ports(reactor: &Reactor) {
    let name = "one_descriptor_is_held_in_reserve_by_all_ports";
    in_a_process_of_its_own(reactor, name, || {
        let before = open_descriptors();

        let first = listen(reactor, Script::unnoted());
        let with_one = open_descriptors();
        let second = listen(reactor, Script::unnoted());
        let with_two = open_descriptors();

        assert!(first.has_reserve() && second.has_reserve());
        assert_eq!((with_one - before, with_two - before), (2, 3));
    });
}

// L-019
fn a_port_without_a_reserve_says_so_and_listens(reactor: &Reactor) {
    let name = "a_port_without_a_reserve_says_so_and_listens";
    in_a_process_of_its_own(reactor, name, || {
        let (logged, stop) = (Logged::collected(), stop_at_call(1, reactor));
        let port = without_reserve(reactor, Script::unnoted().on_made(move |_| stop()));
        let lines = logged.take();
        let _peer = peer_of(&port);

        run(reactor);

        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(lines[0].starts_with("ERROR cannot hold a descriptor in reserve"));
    });
}

/// What a peer is told while no descriptor is left, after which all of them are given back.
fn turned_away(reactor: &Reactor, clients: usize) -> Log {
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let port = listen(
        reactor,
        Script::new("server", &log).on_made(move |_| stop()),
    );
    let peers: Vec<_> = (0..clients).map(|_| peer_of(&port)).collect();
    let notes = log.clone();
    reactor.call_when_running(move |reactor| {
        let files = use_up_descriptors();
        after_turns(reactor, 5, move |reactor| {
            for peer in &peers {
                notes.note(format!("peer read {:?}", read_all(peer).unwrap()));
            }
            drop(files);
            notes.note(format!("reserve {}", port.has_reserve()));
            // Now there is room for another one.
            let late = peer_of(&port);
            after_turns(reactor, 50, move |_| drop(late));
        });
    });

    run(reactor);

    log
}

// L-015, L-017, L-018
// fault: no descriptors
fn a_client_that_no_descriptor_is_left_for_is_turned_away_at_once(reactor: &Reactor) {
    let name = "a_client_that_no_descriptor_is_left_for_is_turned_away_at_once";
    in_a_process_of_its_own(reactor, name, || {
        let log = turned_away(reactor, 2);

        log.assert(&[
            "peer read []",
            "peer read []",
            "reserve true",
            "server built",
            "server made",
            "server lost ReactorStopped",
        ]);
    });
}

// L-015
// fault: no descriptors
fn an_episode_without_descriptors_is_logged_once_and_by_name(reactor: &Reactor) {
    let name = "an_episode_without_descriptors_is_logged_once_and_by_name";
    in_a_process_of_its_own(reactor, name, || {
        let logged = Logged::collected();

        turned_away(reactor, 5);

        let lines = logged.take_level("ERROR");
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(
            lines[0].contains("cannot accept on TCP 127.0.0.1:"),
            "{lines:?}"
        );
        assert!(lines[0].contains("EMFILE"), "{lines:?}");
    });
}

// L-007, L-020
fn a_port_that_rests_hears_that_the_reactor_stops(reactor: &Reactor) {
    let name = "a_port_that_rests_hears_that_the_reactor_stops";
    in_a_process_of_its_own(reactor, name, || {
        let log = Log::default();
        let port = without_reserve(reactor, Script::new("server", &log).noting_use());
        let _peer = peer_of(&port);
        reactor.call_when_running(|reactor| {
            let files = use_up_descriptors();
            after_turns(reactor, 3, move |reactor| {
                drop(files);
                stop_soon(reactor);
            });
        });

        run(reactor);

        log.assert(&["server begins", "server ends"]);
        assert!(!port.is_listening());
    });
}

/// Takes every descriptor that the process may still have.
fn use_up_descriptors() -> Vec<File> {
    limit_descriptors(open_descriptors() + 20);
    let mut files = Vec::new();
    loop {
        match File::open("/dev/null") {
            Ok(file) => files.push(file),
            Err(error) => {
                assert_eq!(error.raw_os_error(), Some(Errno::MFILE.raw_os_error()));
                return files;
            }
        }
    }
}

// L-019, L-020, L-015, L-017
// fault: no descriptors
fn a_port_without_descriptors_rests_and_goes_on_when_there_are_some(reactor: &Reactor) {
    let name = "a_port_without_descriptors_rests_and_goes_on_when_there_are_some";
    in_a_process_of_its_own(reactor, name, || {
        let (reactor, waits) = recorded(reactor);
        let (log, stop) = (Log::default(), stop_at_call(3, &reactor));
        let script = Script::new("server", &log).on_made(move |_| stop());
        let port = without_reserve(&reactor, script);
        let _peers: Vec<_> = (0..3).map(|_| peer_of(&port)).collect();
        let (seen, resting) = (log.clone(), Rc::new(Cell::new(None)));
        let (turns, during) = (waits.clone(), Rc::clone(&resting));
        reactor.call_when_running(move |reactor| {
            let files = use_up_descriptors();
            reactor.call_later(Duration::from_millis(450), move |_| {
                during.set(Some((turns.count(), seen.is_empty())));
                drop(files);
            });
        });

        run(&reactor);

        let (turns, nobody) = resting.get().unwrap();
        assert!(nobody, "there was no descriptor to let anybody in");
        // It tries again at most each 100 ms, and each try is a turn that ends a rest and one that begins one.
        assert!(turns <= 20, "{turns} turns");
        assert_eq!(log.count("server made"), 3);
        println!("measured: {turns} turns in 450 ms without descriptors");
    });
}

// L-015
// fault: no descriptors
fn a_port_that_rests_leaves_its_connections_alone(reactor: &Reactor) {
    let name = "a_port_that_rests_leaves_its_connections_alone";
    in_a_process_of_its_own(reactor, name, || {
        let (log, stop) = (Log::default(), stop_at_call(2, reactor));
        let (files, late): (_, Rc<RefCell<Vec<_>>>) = (Rc::new(RefCell::new(None)), Rc::default());
        let peers = Rc::new(RefCell::new(Vec::new()));
        let (waiting, taken, answered) = (Rc::clone(&peers), Rc::clone(&files), late.clone());
        let script = Script::new("server", &log)
            .on_made(move |_| stop())
            .on_data(move |transport, _| {
                // By now another client waits in vain.
                transport.write(b"yes");
                answered.borrow_mut().push(taken.borrow().is_some());
                taken.borrow_mut().take();
            });
        let port = Rc::new(without_reserve(reactor, script));
        peers.borrow_mut().push(peer_of(&port));
        let loop_port = Rc::clone(&port);
        reactor.call_later(Duration::ZERO, move |reactor| {
            after_turns(reactor, 2, move |reactor| {
                waiting.borrow_mut().push(peer_of(&loop_port));
                *files.borrow_mut() = Some(use_up_descriptors());
                after_turns(reactor, 5, move |_| {
                    (&waiting.borrow()[0]).write_all(b"still there?").unwrap();
                });
            });
        });

        run(reactor);

        assert_eq!(*late.borrow(), [true]);
        assert_eq!(log.count("server made"), 2);
        assert_eq!(read_all(&peers.borrow()[0]).unwrap(), b"yes");
    });
}

// L-003, L-020
// fault: a listener closed meanwhile
fn a_port_that_is_stopped_while_it_rests_is_closed_when_it_says_so(reactor: &Reactor) {
    let name = "a_port_that_is_stopped_while_it_rests_is_closed_when_it_says_so";
    in_a_process_of_its_own(reactor, name, || {
        let port = without_reserve(reactor, Script::unnoted());
        let _peer = peer_of(&port);
        let bound = Rc::new(Cell::new(None));
        let seen = Rc::clone(&bound);
        reactor.call_when_running(move |reactor| {
            let files = use_up_descriptors();
            // The client has come in vain by then.
            after_turns(reactor, 3, move |reactor| {
                drop(files);
                let stop = reactor.clone();
                let to_bind = socket_address(&port);
                port.stop_listening()
                    .map(move |()| {
                        seen.set(Some(TcpListener::bind(to_bind).is_ok()));
                        stop_soon(&stop);
                    })
                    .log_failure("while stopping");
            });
        });

        run(reactor);

        assert_eq!(bound.get(), Some(true));
    });
}

fn socket_address(port: &Port) -> SocketAddr {
    let Address::Tcp(address) = port.address() else {
        unreachable!("these ports are of TCP")
    };
    address
}

// fault: no descriptors
fn a_client_without_a_descriptor_fails_and_connects_when_there_is_one(reactor: &Reactor) {
    let name = "a_client_without_a_descriptor_fails_and_connects_when_there_is_one";
    in_a_process_of_its_own(reactor, name, || {
        let (log, stop) = (Log::default(), stop_at_call(1, reactor));
        let (_listener, port) = listener();
        let files: Rc<RefCell<Vec<File>>> = Rc::default();
        let taken = Rc::clone(&files);
        let script = Script::new("client", &log)
            .on_failed(move |connector, reason| {
                let Some(ConnectError::Other(_, error)) = reason.check() else {
                    panic!("{reason}");
                };
                assert_eq!(error.raw_os_error(), Some(Errno::MFILE.raw_os_error()));
                files.borrow_mut().clear();
                connector.connect().expect("no attempt is under way");
            })
            .on_made(move |_| stop());

        reactor.call_when_running(move |reactor| {
            *taken.borrow_mut() = use_up_descriptors();
            calling(|| connect(reactor, port, script));
        });
        run(reactor);

        let expected = [
            "client started",
            "client failed Other",
            "client started",
            "client built",
            "client made",
        ];
        assert_eq!(log.notes()[..5], expected);
    });
}
