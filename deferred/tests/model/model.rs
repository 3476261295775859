//! The model: chains as lists of handlers and a result, walked as Twisted walks them.
//!
//! What it knows of the crate beside Twisted's rules:
//!
//! - A chain that waits for another one is paused together with it, in both directions and for good.
//! - A pause holds handlers. Where none is left, a result goes on to the end of what waits for it.
//! - The end of a chain is a thing: it can be given away once, and nothing can be added without it.
//! - A firer that is dropped fails its chain with `Abandoned`, which alone is not reported.

use std::collections::VecDeque;

use crate::program::{CHAINS, Event, Fault, Handler, Op, Outcome, Returns};

#[derive(Default)]
pub(crate) struct Model {
    chains: Vec<Chain>,
    handlers: usize,
    log: Vec<Event>,
}

#[derive(Default)]
struct Chain {
    firer: bool,
    fired: bool,
    end: End,
    handle: bool,
    pauses: usize,
    /// The chains with the same number are paused together.
    paused_with: usize,
    /// The result that the first of the handlers will get; none while one runs.
    result: Option<Outcome>,
    handlers: VecDeque<Step>,
    running: bool,
    waits_for: Option<usize>,
    /// The chain that waits for this one.
    waiter: Option<usize>,
}

#[derive(Default, PartialEq)]
enum End {
    #[default]
    There,
    /// Somebody else has it, for a while or for good.
    Away,
    Dropped,
}

enum Step {
    Handler(usize, Handler),
    Forward(usize),
    /// Nothing but a place where a pause holds.
    Rest,
}

impl Model {
    /// What the program does.
    pub(crate) fn run(program: &[Op]) -> Vec<Event> {
        let mut model = Self::default();
        model.chains.extend((0..CHAINS).map(|number| Chain {
            firer: true,
            paused_with: number,
            ..Chain::default()
        }));
        for op in program {
            model.perform(op);
        }
        model.log
    }

    fn perform(&mut self, op: &Op) {
        match *op {
            Op::Add(chain, ref handler) => {
                if self.take_end(chain) {
                    let number = self.handlers;
                    self.handlers += 1;
                    self.add(chain, Step::Handler(number, (**handler).clone()));
                    self.chains[chain].end = End::There;
                }
            }
            Op::Fire(chain, result) => {
                if std::mem::take(&mut self.chains[chain].firer) {
                    let accepted = self.fire(chain, result);
                    self.log.push(Event::Fired(chain, accepted));
                }
            }
            Op::DropFirer(chain) => {
                if std::mem::take(&mut self.chains[chain].firer) {
                    self.fire(chain, Err(Fault::Abandoned));
                }
            }
            Op::Cancel(chain) => {
                if self.take_end(chain) {
                    self.cancel(chain);
                    self.chains[chain].end = End::There;
                }
            }
            Op::DropEnd(chain) => {
                if self.take_end(chain) {
                    self.drop_end(chain);
                }
            }
            Op::TakeHandle(chain) => {
                self.chains[chain].handle |= self.chains[chain].end == End::There;
            }
            Op::DropHandle(chain) => self.chains[chain].handle = false,
            Op::CancelByHandle(chain) => {
                if self.chains[chain].handle {
                    self.cancel(chain);
                }
            }
            Op::Pause(chain) => {
                self.chains[chain].pauses += usize::from(self.chains[chain].end == End::There);
            }
            Op::Unpause(chain) => {
                if self.chains[chain].pauses > 0 {
                    self.chains[chain].pauses -= 1;
                    self.unpaused(self.chains[chain].paused_with);
                }
            }
            Op::Forward(from, to) => {
                if self.chains[from].end == End::There && self.chains[to].firer {
                    self.chains[from].end = End::Away;
                    self.chains[to].firer = false;
                    self.add(from, Step::Forward(to));
                }
            }
            Op::Look(chain) => {
                if self.chains[chain].end == End::There {
                    self.look(chain);
                }
            }
        }
    }

    fn take_end(&mut self, chain: usize) -> bool {
        let there = self.chains[chain].end == End::There;
        if there {
            self.chains[chain].end = End::Away;
        }
        there
    }

    fn add(&mut self, chain: usize, step: Step) {
        self.chains[chain].handlers.push_back(step);
        self.walk(chain);
    }

