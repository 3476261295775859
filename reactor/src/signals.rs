//! SIGINT and SIGTERM, which stop the loop in order.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Once};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::pipe;
use signal_hook::{SigId, flag, low_level};

use crate::remote::RemoteHandle;

/// The signals that stop a reactor.
const STOPPING: [i32; 2] = [SIGINT, SIGTERM];

/// Whether no reactor of this process owns the signals now; they do what they always do then.
static UNOWNED: LazyLock<Arc<AtomicBool>> = LazyLock::new(|| Arc::new(AtomicBool::new(true)));

/// The ownership of the signals, while one reactor runs.
///
/// When it is dropped the signals have their default effect again.
pub(crate) struct Signals {
    caught: Arc<AtomicUsize>,
    registered: Vec<SigId>,
}

impl Signals {
    /// Takes the signals for the reactor of `remote`; `None` if another reactor of this process has them.
    pub(crate) fn take(remote: &RemoteHandle) -> io::Result<Option<Self>> {
        restore_defaults_when_unowned()?;
        if !UNOWNED.swap(false, Ordering::SeqCst) {
            return Ok(None);
        }
        let mut signals = Self {
            caught: Arc::default(),
            registered: Vec::new(),
        };
        for signal in STOPPING {
            let number = usize::try_from(signal).expect("signals have positive numbers");
            let caught = Arc::clone(&signals.caught);
            // In this order, so that the reactor finds the number when it has woken up.
            signals
                .registered
                .push(flag::register_usize(signal, caught, number)?);
            signals
                .registered
                .push(pipe::register(signal, remote.waker()?)?);
        }
        Ok(Some(signals))
    }

    /// The number of a signal that has come since this was last called.
    pub(crate) fn caught(&self) -> Option<i32> {
        match self.caught.load(Ordering::Relaxed) {
            0 => None,
            _ => i32::try_from(self.caught.swap(0, Ordering::Relaxed)).ok(),
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for id in self.registered.drain(..) {
            low_level::unregister(id);
        }
        UNOWNED.store(true, Ordering::SeqCst);
    }
}

/// `signal-hook` keeps its handler installed when all actions are gone, and the signals would be
/// swallowed; this makes the handler do what the system does by default while no reactor runs.
fn restore_defaults_when_unowned() -> io::Result<()> {
    static ONCE: Once = Once::new();
    let mut done = Ok(());
    ONCE.call_once(|| {
        for signal in STOPPING {
            if let Err(error) = flag::register_conditional_default(signal, Arc::clone(&UNOWNED)) {
                done = Err(error);
            }
        }
    });
    done
}
