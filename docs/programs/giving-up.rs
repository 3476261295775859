//! Work that is given up: the program of the book's chapter on cancelling.
//!
//! ```sh
//! cargo run -p docs --bin giving-up
//! ```

use std::cell::Cell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use protocols::deferred::{CancelledError, Deferred};
use protocols::reactor::task::{AddTimeout, react};
use protocols::reactor::{DelayedCall, Reactor};

fn main() -> ExitCode {
    react(|reactor| {
        let later = reactor.clone();
        cancelled_by_hand(reactor).add_callback(move |()| timed_out(&later))
    })
}

// ANCHOR: producer
/// Gets a poem that takes a minute, unless it is cancelled.
fn get_poetry(reactor: &Reactor) -> Deferred<&'static str> {
    let work = Rc::new(Cell::new(None::<DelayedCall>));
    let to_stop = Rc::clone(&work);
    let (firer, poem) = Deferred::with_canceller(move |_firer| {
        println!("the producer stops its work");
        if let Some(work) = to_stop.take() {
            // It has not run: else the chain would have its result, and nobody would cancel.
            let _ = work.cancel();
        }
    });
    let minute = Duration::from_secs(60);
    work.set(Some(reactor.call_later(minute, move |_| {
        firer.callback("much too late");
    })));
    poem
}
// ANCHOR_END: producer

// ANCHOR: by-hand
fn cancelled_by_hand(reactor: &Reactor) -> Deferred<()> {
    let poem = get_poetry(reactor);
    let handle = poem.cancel_handle();
    reactor.call_later(Duration::from_millis(5), move |_| handle.cancel());
    poem.map(|poem| println!("{poem}")).add_errback(|failure| {
        failure.trap::<CancelledError>()?;
        println!("cancelled: there is no poem, and that is fine");
        Ok(())
    })
}
// ANCHOR_END: by-hand

// ANCHOR: timeout
fn timed_out(reactor: &Reactor) -> Deferred<()> {
    get_poetry(reactor)
        .add_timeout(Duration::from_millis(5), reactor)
        .map(|poem| println!("{poem}"))
        .add_errback(|failure| {
            println!("timed out: {}", failure.error());
            Ok(())
        })
}
// ANCHOR_END: timeout
