//! Many chains at once.
//!
//! | function | ends with | when | the other children |
//! |---|---|---|---|
//! | [`gather`] | all values | the last one is there, or the first failure | are left alone |
//! | [`DeferredList::entries`] | a result a child | the last one is there | |
//! | [`first_success`] | the first value and its index | it is there, or all have failed | are left alone |
//! | [`race`] | the first value and its index | it is there, or all have failed | are cancelled |
//!
//! Children are moved in, so nobody else can add to them. A result that comes after the list has ended
//! is dropped without a report, be it a failure. Cancelling a list cancels its children, whose results then
//! end it as any others would.
//!
//! *Twisted's `DeferredList`, `gatherResults` and `race`; `consumeErrors` is what moving the children in does.*

use std::cell::{Cell, RefCell};
use std::error::Error;
use std::fmt;
use std::iter;
use std::rc::Rc;
use std::slice;

use crate::cancel::Children;
use crate::node::Shot;
use crate::{Deferred, Failure, Firer};

/// A child of a list has failed: the first one that did.
#[derive(Clone)]
pub struct FirstError {
    /// Which child, counted from 0.
    pub index: usize,
    /// Its failure.
    pub failure: Failure,
}

impl PartialEq for FirstError {
    /// Two are equal if they tell of the same child and the same failure.
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index && self.failure.serial() == other.failure.serial()
    }
}

impl Eq for FirstError {}

impl fmt::Debug for FirstError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut depth = 0;
        for within in self.within() {
            write!(f, "FirstError(#{}, ", within.index)?;
            depth += 1;
        }
        write!(f, "{:?}", self.innermost().error())?;
        (0..depth).try_for_each(|_| f.write_str(")"))
    }
}

impl fmt::Display for FirstError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ListError::First(self).fmt(f)
    }
}

impl FirstError {
    /// This one, and those that its failure goes back to, as the children of lists may be lists.
    fn within(&self) -> impl Iterator<Item = &Self> {
        iter::successors(Some(self), |outer| outer.failure.check())
    }

    /// The failure that all of them go back to.
    fn innermost(&self) -> &Failure {
        let innermost = self.within().last();
        &innermost.unwrap_or(self).failure
    }

    /// The failure of a child that `failure` goes back to, or itself.
    pub(crate) fn behind(failure: &Failure) -> &Failure {
        failure.check().map_or(failure, Self::innermost)
    }
}

impl Error for FirstError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.failure.error())
    }
}

/// All children have failed, or there were none.
#[derive(Debug, Clone)]
pub struct AllFailed {
    /// The failures, in the order of the children.
    pub failures: Vec<Failure>,
}

impl fmt::Display for AllFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        ListError::All(self).fmt(f)
    }
}

impl Error for AllFailed {}

/// The error of a list, which tells of the failures of its children: these may be of lists too, and so on.
enum ListError<'a> {
    First(&'a FirstError),
    All(&'a AllFailed),
}

impl<'a> ListError<'a> {
    /// The error of `failure`, if it is that of a list.
    fn of(failure: &'a Failure) -> Option<Self> {
        match failure.check() {
            Some(first) => Some(Self::First(first)),
            None => failure.check().map(Self::All),
        }
    }

    /// Shows what it says without its failures.
    fn headline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::First(first) => write!(f, "child {} failed", first.index),
            Self::All(all) if all.failures.is_empty() => {
                f.write_str("there was nothing to wait for")
            }
            Self::All(all) => write!(f, "all {} failed", all.failures.len()),
        }
    }

    /// Its failures, the last one first, each with what stands before it in the text.
    fn failures_reversed(&self) -> impl Iterator<Item = (&'static str, &'a Failure)> + use<'a> {
        let (before, failures) = match self {
            Self::First(first) => (": ", slice::from_ref(&first.failure)),
            Self::All(all) => ("; ", &*all.failures),
        };
        failures.iter().rev().map(move |failure| (before, failure))
    }
}

impl fmt::Display for ListError<'_> {
    /// Shows all that it tells of by a loop: a tower of lists can be high.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.headline(f)?;
        let mut left: Vec<_> = self.failures_reversed().collect();
        while let Some((before, failure)) = left.pop() {
            f.write_str(before)?;
            match ListError::of(failure) {
                Some(error) => {
                    write!(f, "{}: ", failure.type_name())?;
                    error.headline(f)?;
                    left.extend(error.failures_reversed());
                }
                None => write!(f, "{failure}")?,
            }
        }
        Ok(())
    }
}

/// Several chains of one type, and what to wait for.
#[derive(Debug)]
#[must_use = "a list does nothing before it is asked for something"]
pub struct DeferredList<T> {
    children: Vec<Deferred<T>>,
}

