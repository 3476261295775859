//! What all backends have in common and only a test with a thread's own signals can show.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use signal_hook::consts::SIGUSR1;
use signal_hook::flag;

use super::*;
use crate::{Reactor, Stopped};

const WAIT: Duration = Duration::from_millis(50);

//
#[test]
fn an_interrupted_wait_ends_without_events_or_goes_on() {
    for name in NAMES {
        let mut backend = from_name(name).unwrap();
        let (ours, _peer) = UnixStream::pair().unwrap();
        let key = Key::new(7, 1);
        backend.register(ours.as_fd(), key, Interest::READ).unwrap();
        let mut events = Vec::new();
        let before = backend.now();

        let waited = while_interrupted(|| backend.wait(&mut events, Some(WAIT)));

        waited.unwrap();
        assert_eq!(events, [], "{name}");
        // The `polling` crate goes on waiting by itself.
        let early = backend.now() - before < WAIT;
        assert_eq!(early, *name != "polling", "{name}");
    }
}

//
#[test]
fn a_reactor_whose_waits_are_interrupted_runs_its_calls_in_time() {
    for name in NAMES {
        let reactor = Reactor::with_backend(from_name(name).unwrap()).unwrap();
        reactor.call_later(WAIT, Reactor::stop);

        let stopped = while_interrupted(|| reactor.run());

        assert_eq!(stopped.unwrap(), Stopped::Asked, "{name}");
        assert!(reactor.now() >= WAIT, "{name}");
    }
}

/// Does something while this thread is sent one signal after the other.
fn while_interrupted<T>(f: impl FnOnce() -> T) -> T {
    // Only so that the signal has a handler; it stays, for another thread may need it.
    flag::register(SIGUSR1, Arc::default()).unwrap();
    // SAFETY: it needs nothing.
    let this_thread = unsafe { libc::pthread_self() };
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                // SAFETY: the thread lives on at least until the scope has ended, and with it this one.
                let sent = unsafe { libc::pthread_kill(this_thread, SIGUSR1) };
                assert_eq!(sent, 0);
                thread::yield_now();
            }
        });
        let result = f();
        done.store(true, Ordering::Relaxed);
        result
    })
}
