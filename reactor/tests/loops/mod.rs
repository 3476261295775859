//! Loops that note when they run.

use std::cell::RefCell;
use std::rc::Rc;

use deferred::{Deferred, Firer};
use reactor::task::LoopingCall;
use reactor::testing::TestClock;

use crate::common::Log;

/// A loop whose function notes the time.
pub(crate) fn noting_loop(clock: &TestClock, log: &Log) -> LoopingCall {
    let (timer, log) = (clock.clone(), log.clone());
    LoopingCall::new(clock, move |_| log.note(format!("{:?}", timer.now())))
}

pub(crate) type Firers = Rc<RefCell<Vec<Firer<()>>>>;

/// A loop whose function notes the time and returns a Deferred; and what will fire these.
pub(crate) fn waiting_loop(clock: &TestClock, log: &Log) -> (LoopingCall, Firers) {
    let firers = Firers::default();
    let (timer, log, kept) = (clock.clone(), log.clone(), Rc::clone(&firers));
    let looping = LoopingCall::new(clock, move |_| {
        log.note(format!("{:?}", timer.now()));
        let (firer, deferred) = Deferred::new();
        kept.borrow_mut().push(firer);
        deferred
    });
    (looping, firers)
}
