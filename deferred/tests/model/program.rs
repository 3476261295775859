//! What a random program may consist of, and what it may be seen to do.

use std::fmt;

use proptest::prelude::*;

/// How many chains there are.
pub(crate) const CHAINS: usize = 4;

/// One operation on the chain with that number; without effect if what it needs has been given away.
#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// Needs the end of the chain, which is out of reach while the handler runs inside the adding.
    Add(usize, Box<Handler>),
    Fire(usize, Outcome),
    DropFirer(usize),
    /// Needs the end, which is out of reach while it cancels.
    Cancel(usize),
    DropEnd(usize),
    TakeHandle(usize),
    DropHandle(usize),
    CancelByHandle(usize),
    Pause(usize),
    Unpause(usize),
    /// The end of the first chain, to the firer of the second.
    Forward(usize, usize),
    /// Takes the result, if it is there.
    Look(usize),
}

/// Which results a handler runs for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Line {
    Callback,
    Errback,
    Both,
}

impl Line {
    pub(crate) fn takes(self, input: &Outcome) -> bool {
        match self {
            Self::Callback => input.is_ok(),
            Self::Errback => input.is_err(),
            Self::Both => true,
        }
    }
}

/// A callback, an errback or one for both: does something, and then returns.
#[derive(Clone, Debug)]
pub(crate) struct Handler {
    pub(crate) line: Line,
    pub(crate) does: Option<Op>,
    pub(crate) returns: Returns,
}

/// What a handler returns.
#[derive(Clone, Debug)]
pub(crate) enum Returns {
    /// What it was given.
    Input,
    Value(i64),
    Error(u32),
    Panics,
    /// The end of this chain, or zero if that is out of reach.
    Chain(usize),
}

/// A result.
pub(crate) type Outcome = Result<i64, Fault>;

/// What the errors are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    Torn(u32),
    Panicked,
    Cancelled,
    Abandoned,
    Circular,
}

/// What can be seen of a program that runs.
#[derive(Clone, PartialEq)]
pub(crate) enum Event {
    /// The handler that was added as the so-manyth ran with this input.
    Ran(usize, Outcome),
    /// Whether the firing of the chain was accepted.
    Fired(usize, bool),
    /// A failure was reported as unhandled.
    Unhandled(Fault),
    /// The chain's result was taken.
    Result(usize, Outcome),
    /// The chain waits, or is paused.
    NoResult(usize),
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ran(handler, input) => write!(f, "handler {handler} ran with {input:?}"),
            Self::Fired(chain, accepted) => write!(f, "chain {chain} fired: {accepted}"),
            Self::Unhandled(fault) => write!(f, "unhandled: {fault:?}"),
            Self::Result(chain, result) => write!(f, "chain {chain} ended with {result:?}"),
            Self::NoResult(chain) => write!(f, "chain {chain} has no result"),
        }
    }
}

/// Any program.
pub(crate) fn programs() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(ops(2), 1..40)
}

/// Any operation; handlers that add handlers go `depth` levels deep.
fn ops(depth: u32) -> BoxedStrategy<Op> {
    let simple = prop_oneof![
        4 => (chains(), outcomes()).prop_map(|(chain, result)| Op::Fire(chain, result)),
        1 => chains().prop_map(Op::DropFirer),
        2 => chains().prop_map(Op::Cancel),
        1 => chains().prop_map(Op::DropEnd),
        2 => chains().prop_map(Op::TakeHandle),
        1 => chains().prop_map(Op::DropHandle),
        2 => chains().prop_map(Op::CancelByHandle),
        2 => chains().prop_map(Op::Pause),
        2 => chains().prop_map(Op::Unpause),
        1 => (chains(), chains()).prop_map(|(from, to)| Op::Forward(from, to)),
        1 => chains().prop_map(Op::Look),
    ];
    if depth == 0 {
        return simple.boxed();
    }
    let adding = (chains(), handlers(depth - 1));
    prop_oneof![
        19 => simple,
        12 => adding.prop_map(|(chain, handler)| Op::Add(chain, Box::new(handler))),
    ]
    .boxed()
}

fn handlers(depth: u32) -> impl Strategy<Value = Handler> {
    let lines = prop_oneof![
        1 => Just(Line::Callback),
        1 => Just(Line::Errback),
        2 => Just(Line::Both),
    ];
    let returns = prop_oneof![
        2 => Just(Returns::Input),
        1 => (0..100_i64).prop_map(Returns::Value),
        1 => (0..100_u32).prop_map(Returns::Error),
        1 => Just(Returns::Panics),
        5 => chains().prop_map(Returns::Chain),
    ];
    (lines, prop::option::of(ops(depth)), returns).prop_map(|(line, does, returns)| Handler {
        line,
        does,
        returns,
    })
}

fn chains() -> impl Strategy<Value = usize> {
    0..CHAINS
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        3 => (0..100_i64).prop_map(Ok),
        1 => (0..100_u32).prop_map(|page| Err(Fault::Torn(page))),
    ]
}
