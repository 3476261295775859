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
use crate::reactor::{Core, Reactor, Stopped};
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
    /// or SIGTERM takes the place of the reactor's own, which would stop it. When no reactor runs, the
    /// signal has its default effect.
    ///
    /// # Errors
    ///
    /// If the system lets nobody handle this signal.
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
        if FORBIDDEN.contains(&signal) {
            let what = format!("signal {signal} cannot be handled");
            return Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        }
        let wanted = handler.is_some() || STOPPING.contains(&signal);
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
                None => self.stop_by(signal),
            }
        }
    }

    fn stop_by(&self, signal: i32) {
        if self.stop_for(Stopped::Signal(signal)).is_ok() {
            log::info!(target: "reactor", "received signal {signal}, shutting down");
        } else {
            log::info!(target: "reactor", "received signal {signal}, shutting down at once");
            self.stop_waiting();
        }
    }
}

/// The signals that stop a reactor.
const STOPPING: [i32; 2] = [SIGINT, SIGTERM];

/// Whether a reactor of this process has the signals now.
static OWNED: AtomicBool = AtomicBool::new(false);

/// For each signal that was ever watched, whether nobody watches it now; it does what it always does then.
///
/// `signal-hook` keeps its own handler installed when all its actions are gone, and the signal would be
/// swallowed; this makes that handler do what the system does by default.
static UNWATCHED: Mutex<BTreeMap<i32, Arc<AtomicBool>>> = Mutex::new(BTreeMap::new());

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
            // A program that was started to ignore it, such as one in a shell's background, goes on doing so.
            if core.handlers.get(signal).is_some() || !is_ignored(signal) {
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
    let mut all = UNWATCHED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(unwatched) = all.get(&signal) {
        return Ok(Arc::clone(unwatched));
    }
    let unwatched = Arc::new(AtomicBool::new(true));
    flag::register_conditional_default(signal, Arc::clone(&unwatched))?;
    all.insert(signal, Arc::clone(&unwatched));
    Ok(unwatched)
}

/// Whether the process ignores `signal`, as far as the system tells: Linux does.
fn is_ignored(signal: i32) -> bool {
    if !cfg!(target_os = "linux") {
        return false;
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    ignored.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
