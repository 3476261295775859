//! What the tests of endpoints share: runs that last until a Deferred has its result.
//!
//! A test file that needs them names this module itself, beside `common`.

#![allow(dead_code, reason = "no test file needs all of it")]

use std::cell::Cell;
use std::rc::Rc;

use protocols::deferred::{Deferred, Failure};
use protocols::reactor::Reactor;

use super::common::{name_of, run, stop_soon};

/// Runs the reactor until the Deferred has a result, and a few turns more.
#[track_caller]
pub(crate) fn run_until<T: 'static>(
    reactor: &Reactor,
    deferred: Deferred<T>,
) -> Result<T, Failure> {
    let (result, stop) = (Rc::new(Cell::new(None)), reactor.clone());
    let seen = Rc::clone(&result);
    deferred
        .add_both(move |result| {
            seen.set(Some(result));
            stop_soon(&stop);
        })
        .ignore();
    run(reactor);
    result.take().expect("it has stopped the reactor")
}

/// Runs the reactor until the Deferred has failed, and gives the name of the reason.
#[track_caller]
pub(crate) fn run_until_failed<T: 'static>(reactor: &Reactor, deferred: Deferred<T>) -> String {
    match run_until(reactor, deferred) {
        Ok(_) => panic!("it has succeeded"),
        Err(failure) => name_of(&failure),
    }
}