impl<T: 'static> DeferredList<T> {
    /// Takes the children.
    pub fn new(children: impl IntoIterator<Item = Deferred<T>>) -> Self {
        Self {
            children: children.into_iter().collect(),
        }
    }

    /// Waits for all, and fires with a result a child, in their order; it never fails.
    ///
    /// *Twisted's `DeferredList` with its defaults.*
    #[track_caller]
    pub fn entries(self) -> Deferred<Vec<Result<T, Failure>>> {
        let (results, left) = empty(self.children.len());
        if left == 0 {
            return Deferred::succeed(Vec::new());
        }
        let decide = |(results, left): &mut Collected<Result<T, Failure>>, index, result| {
            fill(results, left, index, result).map(Ok)
        };
        self.decided_by((results, left), decide, |_, _| {})
    }

    /// Waits for all, and fires with their values; or with [`FirstError`], as soon as one fails.
    ///
    /// *Twisted's `fireOnOneErrback`.*
    #[track_caller]
    pub fn values(self) -> Deferred<Vec<T>> {
        let (values, left) = empty(self.children.len());
        if left == 0 {
            return Deferred::succeed(Vec::new());
        }
        let decide = |(values, left): &mut Collected<T>, index, result| match result {
            Ok(value) => fill(values, left, index, value).map(Ok),
            Err(failure) => Some(Err(first_error(index, failure))),
        };
        self.decided_by((values, left), decide, |_, _| {})
    }

    /// Waits for the first that succeeds, and fires with its index and value; or with [`AllFailed`].
    ///
    /// *Twisted's `fireOnOneCallback`, which never fires for an empty list.*
    #[track_caller]
    pub fn first(self) -> Deferred<(usize, T)> {
        self.first_then(|_, _| {})
    }

    /// Like [`first`](Self::first), and cancels all the others, before the race's own callbacks run.
    #[track_caller]
    pub fn race(self) -> Deferred<(usize, T)> {
        self.first_then(Children::settle)
    }

    #[track_caller]
    fn first_then(self, won: impl Fn(&Children, usize) + 'static) -> Deferred<(usize, T)> {
        let (failures, left) = empty(self.children.len());
        if left == 0 {
            return Deferred::fail(AllFailed {
                failures: Vec::new(),
            });
        }
        let decide = |(failures, left): &mut Collected<Failure>, index, result| match result {
            Ok(value) => Some(Ok((index, value))),
            Err(failure) => {
                let failures = fill(failures, left, index, failure)?;
                Some(Err(Failure::raised_nowhere(AllFailed { failures })))
            }
        };
        self.decided_by((failures, left), decide, won)
    }

    /// The chain that ends when `decide` says so of a child's result, and of what it noted of those before.
    ///
    /// `won` is called then, with the handles of all children and the index of this one.
    #[track_caller]
    fn decided_by<S: 'static, U: 'static>(
        self,
        noted: S,
        decide: impl Fn(&mut S, usize, Result<T, Failure>) -> Option<Result<U, Failure>> + 'static,
        won: impl Fn(&Children, usize) + 'static,
    ) -> Deferred<U> {
        let handles = Children::new(self.children.iter().map(Deferred::cancel_handle));
        let (firer, list) = Deferred::with_children(Rc::clone(&handles));
        let meeting = Rc::new(Meeting::new(firer, noted));
        let rules = Rc::new((decide, won));
        for (index, child) in self.children.into_iter().enumerate() {
            let (meeting, rules, handles) =
                (Rc::clone(&meeting), Rc::clone(&rules), Rc::clone(&handles));
            child.trigger(move |result| {
                let (decide, won) = &*rules;
                let shot = meeting.hear(|noted| decide(noted, index, result))?;
                won(&handles, index);
                Some(shot)
            });
        }
        list
    }
}

/// What is noted of the children, in their order, and how many are still to come.
type Collected<T> = (Vec<Option<T>>, usize);

fn empty<T>(length: usize) -> Collected<T> {
    ((0..length).map(|_| None).collect(), length)
}

/// Notes the value of one child; gives all of them when it was the last.
fn fill<T>(
    values: &mut Vec<Option<T>>,
    left: &mut usize,
    index: usize,
    value: T,
) -> Option<Vec<T>> {
    values[index] = Some(value);
    *left -= 1;
    (*left == 0).then(|| std::mem::take(values).into_iter().flatten().collect())
}

fn first_error(index: usize, failure: Failure) -> Failure {
    Failure::raised_nowhere(FirstError { index, failure })
}

