//! Random programs of operations on a few chains, run against the crate and against a model of it.
//!
//! What is compared: which handlers ran, with what input and in which order, and in between which firings
//! were accepted, which failures were reported as unhandled, and which results the chains ended with.
//!
//! The programs leave out: cancellers, handlers side by side, types that change along a chain, lists,
//! locks, futures, chains that begin with a result, and what is freed when.
//!
//! What is freed at all is the leak checker's to say. A program may forward chains in a circle, so that each
//! owns the firer of the next and none ever fires; such a circle is its own doing, and is cancelled after it.

mod model;
mod program;

use std::cell::{Cell, RefCell};
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Once;

use deferred::{
    Abandoned, CancelHandle, CancelledError, CircularChain, Deferred, Failure, Firer, Panicked,
    Pause,
};
use model::Model;
use program::{CHAINS, Event, Fault, Handler, Line, Op, Outcome, Returns, programs};
use proptest::prelude::*;

thread_local! {
    static LOG: RefCell<Vec<Event>> = const { RefCell::new(Vec::new()) };
}

fn note(event: Event) {
    LOG.with_borrow_mut(|log| log.push(event));
}

#[derive(Debug, thiserror::Error)]
#[error("page {0} is torn")]
struct Torn(u32);

fn fault_of(failure: &Failure) -> Fault {
    if let Some(Torn(page)) = failure.check() {
        return Fault::Torn(*page);
    }
    let kinds = [
        (failure.check::<Panicked>().is_some(), Fault::Panicked),
        (
            failure.check::<CancelledError>().is_some(),
            Fault::Cancelled,
        ),
        (failure.check::<Abandoned>().is_some(), Fault::Abandoned),
        (failure.check::<CircularChain>().is_some(), Fault::Circular),
    ];
    let found = kinds.into_iter().find(|(is_it, _)| *is_it);
    found.expect("there are no other errors").1
}

fn outcome_of(result: &Result<i64, Failure>) -> Outcome {
    result.as_ref().copied().map_err(fault_of)
}

/// The crate's chains, and what a program has of them.
#[derive(Clone)]
struct Chains(Rc<Table>);

struct Table {
    rows: Vec<Row>,
    handlers: Cell<usize>,
    /// A handle of each chain that was forwarded: no circle of chains that wait for each other is without one.
    forwarded: RefCell<Vec<CancelHandle>>,
}

struct Row {
    firer: Cell<Option<Firer<i64>>>,
    end: Cell<Option<Deferred<i64>>>,
    handle: Cell<Option<CancelHandle>>,
    pauses: RefCell<Vec<Pause>>,
}

impl Chains {
    /// What the program does.
    fn run(program: &[Op]) -> Vec<Event> {
        static ONCE: Once = Once::new();
        ONCE.call_once(|| {
            deferred::set_report_hook(|report| note(Event::Unhandled(fault_of(report.failure))));
        });
        let rows = (0..CHAINS).map(|_| {
            let (firer, end) = Deferred::new();
            Row {
                firer: Cell::new(Some(firer)),
                end: Cell::new(Some(end)),
                handle: Cell::new(None),
                pauses: RefCell::default(),
            }
        });
        let chains = Self(Rc::new(Table {
            rows: rows.collect(),
            handlers: Cell::new(0),
            forwarded: RefCell::default(),
        }));
        // What the program before it left behind may have been reported when that was dropped.
        LOG.take();
        for op in program {
            chains.perform(op);
        }
        let log = LOG.take();
        chains.cut_circles();
        log
    }

    /// Cancels the chains that wait for their own result, which nothing else can take apart.
    ///
    /// Where every firer was dropped before, a chain that still waits is part of such a circle: its slot owns
    /// what fires the next chain, and so on, until one of them owns what fires the first. It may be a
    /// chain that was forwarded to itself, two that were forwarded to each other, or one that was
    /// forwarded to the chain that a handler of its own has returned.
    fn cut_circles(&self) {
        let handles = self.0.forwarded.take();
        handles.iter().for_each(CancelHandle::cancel);
    }

