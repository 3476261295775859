//! The receiving end of a chain.

use std::cell::OnceCell;
use std::mem;
use std::panic::Location;
use std::rc::Rc;

use crate::cancel::{CancelHandle, Children, CircularChain};
use crate::chain::{self, Pause, Resultant, Source};
use crate::failure::Failure;
use crate::firer::{Canceller, Firer};
use crate::node::{self, Link, Output, Root, Seam, Shot, Sink, Slot, Trigger};
use crate::outcome::Outcome;
use crate::report::{self, report};
use crate::work::{Both, Callback, Callbacks, Errback, Map, Pass, Work};

/// A result that may not be there yet, and the chain of callbacks and errbacks that it will run through.
///
/// A chain has two lines: the callback line for values, the errback line for failures. Each link that is
/// added takes the `Deferred` and gives back the new end of the chain, with the type of what the link
/// returns. Links run in the order in which they were added, each with what the one before it returned:
///
/// | what a link returns | what the next link gets |
/// |---|---|
/// | `Ok(value)`, or `()` | the value, on the callback line |
/// | `Err(failure)`, or a panic | the failure, on the errback line |
/// | a `Deferred` | what that one ends with, once it is there; meanwhile the chain waits |
///
/// A link added before the result is there runs inside the call that fires the chain; one added to a
/// chain that has its result runs at once, inside the call that adds it, and allocates nothing.
/// Nothing that a link does makes firing or adding fail.
///
/// # Dropping
///
/// Dropping the end of a chain cancels nothing: what was added still runs when the chain is fired. If
/// the chain has ended with a failure, or ends with one later, nobody is left to handle it, and it is
/// reported as an *unhandled error*, at that moment, through the hook of
/// [`set_report_hook`](crate::set_report_hook). End a chain with [`ignore`](Self::ignore) or
/// [`log_failure`](Self::log_failure) to say what should become of a failure.
///
/// # Examples
///
/// ```
/// use deferred::{Deferred, Failure};
///
/// let (firer, deferred) = Deferred::<Vec<u8>>::new();
/// let length = deferred
///     .add_callback(|poem| String::from_utf8(poem).map_err(Failure::from))
///     .add_errback(|failure| {
///         failure.trap::<std::string::FromUtf8Error>()?;
///         Ok(String::from("(illegible)"))
///     })
///     .map(|poem| poem.chars().count());
///
/// firer.callback("Tränen".into());
///
/// assert_eq!(deferred::testing::success_result_of(length), 6);
/// ```
///
/// *Twisted's `Deferred`. There, one object changes its result as the callbacks run; here every link has
/// a type of its own, the firing end is a separate [`Firer`], and firing twice does not compile.*
#[must_use = "a Deferred that is dropped reports its failure as unhandled; end it with `ignore` or `log_failure`"]
pub struct Deferred<T> {
    pub(crate) state: State<T>,
    /// The source of the chain, for those who cancel it. A chain that began with a result gets one when asked for.
    pub(crate) source: OnceCell<Rc<dyn Source>>,
}

/// A result that is there, or the chain that waits for it.
pub(crate) type Settled<T> = Result<Result<T, Failure>, Deferred<T>>;

/// What a new link finds at the end of a chain.
enum Ready<T> {
    /// The result: it can run.
    Now(Result<T, Failure>),
    /// The node whose result it will get.
    Later(Rc<dyn Output<T>>),
    /// The result, but the chain of this source is paused.
    Held(Result<T, Failure>, Rc<dyn Source>),
}

impl<T> Ready<T> {
    #[inline]
    fn of(state: State<T>, source: &OnceCell<Rc<dyn Source>>) -> Self {
        let result = match state {
            State::Fired(result) => result,
            State::Waiting(node) => {
                let taken = node.slot().take_result();
                match taken {
                    Some(result) => result,
                    None => return Self::Later(node),
                }
            }
            State::Spent => unreachable!("a spent Deferred is never given out"),
        };
        match source.get() {
            Some(source) if chain::is_paused(source) => Self::Held(result, Rc::clone(source)),
            _ => Self::Now(result),
        }
    }
}

pub(crate) enum State<T> {
    Fired(Result<T, Failure>),
    /// The result will be in this node's slot.
    Waiting(Rc<dyn Output<T>>),
    /// A link was added, or the result taken: nothing is left to do when this is dropped.
    Spent,
}

