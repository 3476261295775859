//! Work that blocks, on another thread: the program of the book's chapter of that name.
//!
//! ```sh
//! cargo run -p docs --bin blocking-work
//! ```

use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::Duration;

use protocols::deferred::Failure;
use protocols::reactor::Reactor;
use protocols::reactor::task::react;

// ANCHOR: main
fn main() -> ExitCode {
    react(|reactor| {
        let (ticks, ticked) = mpsc::channel();
        tick(reactor, 1, ticks);

        let here = thread::current().id();
        reactor
            .defer_to_thread(move || find_rhymes(&ticked))
            .map(move |rhymes| {
                println!("found: {}", rhymes.join(", "));
                println!(
                    "told on the loop's thread: {}",
                    thread::current().id() == here
                );
            })
    })
}

/// Takes its time: it blocks until the loop has ticked three times.
fn find_rhymes(ticked: &Receiver<()>) -> Result<Vec<&'static str>, Failure> {
    for _ in 0..3 {
        ticked.recv()?;
    }
    Ok(vec!["moon", "June"])
}

/// Shows that the loop turns.
fn tick(reactor: &Reactor, number: u32, ticks: Sender<()>) {
    println!("tick {number}");
    // Nobody listens any more if the work was given up.
    let _ = ticks.send(());
    if number < 3 {
        reactor.call_later(Duration::from_millis(5), move |reactor| {
            tick(reactor, number + 1, ticks);
        });
    }
}
// ANCHOR_END: main
