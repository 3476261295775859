//! System events: what is done before, during and after a reactor starts and stops.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fmt;
use std::panic::Location;
use std::rc::{Rc, Weak};

use deferred::{Deferred, DeferredList, Outcome, report};

use crate::callback::CallResult;
use crate::reactor::Core;
use crate::{Job, Reactor};

/// Something that happens to a reactor, to which triggers can be added.
///
/// When an event is fired, its triggers are called once, in three phases: all those
/// [`before`](Reactor::before) it, then those [`during`](Reactor::during) it, then those
/// [`after`](Reactor::after) it; within a phase in the order in which they were added. Triggers before it may
/// return a [`Deferred`], and the later phases wait for all of these; meanwhile the loop goes on. One that is
/// added before it while it waits is for the next time. A trigger that fails is reported, and holds up nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SystemEvent {
    /// A run begins. Its reactor counts as running from the second phase on, and has taken the signals then.
    Startup,
    /// A run that was told to stop ends. In the second phase the reactor has stopped: all connections are lost,
    /// and it takes no new calls and descriptors.
    Shutdown,
    /// An event of the program's own, for [`fire_system_event`](Reactor::fire_system_event).
    Custom(&'static str),
}

impl fmt::Display for SystemEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Startup => "startup",
            Self::Shutdown => "shutdown",
            Self::Custom(name) => name,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Before,
    During,
    After,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "before",
            Self::During => "during",
            Self::After => "after",
        })
    }
}

type Place = (SystemEvent, Phase, u64);

/// What a program has added to an event.
struct Added {
    call: Call,
    added: &'static Location<'static>,
}

type Call = Box<dyn FnOnce(&Reactor) -> Deferred<()>>;

/// The triggers of all events.
#[derive(Default)]
pub(crate) struct Events {
    triggers: RefCell<BTreeMap<Place, Added>>,
    made: Cell<u64>,
}

impl Events {
    fn add(&self, event: SystemEvent, phase: Phase, added: Added) -> Place {
        let place = (event, phase, self.made.get());
        self.made.set(place.2 + 1);
        self.triggers.borrow_mut().insert(place, added);
        place
    }

    fn take_first(&self, event: SystemEvent, phase: Phase) -> Option<Added> {
        let mut triggers = self.triggers.borrow_mut();
        let of_this_phase = (event, phase, 0)..=(event, phase, u64::MAX);
        let place = *triggers.range(of_this_phase).next()?.0;
        triggers.remove(&place)
    }

    pub(crate) fn clear(&self) {
        loop {
            let next = self.triggers.borrow_mut().pop_first();
            let Some(dropped) = next else { break };
            drop(dropped);
        }
    }
}

/// A trigger that was added to an event: to take it away again.
///
/// Dropping this does nothing; the trigger stays.
///
/// *What Twisted's `addSystemEventTrigger` returns.*
#[derive(Clone)]
pub struct Trigger {
    place: Place,
    core: Weak<Core>,
}

impl Trigger {
    /// Takes the trigger away, and returns whether it was still there: it will not run then.
    ///
    /// Harmless if it has run, runs now, or was taken away before.
    ///
    /// *Twisted's `removeSystemEventTrigger`, which raises an error for one that is not there.*
    pub fn remove(&self) -> bool {
        let Some(core) = self.core.upgrade() else {
            return false;
        };
        let removed = core.events.triggers.borrow_mut().remove(&self.place);
        removed.is_some()
    }
}

impl fmt::Debug for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (event, phase, _) = self.place;
        write!(f, "Trigger({phase} {event})")
    }
}

impl Reactor {
    /// Has `f` called before `event`, which waits for the Deferred if `f` returns one.
    ///
    /// A Deferred that fails is reported, and the event goes on.
    ///
    /// # Examples
    ///
    /// ```
    /// use reactor::{Reactor, SystemEvent};
    /// use deferred::Deferred;
    /// use std::time::Duration;
    ///
    /// let reactor = Reactor::new()?;
    /// reactor.before(SystemEvent::Shutdown, |reactor| {
    ///     let (firer, written) = Deferred::<()>::new();
    ///     reactor.call_later(Duration::from_millis(5), move |_| {
    ///         println!("the last page is written");
    ///         firer.callback(());
    ///     });
    ///     written
    /// });
    /// reactor.call_when_running(|reactor| reactor.stop());
    /// reactor.run()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// *Twisted's `addSystemEventTrigger('before', …)`.*
    #[track_caller]
    pub fn before<R: Outcome<Value = ()>>(
        &self,
        event: SystemEvent,
        f: impl FnOnce(&Self) -> R + 'static,
    ) -> Trigger {
        let call = |reactor: &Self| match f(reactor).settle() {
            Ok(result) => Deferred::from_result(result),
            Err(waiting) => waiting,
        };
        self.add_trigger(event, Phase::Before, Box::new(call))
    }