impl<T: 'static> Deferred<T> {
    /// Makes a chain without links, and the [`Firer`] that will give it its result.
    #[track_caller]
    pub fn new() -> (Firer<T>, Self) {
        Self::with_root(Root::new(None))
    }

    /// Makes a chain like [`new`](Self::new) does, with a function that stops the work when it is cancelled.
    ///
    /// When the chain is cancelled before it has fired, `canceller` is called once, with a firer. It may
    /// fire the chain with a value or a failure of its own; if it returns without firing, the chain ends
    /// with [`CancelledError`](crate::CancelledError), and if it panics, with that panic. Whatever the
    /// producer's own firer does after that is refused. The canceller is dropped as soon as the chain
    /// has a result.
    ///
    /// *Twisted's `Deferred(canceller)`.*
    #[track_caller]
    pub fn with_canceller(canceller: impl FnOnce(Firer<T>) + 'static) -> (Firer<T>, Self) {
        Self::with_root(Root::new(Some(Canceller::Own(Box::new(canceller)))))
    }

    /// Makes a chain that passes being cancelled on to `children`, whose results will end it.
    #[track_caller]
    pub(crate) fn with_children(children: Rc<Children>) -> (Firer<T>, Self) {
        Self::with_root(Root::new(Some(Canceller::Children(children))))
    }

    /// Makes a chain that, when it is cancelled, first cancels what `leave` says, and then ends.
    #[track_caller]
    pub(crate) fn with_leave(
        leave: impl FnOnce() -> Option<CancelHandle> + 'static,
    ) -> (Firer<T>, Self) {
        Self::with_root(Root::new(Some(Canceller::Branch(Box::new(leave)))))
    }

    fn with_root(root: Rc<Root<T>>) -> (Firer<T>, Self) {
        let source: Rc<dyn Source> = root.clone();
        let deferred = Self {
            state: State::Waiting(root.clone()),
            source: source.into(),
        };
        (Firer::new(root), deferred)
    }

    /// Adds a callback: it gets the value. A failure passes it by.
    ///
    /// It returns a `Result<U, Failure>`, a `Deferred<U>` for which the chain will wait, or `()`.
    ///
    /// *Twisted's `addCallback`.*
    #[track_caller]
    pub fn add_callback<R>(self, callback: impl FnOnce(T) -> R + 'static) -> Deferred<R::Value>
    where
        R: Outcome<Value: 'static>,
    {
        self.link(Callback(callback))
    }

    /// Adds an errback: it gets the failure, and what it returns is the chain's result. A value passes it by.
    ///
    /// Returning `Ok` puts the chain back on the callback line. Returning `Err` with the failure that it
    /// was given lets that failure go on as it was.
    ///
    /// *Twisted's `addErrback`.*
    #[track_caller]
    pub fn add_errback<R>(self, errback: impl FnOnce(Failure) -> R + 'static) -> Self
    where
        R: Outcome<Value = T>,
    {
        self.link(Errback(errback))
    }

    /// Adds a callback and an errback side by side: exactly one of them runs.
    ///
    /// A failure of the callback goes to the next link, not to this errback.
    ///
    /// *Twisted's `addCallbacks`.*
    #[track_caller]
    pub fn add_callbacks<R, S>(
        self,
        callback: impl FnOnce(T) -> R + 'static,
        errback: impl FnOnce(Failure) -> S + 'static,
    ) -> Deferred<R::Value>
    where
        R: Outcome<Value: 'static>,
        S: Outcome<Value = R::Value>,
    {
        self.link(Callbacks(callback, errback))
    }

    /// Adds one function for both lines: it gets whatever the result is.
    ///
    /// *Twisted's `addBoth`.*
    #[track_caller]
    pub fn add_both<R>(
        self,
        both: impl FnOnce(Result<T, Failure>) -> R + 'static,
    ) -> Deferred<R::Value>
    where
        R: Outcome<Value: 'static>,
    {
        self.link(Both(both))
    }

    /// Adds a callback that cannot fail, and returns a plain value.
    #[track_caller]
    pub fn map<U: 'static>(self, f: impl FnOnce(T) -> U + 'static) -> Deferred<U> {
        self.link(Map(f))
    }

    /// Ends the chain: its value is dropped, and its failure too, without a report.
    #[track_caller]
    pub fn ignore(self) {
        drop(self.link(Both(|_| ())));
    }

    /// Ends the chain: its value is dropped, its failure is reported with `headline`.
    ///
    /// *Twisted's `addErrback(log.err)`.*
    #[track_caller]
    pub fn log_failure(self, headline: &'static str) {
        drop(self.link(Both(move |input| {
            if let Err(failure) = input {
                report(headline, &failure);
            }
        })));
    }

    #[track_caller]
    #[inline(always)]
    fn link<W: Work<T> + 'static>(mut self, work: W) -> Deferred<W::Value> {
        let place = Location::caller();
        // Looked at and emptied where it stands: what moves here is moved for every link of every chain.
        if let State::Waiting(node) = &self.state {
            let slot = node.slot();
            if !slot.has_result() {
                let link = Link::new(work, place);
                slot.wait(link.clone());
                self.state = State::Spent;
                let source = mem::take(&mut self.source);
                // Nothing is left to drop, which would take a call to find out.
                mem::forget(self);
                return Deferred {
                    state: State::Waiting(link),
                    source,
                };
            }
        }
        let (state, source) = self.into_parts();
        Self::link_to_result(state, source, work, place)
    }

    /// Runs the new link at once, unless the chain is paused.
    fn link_to_result<W: Work<T> + 'static>(
        state: State<T>,
        source: OnceCell<Rc<dyn Source>>,
        work: W,
        place: &'static Location<'static>,
    ) -> Deferred<W::Value> {
        match Ready::of(state, &source) {
            Ready::Now(input) => Deferred::after(node::call(work, input, place), source),
            Ready::Held(input, paused) => {
                let link = Link::new(work, place);
                chain::hold(&paused, link.clone().accept(input));
                Deferred {
                    state: State::Waiting(link),
                    source,
                }
            }
            Ready::Later(_) => unreachable!("it was just seen to have a result"),
        }
    }

    /// The end of the chain of `source` after a link of it has run.
    #[inline]
    fn after(settled: Settled<T>, source: OnceCell<Rc<dyn Source>>) -> Self {
        match settled {
            Ok(result) => Self {
                state: State::Fired(result),
                source,
            },
            Err(inner) => inner.continues(source),
        }
    }

    /// Ends the chain: `work` takes its result, and says which other chain to fire, if any.
    pub(crate) fn trigger<U: 'static>(
        self,
        work: impl FnOnce(Result<T, Failure>) -> Option<Shot<U>> + 'static,
    ) {
        let (state, source) = self.into_parts();
        match Ready::of(state, &source) {
            Ready::Now(input) => {
                if let Some(Shot { firer, result }) = node::aim(work, input) {
                    firer.into_root().fire(result);
                }
            }
            Ready::Later(node) => node.slot().wait(Trigger::new(work)),
            Ready::Held(input, paused) => {
                chain::hold(&paused, Trigger::new(work).accept(input));
            }
        }
    }

    /// Ends the chain by handing its result to another one: whatever it ends with fires `firer`.
    ///
    /// It is one-way: firing or cancelling the other chain does nothing to this one. A row of chains that are
    /// forwarded to each other is run by a loop, however long it is. Chains that are forwarded in a circle wait
    /// for each other for ever, and keep each other; cancelling one of them takes them apart.
    ///
    /// *Twisted's `chainDeferred`.*
    pub fn forward(self, firer: Firer<T>) {
        if let (State::Waiting(_), Some(source)) = (&self.state, self.source.get()) {
            chain::forwarded(firer.source(), source);
        }
        self.trigger(move |result| Some(Shot { firer, result }));
    }

    /// Ends the chain in a node of the caller's that waits for the result; or gives the result, if it is there.
    pub(crate) fn end_in(self, waiter: Rc<dyn Sink<T>>) -> Option<Result<T, Failure>> {
        let (state, source) = self.into_parts();
        match Ready::of(state, &source) {
            Ready::Now(input) => return Some(input),
            Ready::Later(node) => node.slot().wait(waiter),
            Ready::Held(input, paused) => chain::hold(&paused, waiter.accept(input)),
        }
        None
    }

    /// This chain, which has no result to give now, with a node that waits: it may be paused with a result.
    pub(crate) fn waiting(self) -> Self {
        match self.state {
            State::Fired(_) => self.link(Pass),
            _ => self,
        }
    }

    /// Makes `self`, a chain that waits, which the last link of the chain of `source` returned, the end of that chain.
    fn continues(self, source: OnceCell<Rc<dyn Source>>) -> Self {
        let seam = Seam::behind(&self);
        if source.get().is_none() && seam.is_none() {
            return self;
        }
        if !chain::join(source.get_or_init(Resultant::source), self.source()) {
            drop(self);
            return Self::from_result(Err(Failure::raised_nowhere(CircularChain)));
        }
        Self {
            state: State::Waiting(Seam::after(self.into_node(), seam)),
            source,
        }
    }
}

