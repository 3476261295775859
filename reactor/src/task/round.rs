//! One round of a loop: from its start, run by run, to its end.

use std::cell::{Cell, RefCell};
use std::mem;
use std::panic::Location;
use std::rc::Rc;

use deferred::{Deferred, Failure, Firer};

use super::grid::Grid;
use super::later::off;
use super::looping::{LoopError, LoopingCall};
use super::{NextTurn, Turns};
use crate::clock::Clock;
use crate::delayed::DelayedCall;

pub(super) type Function = Box<dyn FnMut(&LoopingCall, u64) -> Deferred<()>>;

/// A loop, and the round that it is in.
pub(super) struct Inner {
    pub(super) clock: Rc<dyn Clock>,
    /// Taken out while it runs.
    pub(super) function: Cell<Option<Function>>,
    pub(super) name: &'static str,
    pub(super) round: RefCell<Option<Round>>,
}

/// What is between a start and the end that follows it.
pub(super) struct Round {
    pub(super) firer: Firer<LoopingCall>,
    pub(super) grid: Grid,
    pub(super) waits: Waits,
    /// Where the program started it.
    pub(super) made: &'static Location<'static>,
}

/// What a loop waits for.
pub(super) enum Waits {
    /// For this call.
    ForTime(DelayedCall),
    /// For the function to return, or for the Deferred that it returned.
    ForRun,
    /// For the same, to end then.
    ToEnd,
}

impl Inner {
    /// Ends the round, and gives its firer; during a run, sees to it that it ends with the run.
    pub(super) fn stop(&self) -> Result<Option<Firer<LoopingCall>>, LoopError> {
        let mut round = self.round.borrow_mut();
        let waits = &mut round.as_mut().ok_or(LoopError::NotRunning)?.waits;
        match mem::replace(waits, Waits::ToEnd) {
            Waits::ToEnd => Err(LoopError::NotRunning),
            Waits::ForRun => Ok(None),
            Waits::ForTime(call) => {
                let ended = round.take();
                drop(round);
                off(&call);
                Ok(ended.map(|round| round.firer))
            }
        }
    }

    /// Changes the grid, and moves the run that is waited for onto it.
    pub(super) fn change(&self, change: impl FnOnce(&mut Grid)) -> Result<(), LoopError> {
        let now = self.clock.now();
        let mut round = self.round.borrow_mut();
        let round = round.as_mut().ok_or(LoopError::NotRunning)?;
        if matches!(round.waits, Waits::ToEnd) {
            return Err(LoopError::NotRunning);
        }
        change(&mut round.grid);
        if let Waits::ForTime(call) = &round.waits {
            // It waits: this round would be over if the clock had dropped it.
            let _ = call.reset(round.grid.rest(now));
        }
        Ok(())
    }

    pub(super) fn schedule_turn(self: &Rc<Self>) {
        let now = self.clock.now();
        let next = self
            .round
            .borrow()
            .as_ref()
            .map(|round| (round.grid.rest(now), round.made));
        let Some((rest, made)) = next else { return };
        let turn = NextTurn::work(Rc::clone(self), self.name, made);
        let call = self.clock.schedule(rest, turn);
        if !call.active() {
            self.abandon();
        } else if let Some(round) = &mut *self.round.borrow_mut() {
            round.waits = Waits::ForTime(call);
        }
    }

    /// Ends the round without a result.
    fn abandon(&self) {
        let round = self.round.take();
        drop(round);
    }

    /// Notes that a run begins, and says what it counts, if it is not too early.
    fn begin_run(&self) -> Option<u64> {
        let now = self.clock.now();
        let mut round = self.round.borrow_mut();
        let round = round.as_mut()?;
        round.waits = Waits::ForRun;
        round.grid.count(now)
    }

    /// Goes on after a run.
    fn run_ended(self: &Rc<Self>, result: Result<(), Failure>) {
        let looping = LoopingCall {
            inner: Rc::clone(self),
        };
        if result.is_ok() && looping.is_running() {
            self.schedule_turn();
            return;
        }
        let round = self.round.take();
        if let Some(Round { firer, .. }) = round {
            firer.fire(result.map(|()| looping));
        }
    }
}

impl Turns for Inner {
    fn turn(self: Rc<Self>) {
        let Some(count) = self.begin_run() else {
            // The clock was early.
            self.schedule_turn();
            return;
        };
        let looping = LoopingCall {
            inner: Rc::clone(&self),
        };
        // It is there: a round has one run at a time, and a second round does not begin during a run.
        let Some(mut function) = self.function.take() else {
            return;
        };
        let run = function(&looping, count);
        self.function.set(Some(function));
        match run.into_result() {
            Ok(result) => self.run_ended(result),
            Err(run) => run.add_both(move |result| self.run_ended(result)).ignore(),
        }
    }

    fn turn_dropped(self: Rc<Self>) {
        let waits_for_it = matches!(
            &*self.round.borrow(),
            Some(Round {
                waits: Waits::ForTime(_),
                ..
            })
        );
        if waits_for_it {
            self.abandon();
        }
    }
}
