//! Waits, asked of the backends themselves: how long they are, and how another loop can wait for them.

mod common;

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use common::{BackendName, on_every_backend};
use reactor::backend::{Interest, Key};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

on_every_backend!(
    a_wait_is_as_long_as_asked_to_the_part_of_a_millisecond,
    a_wait_of_nothing_is_over_at_once,
    a_wait_that_is_longer_than_the_system_can_wait_ends_with_an_event,
    a_wait_tells_of_one_descriptor_once,
    a_change_of_interest_counts_from_the_next_wait_on,
    its_descriptor_is_readable_when_a_wait_would_bring_events,
    it_has_no_descriptor_while_one_counts_as_always_ready,
);

const KEY: Key = Key::from_usize(7);

/// A wait may be longer on a busy machine, but not each of many.
fn a_wait_is_as_long_as_asked_to_the_part_of_a_millisecond(on: BackendName) {
    let mut backend = on.backend();
    let timeout = Duration::from_micros(300);
    let waited: Vec<_> = (0..50)
        .map(|_| {
            let before = backend.now();
            backend.wait(&mut Vec::new(), Some(timeout)).unwrap();
            backend.now() - before
        })
        .collect();

    let shortest = *waited.iter().min().unwrap();

    assert!(shortest >= timeout, "{shortest:?}");
    assert!(shortest < Duration::from_millis(1), "{shortest:?}");
}

fn a_wait_of_nothing_is_over_at_once(on: BackendName) {
    let mut backend = on.backend();
    let mut events = Vec::new();

    backend.wait(&mut events, Some(Duration::ZERO)).unwrap();

    assert_eq!(events, []);
}

fn a_wait_that_is_longer_than_the_system_can_wait_ends_with_an_event(on: BackendName) {
    let mut backend = on.backend();
    let (ours, _peer) = UnixStream::pair().unwrap();
    backend
        .register(ours.as_fd(), KEY, Interest::WRITE)
        .unwrap();
    let mut events = Vec::new();

    backend.wait(&mut events, Some(Duration::MAX)).unwrap();

    assert_eq!(events.len(), 1);
}

fn a_wait_tells_of_one_descriptor_once(on: BackendName) {
    let mut backend = on.backend();
    let (ours, mut peer) = UnixStream::pair().unwrap();
    peer.write_all(b"x").unwrap();
    let both = Interest::READ.and(Interest::WRITE);
    backend.register(ours.as_fd(), KEY, both).unwrap();
    let mut events = Vec::new();

    backend.wait(&mut events, None).unwrap();

    assert_eq!(events.len(), 1);
    let event = events[0];
    assert_eq!(event.key, KEY);
    assert!(event.readable && event.writable);
}

fn a_change_of_interest_counts_from_the_next_wait_on(on: BackendName) {
    let mut backend = on.backend();
    let (ours, _peer) = UnixStream::pair().unwrap();
    let fd = ours.as_fd();
    backend.register(fd, KEY, Interest::WRITE).unwrap();
    let mut count = |interest| {
        backend.modify(fd, KEY, interest).unwrap();
        let mut events = Vec::new();
        backend.wait(&mut events, Some(Duration::ZERO)).unwrap();
        events.len()
    };

    let counts = [Interest::READ, Interest::WRITE, Interest::READ].map(&mut count);

    assert_eq!(counts, [0, 1, 0]);
}

fn its_descriptor_is_readable_when_a_wait_would_bring_events(on: BackendName) {
    let mut backend = on.backend();
    let (ours, mut peer) = UnixStream::pair().unwrap();
    backend.register(ours.as_fd(), KEY, Interest::READ).unwrap();
    let Some(descriptor) = backend.descriptor() else {
        // Those that ask the system anew each time have none.
        assert!(["poll", "select"].contains(&backend.name()));
        return;
    };
    let before = is_readable(descriptor);

    peer.write_all(b"x").unwrap();

    assert_eq!((before, is_readable(descriptor)), (false, true));
}

fn it_has_no_descriptor_while_one_counts_as_always_ready(on: BackendName) {
    let mut backend = on.backend();
    let file = File::open("/dev/null").unwrap();
    let fd = file.as_fd();
    let before = backend.descriptor().is_some();

    backend.register(fd, KEY, Interest::READ).unwrap();
    let meanwhile = backend.descriptor().is_some();
    backend.deregister(fd, KEY).unwrap();

    assert!(!meanwhile);
    assert_eq!(backend.descriptor().is_some(), before);
}

fn is_readable(descriptor: BorrowedFd<'_>) -> bool {
    let mut list = [PollFd::new(&descriptor, PollFlags::IN)];
    poll(&mut list, Some(&Timespec::default())).unwrap() == 1
}