    /// Has `f` called during `event`, when all that was to be done before it is done.
    ///
    /// *Twisted's `addSystemEventTrigger('during', …)`.*
    #[track_caller]
    pub fn during<R: CallResult>(
        &self,
        event: SystemEvent,
        f: impl FnOnce(&Self) -> R + 'static,
    ) -> Trigger {
        self.add_trigger(event, Phase::During, at_once(f))
    }

    /// Has `f` called after `event`.
    ///
    /// *Twisted's `addSystemEventTrigger('after', …)`.*
    #[track_caller]
    pub fn after<R: CallResult>(
        &self,
        event: SystemEvent,
        f: impl FnOnce(&Self) -> R + 'static,
    ) -> Trigger {
        self.add_trigger(event, Phase::After, at_once(f))
    }

    #[track_caller]
    fn add_trigger(&self, event: SystemEvent, phase: Phase, call: Call) -> Trigger {
        let added = Location::caller();
        let place = self.core.events.add(event, phase, Added { call, added });
        let trigger = Trigger {
            place,
            core: Rc::downgrade(&self.core),
        };
        if self.core.is_gone() {
            // Nobody would ever drop it, if it holds a handle to the reactor.
            trigger.remove();
        }
        trigger
    }

    /// Calls the triggers of `event`, which is the program's own.
    ///
    /// Without effect if it has none. An event that waits does not hold up another one. The reactor fires
    /// its own events itself: firing one of these calls its triggers, and neither starts nor stops anything.
    ///
    /// *Twisted's `fireSystemEvent`.*
    pub fn fire_system_event(&self, event: SystemEvent) {
        self.fire(Firing::by_hand(event));
    }

    /// Begins an event: what comes before it now, and the rest now or when that is done.
    pub(crate) fn fire(&self, firing: Rc<Firing>) {
        let mut waited_for = Vec::new();
        while let Some(trigger) = self.core.events.take_first(firing.event, Phase::Before) {
            let done = self.pull(&firing, Phase::Before, trigger);
            if !done.has_result() {
                waited_for.push(done);
            }
        }
        if waited_for.is_empty() {
            return firing.run(self);
        }
        let core = Rc::downgrade(&self.core);
        let going_on = DeferredList::new(waited_for).entries().map(move |_| {
            if let Some(core) = core.upgrade() {
                Self::handle_to(core).after_callback(firing);
            }
        });
        going_on.ignore();
    }

    /// Calls one trigger; what it returns never fails.
    fn pull(&self, firing: &Firing, phase: Phase, trigger: Added) -> Deferred<()> {
        let what = format!(
            "a trigger {phase} {}, added at {}",
            firing.event, trigger.added
        );
        let mut returned = Deferred::succeed(());
        let call = || returned = (trigger.call)(self);
        if firing.by_hand {
            // From inside a callback, perhaps, which is to return before what it left is done.
            self.inner_callback(&what, call);
        } else {
            self.callback(&what, call);
        }
        returned.add_errback(move |failure| {
            report(&format!("Unhandled error in {what}"), &failure);
            Ok(())
        })
    }
}

fn at_once<R: CallResult>(f: impl FnOnce(&Reactor) -> R + 'static) -> Call {
    Box::new(|reactor| match f(reactor).into_failure() {
        None => Deferred::succeed(()),
        Some(failure) => Deferred::fail(failure),
    })
}

/// An event that was fired: a job that does what comes when all before it is done, once.
pub(crate) struct Firing {
    event: SystemEvent,
    gone_on: Cell<bool>,
    /// Whether the program has fired it, and not the loop.
    by_hand: bool,
    /// The reactor's own part in it, before the triggers.
    during: fn(&Reactor),
    /// The reactor's own part when all triggers have run.
    done: fn(&Reactor),
}

impl Firing {
    /// Has it do nothing any more: the run that it belongs to is over.
    pub(crate) fn withdraw(&self) {
        self.gone_on.set(true);
    }

    pub(crate) fn new(event: SystemEvent, during: fn(&Reactor), done: fn(&Reactor)) -> Rc<Self> {
        Rc::new(Self {
            event,
            gone_on: Cell::new(false),
            by_hand: false,
            during,
            done,
        })
    }

    fn by_hand(event: SystemEvent) -> Rc<Self> {
        Rc::new(Self {
            event,
            gone_on: Cell::new(false),
            by_hand: true,
            during: |_| (),
            done: |_| (),
        })
    }
}

impl Job for Firing {
    fn run(self: Rc<Self>, reactor: &Reactor) {
        // A run that has crashed meanwhile has no more to do.
        let is_over = !self.by_hand && reactor.core.has_ended();
        if self.gone_on.replace(true) || is_over {
            return;
        }
        (self.during)(reactor);
        for phase in [Phase::During, Phase::After] {
            while let Some(trigger) = reactor.core.events.take_first(self.event, phase) {
                reactor.pull(&self, phase, trigger).ignore();
            }
        }
        (self.done)(reactor);
    }
}
