//! Timers of calloop.

use std::time::{Duration, Instant};

use calloop::timer::{TimeoutAction, Timer};
use calloop::{EventLoop, LoopHandle, RegistrationToken};

use super::{STEP, STEPS, Timers, Work};

/// Timers of calloop. Its clock cannot be set, so their times are over when they are scheduled.
struct Calloop {
    events: EventLoop<'static, usize>,
    handle: LoopHandle<'static, usize>,
    long_ago: Instant,
}

pub(super) fn run(work: &Work) -> [f64; 3] {
    let events = EventLoop::try_new().expect("there are descriptors left");
    let long_ago = Instant::now().checked_sub(STEPS * STEP);
    work.of(&mut Calloop {
        handle: events.handle(),
        events,
        long_ago: long_ago.expect("the clock goes below zero"),
    })
}

impl Timers for Calloop {
    type Handle = RegistrationToken;

    fn schedule(&mut self, delay: Duration) -> RegistrationToken {
        let timer = Timer::from_deadline(self.long_ago + delay);
        let source = self.handle.insert_source(timer, |_, (), fired| {
            *fired += 1;
            TimeoutAction::Drop
        });
        source.expect("a timer needs nothing of the system")
    }

    fn cancel(&mut self, handle: RegistrationToken) {
        self.handle.remove(handle);
    }

    fn fire(&mut self) -> usize {
        let mut fired = 0;
        let turned = self.events.dispatch(Duration::ZERO, &mut fired);
        turned.expect("it has nothing to wait for");
        fired
    }
}
