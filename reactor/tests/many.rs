//! Many descriptors: more than one wait tells of, and numbers beyond the famous 1024.

mod common;

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use common::{
    BackendName, End, Log, in_a_child_of_its_own, on_every_backend, run, stop_after_turns,
};
use reactor::Reactor;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

on_every_backend!(
    a_descriptor_with_a_high_number_is_watched,
    each_of_three_thousand_has_its_turn,
    of_a_thousand_the_one_that_is_ready_is_told,
    the_others_stay_watched_when_one_is_removed,
);

/// A copy of the descriptor, with a number from `least` on.
fn copy(descriptor: &OwnedFd, least: i32) -> OwnedFd {
    rustix::io::fcntl_dupfd_cloexec(descriptor, least).unwrap()
}

fn allow_many_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(4_000, |most| most.min(4_000));
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: Some(wanted.max(limit.current.unwrap_or(wanted))),
            ..limit
        },
    )
    .unwrap();
}

fn a_descriptor_with_a_high_number_is_watched(on: BackendName) {
    in_a_child_of_its_own(|| {
        allow_many_descriptors();
        let reactor = on.reactor();
        let log = Log::default();
        let (low, _peer_of_low) = End::readable_pair("low", &log);
        reactor.add_reader(Rc::new(low)).unwrap();
        let (socket, mut peer) = UnixStream::pair().unwrap();
        peer.write_all(b"x").unwrap();
        let high = copy(&socket.into(), 2_500);
        assert!(high.as_raw_fd() >= 2_500);
        let high = Rc::new(End::new("high", &log, high));
        reactor.add_reader(high.clone()).unwrap();
        reactor.add_writer(high).unwrap();
        stop_after_turns(&reactor, 1);

        run(&reactor);

        for told in ["low reads", "high reads", "high writes"] {
            assert_eq!(log.count(told), 1, "{told}");
        }
    });
}

/// They are more than one wait of `epoll` or `polling` tells of.
fn each_of_three_thousand_has_its_turn(on: BackendName) {
    in_a_child_of_its_own(|| {
        allow_many_descriptors();
        let reactor = on.reactor();
        let (socket, mut peer) = UnixStream::pair().unwrap();
        peer.write_all(b"x").unwrap();
        let socket = socket.into();
        let told = Rc::new(RefCell::new(BTreeSet::new()));
        for n in 0..3_000 {
            let noting = Rc::clone(&told);
            let end = End::new("one of many", &Log::default(), copy(&socket, 0));
            let end = end.on_read(move |_, reactor| {
                noting.borrow_mut().insert(n);
                if noting.borrow().len() == 3_000 && reactor.is_running() {
                    reactor.stop()?;
                }
                Ok(())
            });
            reactor.add_reader(Rc::new(end)).unwrap();
        }
        stop_after_turns(&reactor, 4);

        reactor.run().unwrap();

        assert_eq!(told.borrow().len(), 3_000);
    });
}

fn of_a_thousand_the_one_that_is_ready_is_told(on: BackendName) {
    in_a_child_of_its_own(|| {
        allow_many_descriptors();
        let reactor = on.reactor();
        let log = Log::default();
        let (socket, _peer) = UnixStream::pair().unwrap();
        let socket = socket.into();
        let add_quiet = || {
            for _ in 0..500 {
                let end = End::new("quiet", &log, copy(&socket, 0));
                reactor.add_reader(Rc::new(end)).unwrap();
            }
        };
        add_quiet();
        let (ready, _peer_of_ready) = End::readable_pair("ready", &log);
        reactor.add_reader(Rc::new(ready)).unwrap();
        add_quiet();
        stop_after_turns(&reactor, 2);

        run(&reactor);

        assert_eq!((log.count("ready reads"), log.count("quiet reads")), (2, 0));
    });
}

fn the_others_stay_watched_when_one_is_removed(reactor: Reactor) {
    let log = Log::default();
    let mut ends = Vec::new();
    let mut peers = Vec::new();
    for name in ["first", "second", "third", "fourth"] {
        let (end, peer) = End::readable_pair(name, &log);
        let end = Rc::new(end);
        reactor.add_reader(end.clone()).unwrap();
        ends.push(end);
        peers.push(peer);
    }
    stop_after_turns(&reactor, 1);

    reactor.remove_reader(&*ends[1]);
    reactor.remove_reader(&*ends[3]);
    reactor.add_writer(ends[2].clone()).unwrap();

    run(&reactor);
    let counts = ["first", "second", "third", "fourth"].map(|name| {
        (
            log.count(&format!("{name} reads")),
            log.count(&format!("{name} writes")),
        )
    });
    assert_eq!(counts, [(1, 0), (0, 0), (1, 1), (0, 0)]);
}
