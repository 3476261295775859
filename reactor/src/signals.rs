//! Signals, which come as callbacks of the loop.
//!
//! While a reactor runs, SIGINT and SIGTERM stop it in order, unless the program has set a handler of its own
//! for them. One reactor of a process has the signals at a time: the first one that runs. When its run is over,
//! they do what they do by default, be it that other code of the process listens to them as well.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use deferred::Failure;
use signal_hook::consts::FORBIDDEN;
use signal_hook::low_level::pipe;
use signal_hook::{SigId, flag, low_level};

pub use signal_hook::consts::{
    SIGALRM, SIGCHLD, SIGHUP, SIGINT, SIGPIPE, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGWINCH,
};

use crate::callback::CallResult;
use crate::reactor::{Core, Phase, Reactor, Stopped};
use crate::remote::RemoteHandle;

/// What a program does when a signal comes; see [`Reactor::set_signal_handler`].
#[derive(Clone)]
pub struct SignalHandler {
    call: Rc<Call>,
}

type Call = dyn Fn(&Reactor) -> Option<Failure>;

impl SignalHandler {
    /// A handler that calls `f`.
    pub fn new<R: CallResult>(f: impl Fn(&Reactor) -> R + 'static) -> Self {
        Self {
            call: Rc::new(move |reactor| f(reactor).into_failure()),
        }
    }
}

impl fmt::Debug for SignalHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignalHandler").finish_non_exhaustive()
    }
}

/// The handlers that a program has set.
#[derive(Default)]
pub(crate) struct Handlers(RefCell<BTreeMap<i32, SignalHandler>>);

impl Handlers {
    fn get(&self, signal: i32) -> Option<SignalHandler> {
        self.0.borrow().get(&signal).cloned()
    }

    pub(crate) fn clear(&self) {
        let handlers = self.0.take();
        drop(handlers);
    }
}

impl Reactor {
    /// Has `handler` called by the loop when `signal` comes while the reactor runs; with none, takes away the
    /// one that was set. Returns the one that was set before.
    ///
    /// Several signals of one kind that come before the loop has turned are told as one. A handler for SIGINT
    /// or SIGTERM takes the place of the reactor's own, which would stop it. It is called only while this reactor
    /// has the signals: not if another one took them first, nor in a run that leaves them alone
    /// ([`run_without_signals`](Self::run_without_signals), [`iterate`](Self::iterate)). When no reactor has them, the
    /// signal has its default effect.
    ///
    /// # Errors
    ///
    /// If nobody can handle this signal, be it that there is no such one, or the reactor is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// use reactor::Reactor;
    /// use reactor::signals::{SIGHUP, SignalHandler};
    ///
    /// let reactor = Reactor::new()?;
    /// let reload = SignalHandler::new(|_| println!("reading the poems anew"));
    /// reactor.set_signal_handler(SIGHUP, Some(reload))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// *What Twisted leaves to Python's `signal.signal`, and its `installHandler` for SIGCHLD.*
    pub fn set_signal_handler(
        &self,
        signal: i32,
        handler: Option<SignalHandler>,
    ) -> io::Result<Option<SignalHandler>> {
        if FORBIDDEN.contains(&signal) || low_level::signal_name(signal).is_none() {
            let what = format!("signal {signal} cannot be handled");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        if self.core.phase.get() == Phase::Closed {
            return Err(io::Error::other("the reactor is gone"));
        }
        let wanted = handler.is_some() || stops(signal);
        if let Some(signals) = &mut *self.core.signals.borrow_mut() {
            if wanted {
                signals.watch(signal)?;
            } else {
                signals.unwatch(signal);
            }
        }
        let mut handlers = self.core.handlers.0.borrow_mut();
        Ok(match handler {
            Some(handler) => handlers.insert(signal, handler),
            None => handlers.remove(&signal),
        })
    }

    /// The handler that is set for `signal`.
    #[must_use]
    pub fn signal_handler(&self, signal: i32) -> Option<SignalHandler> {
        self.core.handlers.get(signal)
    }

    /// Does what the signals that have come ask for.
    pub(crate) fn take_signals(&self) {
        let caught = match &*self.core.signals.borrow() {
            Some(signals) => signals.caught(),
            None => return,
        };
        for signal in caught {
            match self.core.handlers.get(signal) {
                Some(handler) => {
                    self.callback(format_args!("the handler of signal {signal}"), || {
                        (handler.call)(self).map_or(Ok(()), Err)
                    });
                }
                None if STOPPING.contains(&signal) => self.stop_by(signal),
                // A handler that was called just now has taken this one away.
                None => {}
            }
        }
    }

    fn stop_by(&self, signal: i32) {
        if self.stop_for(Stopped::Signal(signal)).is_ok() {
            log::info!(target: "reactor", "received signal {signal}, shutting down");
        } else if self.stop_waiting() {
            log::info!(target: "reactor", "received signal {signal}, shutting down at once");
        }
    }
}

/// The signals that stop a reactor.
const STOPPING: [i32; 2] = [SIGINT, SIGTERM];

/// Whether `signal` stops a reactor as long as it has no handler.
///
/// A program that was started to ignore it, such as one in a shell's background, goes on doing so.
fn stops(signal: i32) -> bool {
    STOPPING.contains(&signal) && !was_ignored(signal)
}

/// Whether a reactor of this process has the signals now.
static OWNED: AtomicBool = AtomicBool::new(false);

/// What is known of each signal that was ever watched.
static KNOWN: Mutex<BTreeMap<i32, Known>> = Mutex::new(BTreeMap::new());

/// What a signal did before it was first watched, and does again when nobody watches it.
///
/// `signal-hook` keeps its own handler installed when all its actions are gone, and the signal is swallowed.
/// That is right for one that was ignored; for all others, an action makes that handler do what the system does
/// by default.
struct Known {
    ignored: bool,
    unwatched: Arc<AtomicBool>,
}

/// The signals, while one reactor has them.
///
/// When it is dropped they have their default effect again.
pub(crate) struct Signals {
    watched: BTreeMap<i32, Watched>,
    /// Whether any has come.
    any: Arc<AtomicBool>,
    remote: RemoteHandle,
}

struct Watched {
    caught: Arc<AtomicBool>,
    actions: Vec<SigId>,
    unwatched: Arc<AtomicBool>,
}

impl Signals {
    /// Takes the signals for the reactor of `core`; none if another reactor of this process has them.
    pub(crate) fn take(core: &Core) -> io::Result<Option<Self>> {
        if OWNED.swap(true, Ordering::SeqCst) {
            return Ok(None);
        }
        let mut signals = Self {
            watched: BTreeMap::new(),
            any: Arc::default(),
            remote: core.remote.clone(),
        };
        for signal in STOPPING {
            if stops(signal) {
                signals.watch(signal)?;
            }
        }
        let handled: Vec<i32> = core.handlers.0.borrow().keys().copied().collect();
        for signal in handled {
            signals.watch(signal)?;
        }
        Ok(Some(signals))
    }