    fn fire(&mut self, chain: usize, result: Outcome) -> bool {
        if std::mem::replace(&mut self.chains[chain].fired, true) {
            return false;
        }
        self.chains[chain].result = Some(result);
        self.walk(chain);
        true
    }

    fn cancel(&mut self, chain: usize) {
        if let Some(inner) = self.chains[chain].waits_for {
            self.cancel(inner);
        } else {
            self.fire(chain, Err(Fault::Cancelled));
        }
    }

    fn drop_end(&mut self, chain: usize) {
        self.chains[chain].end = End::Dropped;
        if self.at_rest(chain)
            && let Some(Err(fault)) = self.chains[chain].result.take()
        {
            self.log.push(Event::Unhandled(fault));
        }
    }

    fn look(&mut self, chain: usize) {
        if self.at_rest(chain)
            && !self.is_paused(chain)
            && let Some(result) = self.chains[chain].result.take()
        {
            self.chains[chain].end = End::Away;
            self.log.push(Event::Result(chain, result));
        } else {
            self.log.push(Event::NoResult(chain));
        }
    }

    fn at_rest(&self, chain: usize) -> bool {
        self.chains[chain].result.is_some() && self.chains[chain].handlers.is_empty()
    }

    fn is_paused(&self, chain: usize) -> bool {
        let together = self.chains[chain].paused_with;
        self.chains
            .iter()
            .any(|other| other.paused_with == together && other.pauses > 0)
    }

    fn unpaused(&mut self, together: usize) {
        for chain in 0..CHAINS {
            if self.chains[chain].paused_with == together && !self.is_paused(chain) {
                self.walk(chain);
            }
        }
    }

    /// Runs what can run of a chain, and then of the one that waits for it.
    fn walk(&mut self, chain: usize) {
        while let Some(input) = self.chains[chain].result {
            if self.chains[chain].handlers.is_empty() {
                return self.ended(chain, input);
            }
            if self.is_paused(chain) {
                return;
            }
            self.chains[chain].result = None;
            match self.chains[chain].handlers.pop_front() {
                Some(Step::Handler(number, handler)) if handler.line.takes(&input) => {
                    self.call(chain, number, &handler, input);
                }
                Some(Step::Forward(to)) => {
                    self.fire(to, input);
                }
                _ => self.chains[chain].result = Some(input),
            }
        }
    }

    fn ended(&mut self, chain: usize, result: Outcome) {
        if let Some(waiter) = self.chains[chain].waiter.take() {
            self.chains[chain].result = None;
            self.chains[waiter].waits_for = None;
            self.chains[waiter].result = Some(result);
            self.walk(waiter);
        } else if self.chains[chain].end == End::Dropped {
            self.chains[chain].result = None;
            if let Err(fault) = result
                && fault != Fault::Abandoned
            {
                self.log.push(Event::Unhandled(fault));
            }
        }
    }

    fn call(&mut self, chain: usize, number: usize, handler: &Handler, input: Outcome) {
        self.chains[chain].running = true;
        self.log.push(Event::Ran(number, input));
        if let Some(op) = &handler.does {
            self.perform(op);
        }
        self.chains[chain].running = false;
        self.chains[chain].result = match handler.returns {
            Returns::Input => Some(input),
            Returns::Value(value) => Some(Ok(value)),
            Returns::Error(page) => Some(Err(Fault::Torn(page))),
            Returns::Panics => Some(Err(Fault::Panicked)),
            Returns::Chain(inner) if self.take_end(inner) => self.returned(chain, inner),
            Returns::Chain(_) => Some(Ok(0)),
        };
    }

    /// The result of `inner`, whose end a handler of `chain` has returned; none if `chain` has to wait for it.
    fn returned(&mut self, chain: usize, inner: usize) -> Option<Outcome> {
        if self.at_rest(inner) && !self.is_paused(inner) {
            return self.chains[inner].result.take();
        }
        let (together, joining) = (
            self.chains[chain].paused_with,
            self.chains[inner].paused_with,
        );
        if together == joining {
            self.drop_end(inner);
            return Some(Err(Fault::Circular));
        }
        if self.at_rest(inner) {
            self.chains[inner].handlers.push_back(Step::Rest);
        } else {
            for other in &mut self.chains {
                if other.paused_with == joining {
                    other.paused_with = together;
                }
            }
        }
        self.chains[chain].waits_for = Some(inner);
        self.chains[inner].waiter = Some(chain);
        None
    }
}
