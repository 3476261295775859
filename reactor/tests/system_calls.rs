//! What a turn of the loop asks of the system, in counts that no noise of the machine can change.

#![cfg(target_os = "linux")]

mod common;
mod tracing;

use std::thread;
use std::time::Duration;

use common::{on_every_backend, stop_after_turns};
use reactor::Reactor;
use tracing::{begin, end, system_calls};

on_every_backend!(
    a_turn_asks_the_system_as_often_as_its_backend_says,
    a_thousand_calls_from_a_thread_wake_the_loop_once,
);

const TURNS: usize = 100;

/// How many system calls a wait of this backend takes.
fn of_a_wait(backend: &str) -> usize {
    match backend {
        // It arms a timer and its own way to be woken up, each anew.
        "polling" => 5,
        _ => 1,
    }
}

fn a_turn_asks_the_system_as_often_as_its_backend_says(reactor: Reactor) {
    let backend = reactor.backend_name();
    let calls = system_calls(|| {
        // What a call makes waits for the next turn.
        reactor.call_later(Duration::ZERO, |reactor| {
            begin();
            turn(reactor, TURNS);
        });
        reactor.run().unwrap();
    });

    let Some(calls) = calls else { return };
    println!("measured: {calls:?} in {TURNS} turns");
    assert_eq!(calls.values().sum::<usize>(), of_a_wait(backend) * TURNS);
}

/// As many turns as are left, each of which has one call to make.
fn turn(reactor: &Reactor, left: usize) {
    reactor.call_later(Duration::ZERO, move |reactor| match left {
        1 => {
            end();
            reactor.stop().expect("it runs");
        }
        _ => turn(reactor, left - 1),
    });
}

fn a_thousand_calls_from_a_thread_wake_the_loop_once(reactor: Reactor) {
    let calls = system_calls(|| {
        reactor.call_when_running(|reactor| {
            let remote = reactor.remote_handle();
            let sends = thread::spawn(move || {
                begin();
                for _ in 0..1000 {
                    remote.call_from_thread(|_| ()).unwrap();
                }
                end();
            });
            // The loop runs none of them until all are sent.
            sends.join().unwrap();
            stop_after_turns(reactor, 5);
        });
        reactor.run().unwrap();
    });

    let Some(calls) = calls else { return };
    println!("measured: {calls:?} for a thousand calls");
    assert_eq!(calls.get("write"), Some(&1), "{calls:?}");
    // The others get memory.
    let others = calls.keys().filter(|name| *name != "write");
    let mut unexpected = others.filter(|name| !OF_MEMORY.contains(&name.as_str()));
    assert_eq!(unexpected.next(), None, "{calls:?}");
}

/// The calls by which an allocator gets memory.
const OF_MEMORY: [&str; 5] = ["brk", "mmap", "munmap", "mprotect", "madvise"];