impl<T> Deferred<T> {
    /// Makes a chain that has this value already.
    ///
    /// *Twisted's `defer.succeed`.*
    #[inline]
    pub const fn succeed(value: T) -> Self {
        Self::from_result(Ok(value))
    }

    /// Makes a chain that has failed already.
    ///
    /// *Twisted's `defer.fail`.*
    #[track_caller]
    pub fn fail(error: impl Into<Failure>) -> Self {
        Self::from_result(Err(error.into()))
    }

    /// Makes a chain that has this result already.
    #[inline]
    pub const fn from_result(result: Result<T, Failure>) -> Self {
        Self {
            state: State::Fired(result),
            source: OnceCell::new(),
        }
    }

    /// Whether a result is there: a link added now would run at once.
    ///
    /// *Twisted's `called`, but `false` also while the chain waits for another Deferred.*
    #[must_use]
    pub fn has_result(&self) -> bool {
        let fired = match &self.state {
            State::Fired(_) => true,
            State::Waiting(node) => node.slot().has_result(),
            State::Spent => false,
        };
        fired && !self.source.get().is_some_and(chain::is_paused)
    }

    /// Takes the result, if it is there, and gives back the `Deferred` if not.
    ///
    /// # Errors
    ///
    /// The `Deferred` itself, if the chain still waits, or is paused.
    #[inline]
    pub fn into_result(self) -> Result<Result<T, Failure>, Self> {
        let (state, source) = self.into_parts();
        match Ready::of(state, &source) {
            Ready::Now(result) => Ok(result),
            Ready::Later(node) => Err(Self {
                state: State::Waiting(node),
                source,
            }),
            Ready::Held(result, _) => Err(Self {
                state: State::Fired(result),
                source,
            }),
        }
    }