    fn watch(&mut self, signal: i32) -> io::Result<()> {
        if self.watched.contains_key(&signal) {
            return Ok(());
        }
        let caught = Arc::<AtomicBool>::default();
        let mut watched = Watched {
            caught: Arc::clone(&caught),
            actions: Vec::new(),
            unwatched: default_when_unwatched(signal)?,
        };
        // In this order, so that the reactor finds what has come when it has woken up.
        watched.actions.push(flag::register(signal, caught)?);
        watched
            .actions
            .push(flag::register(signal, Arc::clone(&self.any))?);
        watched
            .actions
            .push(pipe::register(signal, self.remote.waker()?)?);
        watched.unwatched.store(false, Ordering::SeqCst);
        self.watched.insert(signal, watched);
        Ok(())
    }

    fn unwatch(&mut self, signal: i32) {
        self.watched.remove(&signal);
    }

    /// The signals that have come since this was last called.
    fn caught(&self) -> Vec<i32> {
        if !self.any.load(Ordering::Relaxed) {
            return Vec::new();
        }
        self.any.store(false, Ordering::SeqCst);
        let caught = |watched: &Watched| watched.caught.swap(false, Ordering::SeqCst);
        self.watched
            .iter()
            .filter_map(|(signal, watched)| caught(watched).then_some(*signal))
            .collect()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        self.watched.clear();
        OWNED.store(false, Ordering::SeqCst);
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.unwatched.store(true, Ordering::SeqCst);
        for action in self.actions.drain(..) {
            low_level::unregister(action);
        }
    }
}

/// The switch that gives `signal` its default effect.
fn default_when_unwatched(signal: i32) -> io::Result<Arc<AtomicBool>> {
    let mut all = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = all.get(&signal) {
        return Ok(Arc::clone(&known.unwatched));
    }
    let unwatched = Arc::new(AtomicBool::new(true));
    let ignored = is_ignored(signal);
    if !ignored {
        flag::register_conditional_default(signal, Arc::clone(&unwatched))?;
    }
    let known = Known {
        ignored,
        unwatched: Arc::clone(&unwatched),
    };
    all.insert(signal, known);
    Ok(unwatched)
}

/// Whether the process ignores `signal`, or did before it was first watched.
fn was_ignored(signal: i32) -> bool {
    let all = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let known = all.get(&signal).map(|known| known.ignored);
    known.unwrap_or_else(|| is_ignored(signal))
}

/// Whether the process ignores `signal`, as far as the system tells: Linux does.
fn is_ignored(signal: i32) -> bool {
    if !cfg!(target_os = "linux") {
        // Every Rust program begins so.
        return signal == SIGPIPE;
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
