//! Connections on which nothing happens for too long.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use reactor::{Clock, DelayedCall, Work};

use crate::{Address, Transport};

use super::{Connection, Policy, Wire};

/// A time that a protocol gives something to happen, and what is done if it does not.
///
/// Without effect until a period is [set](Self::set); gone when it is dropped.
///
/// *Twisted's `TimeoutMixin`.*
///
/// ```
/// use protocols::policies::Timeout;
/// use protocols::reactor::testing::TestClock;
/// use std::time::Duration;
///
/// let clock = TestClock::new();
/// let timeout = Timeout::new(clock.clone(), || println!("Nobody says anything"));
/// timeout.set(Some(Duration::from_secs(10)));
/// clock.advance(Duration::from_secs(9));
/// timeout.reset();
/// clock.advance(Duration::from_secs(9));
/// assert_eq!(timeout.set(None), Some(Duration::from_secs(10)));
/// ```
pub struct Timeout {
    clock: Rc<dyn Clock>,
    run_out: Rc<dyn Fn()>,
    period: Cell<Option<Duration>>,
    call: RefCell<Option<DelayedCall>>,
}

impl Timeout {
    /// Calls `run_out` when a period has passed without [`reset`](Self::reset); from the loop, once for each
    /// time that a period is set.
    pub fn new(clock: impl Clock + 'static, run_out: impl Fn() + 'static) -> Self {
        Self {
            clock: Rc::new(clock),
            run_out: Rc::new(run_out),
            period: Cell::new(None),
            call: RefCell::new(None),
        }
    }

    /// Loses the connection when a period has passed.
    pub fn closing(clock: impl Clock + 'static, transport: &Rc<dyn Transport>) -> Self {
        let transport = Rc::downgrade(transport);
        Self::new(clock, move || {
            if let Some(transport) = transport.upgrade() {
                transport.lose_connection();
            }
        })
    }

    /// Sets the period, which begins now, or none; gives back the one before.
    pub fn set(&self, period: Option<Duration>) -> Option<Duration> {
        let call = period.map(|period| {
            let run_out = Rc::clone(&self.run_out);
            self.clock.schedule(period, Work::new(move || run_out()))
        });
        let before = self.call.replace(call);
        if let Some(before) = before {
            // It may have run, and it may be this that runs.
            let _ = before.cancel();
        }
        self.period.replace(period)
    }

    /// Has the period begin anew; nothing if there is none, or it has run out.
    pub fn reset(&self) {
        if let (Some(period), Some(call)) = (self.period.get(), &*self.call.borrow()) {
            // It may have run.
            let _ = call.reset(period);
        }
    }
}

impl Drop for Timeout {
    fn drop(&mut self) {
        self.set(None);
    }
}

impl fmt::Debug for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Timeout({:?})", self.period.get())
    }
}

/// Loses connections on which nothing comes and nothing is written for a period.
///
/// *Twisted's `TimeoutFactory`, whose period is half an hour unless it is set.*
pub struct IdleTimeout {
    clock: Rc<dyn Clock>,
    period: Duration,
}

impl IdleTimeout {
    /// So long.
    pub fn new(clock: impl Clock + 'static, period: Duration) -> Self {
        Self {
            clock: Rc::new(clock),
            period,
        }
    }

    /// Half an hour.
    pub fn half_an_hour(clock: impl Clock + 'static) -> Self {
        Self::new(clock, Duration::from_secs(30 * 60))
    }
}

impl Policy for IdleTimeout {
    type Connection = Idle;

    fn accept(&self, _peer: &Address) -> Option<Idle> {
        Some(Idle {
            clock: Rc::clone(&self.clock),
            period: self.period,
            timeout: RefCell::new(None),
        })
    }
}

impl fmt::Debug for IdleTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "IdleTimeout({:?})", self.period)
    }
}

/// One connection of those that may not be idle.
pub struct Idle {
    clock: Rc<dyn Clock>,
    period: Duration,
    timeout: RefCell<Option<Timeout>>,
}

impl Idle {
    fn reset(&self) {
        if let Some(timeout) = &*self.timeout.borrow() {
            timeout.reset();
        }
    }
}

impl Connection for Idle {
    fn connection_made(&self, wire: &Rc<Wire>) {
        let timeout = Timeout::closing(Rc::clone(&self.clock), wire.transport());
        timeout.set(Some(self.period));
        *self.timeout.borrow_mut() = Some(timeout);
    }

    fn data_received(&self, _data: &[u8]) {
        self.reset();
    }

    fn written(&self, _parts: &[&[u8]]) {
        self.reset();
    }

    fn connection_lost(&self, _reason: &deferred::Failure) {
        self.timeout.take();
    }
}

impl fmt::Debug for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Idle({:?})", self.period)
    }
}