    /// Holds the chain: no link of it runs, and no result is passed on, until the guard is dropped.
    ///
    /// Guards are counted; the last one to go lets the chain run, inside its drop. A link that pauses its own
    /// chain stops the run when it returns. A chain that was returned by a link is one with the chain
    /// that returned it, and they are paused together.
    ///
    /// *Twisted's `pause` and `unpause`, where a returned Deferred is paused by itself.*
    pub fn pause(&self) -> Pause {
        chain::pause(self.source.get_or_init(Resultant::source))
    }

    /// Cancels what the chain waits for now. Without effect if the chain has a result, or is running.
    ///
    /// If that is the chain's own beginning, its canceller is called, and the chain ends as
    /// [`with_canceller`](Self::with_canceller) says; without a canceller it ends with
    /// [`CancelledError`](crate::CancelledError). If the chain waits for a Deferred that a callback
    /// returned, that one is cancelled, and the chain goes on with what it ends with. The errbacks
    /// have run when this returns. A firing that comes later is swallowed: the firer is told, nothing else happens.
    ///
    /// *Twisted's `Deferred.cancel`.*
    pub fn cancel(&self) {
        if let Some(source) = self.source.get() {
            chain::cancel(source);
        }
    }

    /// A handle that cancels this chain from elsewhere, also after more links were added.
    #[must_use]
    pub fn cancel_handle(&self) -> CancelHandle {
        CancelHandle::new(self.source.get_or_init(Resultant::source))
    }

    /// Takes the Deferred apart; nothing is left to be done when it is dropped.
    #[inline]
    fn into_parts(mut self) -> (State<T>, OnceCell<Rc<dyn Source>>) {
        let state = mem::replace(&mut self.state, State::Spent);
        let source = mem::take(&mut self.source);
        // As in `link`.
        mem::forget(self);
        (state, source)
    }

    /// The source of a chain that waits.
    pub(crate) fn source(&self) -> &Rc<dyn Source> {
        self.source.get().expect("a chain that waits has a source")
    }

    /// Gives up this end of a chain that waits, for the sake of its last node.
    #[inline]
    pub(crate) fn into_node(mut self) -> Rc<dyn Output<T>> {
        match mem::replace(&mut self.state, State::Spent) {
            State::Waiting(node) => node,
            State::Fired(_) | State::Spent => unreachable!("only called on a chain that waits"),
        }
    }
}

impl<T> Drop for Deferred<T> {
    #[inline]
    fn drop(&mut self) {
        if !matches!(self.state, State::Spent) {
            self.give_up();
        }
    }
}

impl<T> Deferred<T> {
    /// Ends the chain here: a failure that is there, or will be, is for nobody.
    fn give_up(&mut self) {
        let last = match mem::replace(&mut self.state, State::Spent) {
            State::Fired(result) => result,
            State::Waiting(node) => match node.slot().take() {
                Slot::Result(result) => result,
                _ => return,
            },
            State::Spent => return,
        };
        if let Err(failure) = last {
            report::unhandled(&failure, self.source.get());
        }
    }
}