/// Where the results of children meet: the chain to fire, until it is decided, and what is noted till then.
struct Meeting<S, U: 'static> {
    firer: Cell<Option<Firer<U>>>,
    noted: RefCell<S>,
}

impl<S, U> Meeting<S, U> {
    fn new(firer: Firer<U>, noted: S) -> Self {
        Self {
            firer: Cell::new(Some(firer)),
            noted: RefCell::new(noted),
        }
    }

    /// Hears a child's result, if nothing is decided yet, and says what to fire if that is decided now.
    fn hear(&self, decide: impl FnOnce(&mut S) -> Option<Result<U, Failure>>) -> Option<Shot<U>> {
        let firer = self.firer.take()?;
        let Some(result) = decide(&mut self.noted.borrow_mut()) else {
            self.firer.set(Some(firer));
            return None;
        };
        Some(Shot { firer, result })
    }
}

/// Waits for all of several chains, and fires with all their values; or with [`FirstError`], as soon as one fails.
///
/// The chains are the items of an iterator, which have one type, or those of a tuple, each with its own.
///
/// # Examples
///
/// ```
/// use deferred::{Deferred, gather, testing};
///
/// let poems = gather(["river", "lamp"].map(Deferred::succeed));
/// assert_eq!(testing::success_result_of(poems), ["river", "lamp"]);
///
/// let (firer, pages) = Deferred::<u32>::new();
/// let book = gather((Deferred::succeed("river"), pages));
/// firer.callback(7);
/// assert_eq!(testing::success_result_of(book), ("river", 7));
/// ```
///
/// *Twisted's `gatherResults`.*
#[track_caller]
pub fn gather<G: Gather<By>, By>(chains: G) -> Deferred<G::Values> {
    chains.gather()
}

/// Waits for the first of several chains to succeed; see [`DeferredList::first`].
#[track_caller]
pub fn first_success<T: 'static>(
    children: impl IntoIterator<Item = Deferred<T>>,
) -> Deferred<(usize, T)> {
    DeferredList::new(children).first()
}

/// Waits for the first of several chains to succeed, and cancels the others; see [`DeferredList::race`].
///
/// *Twisted's `race`.*
#[track_caller]
pub fn race<T: 'static>(children: impl IntoIterator<Item = Deferred<T>>) -> Deferred<(usize, T)> {
    DeferredList::new(children).race()
}

/// What [`gather`] takes: an iterator of chains, or a tuple of up to eight.
///
/// `By` tells the two apart, and is never written.
pub trait Gather<By> {
    /// The values, in the order of the chains.
    type Values;

    /// See [`gather`].
    fn gather(self) -> Deferred<Self::Values>;
}

/// Marks what is gathered as an iterator.
#[derive(Debug)]
pub struct ByIterator;

/// Marks what is gathered as a tuple.
#[derive(Debug)]
pub struct ByTuple;

impl<T: 'static, I: IntoIterator<Item = Deferred<T>>> Gather<ByIterator> for I {
    type Values = Vec<T>;

    #[track_caller]
    fn gather(self) -> Deferred<Vec<T>> {
        DeferredList::new(self).values()
    }
}

/// Implements [`Gather`] for one length of tuples.
macro_rules! gather_tuple {
    ($($T:ident $index:tt),+) => {
        impl<$($T: 'static),+> Gather<ByTuple> for ($(Deferred<$T>,)+) {
            type Values = ($($T,)+);

            #[track_caller]
            fn gather(self) -> Deferred<Self::Values> {
                let handles = Children::new([$(self.$index.cancel_handle()),+]);
                let (firer, list) = Deferred::with_children(handles);
                let all = |noted: &mut ($(Option<$T>,)+)| {
                    let complete = true $(&& noted.$index.is_some())+;
                    complete.then(|| Some(($(noted.$index.take()?,)+)))?
                };
                let noted: ($(Option<$T>,)+) = Default::default();
                let meeting = Rc::new(Meeting::new(firer, noted));
                $(
                    let hearing = Rc::clone(&meeting);
                    self.$index.trigger(move |result| hearing.hear(|noted| match result {
                        Ok(value) => {
                            noted.$index = Some(value);
                            all(noted).map(Ok)
                        }
                        Err(failure) => Some(Err(first_error($index, failure))),
                    }));
                )+
                list
            }
        }
    };
}

gather_tuple!(A 0);
gather_tuple!(A 0, B 1);
gather_tuple!(A 0, B 1, C 2);
gather_tuple!(A 0, B 1, C 2, D 3);
gather_tuple!(A 0, B 1, C 2, D 3, E 4);
gather_tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
gather_tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6);
gather_tuple!(A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7);