    fn perform(&self, op: &Op) {
        match *op {
            Op::Add(chain, ref handler) => {
                self.with_end(chain, |end| self.add(end, (**handler).clone()));
            }
            Op::Fire(chain, result) => {
                if let Some(firer) = self.row(chain).firer.take() {
                    let accepted = match result {
                        Ok(value) => firer.callback(value),
                        Err(Fault::Torn(page)) => firer.errback(Torn(page)),
                        Err(_) => unreachable!("programs fire with no other errors"),
                    };
                    note(Event::Fired(chain, accepted));
                }
            }
            Op::DropFirer(chain) => drop(self.row(chain).firer.take()),
            Op::Cancel(chain) => self.with_end(chain, |end| {
                end.cancel();
                end
            }),
            Op::DropEnd(chain) => drop(self.row(chain).end.take()),
            Op::TakeHandle(chain) => self.with_end(chain, |end| {
                self.row(chain).handle.set(Some(end.cancel_handle()));
                end
            }),
            Op::DropHandle(chain) => drop(self.row(chain).handle.take()),
            Op::CancelByHandle(chain) => {
                if let Some(handle) = self.row(chain).handle.take() {
                    self.row(chain).handle.set(Some(handle.clone()));
                    handle.cancel();
                }
            }
            Op::Pause(chain) => self.with_end(chain, |end| {
                self.row(chain).pauses.borrow_mut().push(end.pause());
                end
            }),
            Op::Unpause(chain) => {
                let pause = self.row(chain).pauses.borrow_mut().pop();
                drop(pause);
            }
            Op::Forward(from, to) => self.forward(from, to),
            Op::Look(chain) => {
                let looked_at = self.row(chain).end.take().map(Deferred::into_result);
                match looked_at {
                    Some(Ok(result)) => note(Event::Result(chain, outcome_of(&result))),
                    Some(Err(end)) => {
                        self.row(chain).end.set(Some(end));
                        note(Event::NoResult(chain));
                    }
                    None => {}
                }
            }
        }
    }

    fn row(&self, chain: usize) -> &Row {
        &self.0.rows[chain]
    }

    fn with_end(&self, chain: usize, f: impl FnOnce(Deferred<i64>) -> Deferred<i64>) {
        if let Some(end) = self.row(chain).end.take() {
            self.row(chain).end.set(Some(f(end)));
        }
    }

    fn forward(&self, from: usize, to: usize) {
        match (self.row(from).end.take(), self.row(to).firer.take()) {
            (Some(end), Some(firer)) => {
                self.0.forwarded.borrow_mut().push(end.cancel_handle());
                end.forward(firer);
            }
            (end, firer) => {
                self.row(from).end.set(end);
                self.row(to).firer.set(firer);
            }
        }
    }

    fn add(&self, end: Deferred<i64>, handler: Handler) -> Deferred<i64> {
        let chains = self.clone();
        let number = self.0.handlers.get();
        self.0.handlers.set(number + 1);
        let line = handler.line;
        let call = move |input: Result<i64, Failure>| {
            note(Event::Ran(number, outcome_of(&input)));
            if let Some(op) = &handler.does {
                chains.perform(op);
            }
            match handler.returns {
                Returns::Input => Deferred::from_result(input),
                Returns::Value(value) => Deferred::succeed(value),
                Returns::Error(page) => Deferred::fail(Torn(page)),
                // The panic hook, which would print it, is not called by this.
                Returns::Panics => resume_unwind(Box::new("torn")),
                Returns::Chain(chain) => {
                    let end = chains.row(chain).end.take();
                    end.unwrap_or(Deferred::succeed(0))
                }
            }
        };
        match line {
            Line::Callback => end.add_callback(move |value| call(Ok(value))),
            Line::Errback => end.add_errback(move |failure| call(Err(failure))),
            Line::Both => end.add_both(call),
        }
    }
}

/// The program, and what brings every chain to its end after it, and looks at it.
fn brought_to_an_end(mut program: Vec<Op>) -> Vec<Op> {
    let pauses = program.len() + CHAINS;
    for chain in 0..CHAINS {
        program.extend((0..pauses).map(|_| Op::Unpause(chain)));
    }
    program.extend((0..CHAINS).map(Op::DropFirer));
    for chain in 0..CHAINS {
        program.extend((0..pauses).map(|_| Op::Unpause(chain)));
    }
    program.extend((0..CHAINS).map(Op::Look));
    program.extend((0..CHAINS).map(Op::DropEnd));
    program
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    // D-003, D-006, D-013, D-034, D-045, D-047, D-053, D-079
    #[test]
    fn the_crate_does_what_the_model_does(program in programs()) {
        let program = brought_to_an_end(program);

        let seen = Chains::run(&program);

        prop_assert_eq!(seen, Model::run(&program));
    }
}
