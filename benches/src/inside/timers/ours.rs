//! Delayed calls of our reactor.

use std::cell::Cell;
use std::io;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::time::Duration;

use protocols::reactor::backend::{Backend, Event, Interest, Key};
use protocols::reactor::{DelayedCall, Reactor};

use super::{STEP, STEPS, Timers, Work};

/// Delayed calls of a reactor, in simulated time.
struct Ours {
    reactor: Reactor,
    time: Rc<Cell<Duration>>,
    fired: Rc<Cell<usize>>,
}

pub(super) fn run(work: &Work) -> [f64; 3] {
    let time = Rc::new(Cell::new(Duration::ZERO));
    let backend = Simulated(Rc::clone(&time));
    let mut ours = Ours {
        reactor: Reactor::with_backend(Box::new(backend)).expect("there are descriptors left"),
        time,
        fired: Rc::default(),
    };
    work.of(&mut ours)
}

impl Timers for Ours {
    type Handle = DelayedCall;

    fn schedule(&mut self, delay: Duration) -> DelayedCall {
        let fired = Rc::clone(&self.fired);
        let call = move |_: &Reactor| fired.set(fired.get() + 1);
        self.reactor.call_later(delay, call)
    }

    fn cancel(&mut self, handle: DelayedCall) {
        handle.cancel().expect("it waits");
    }

    fn fire(&mut self) -> usize {
        for _ in 0..STEPS {
            self.time.set(self.time.get() + STEP);
            let turned = self.reactor.iterate(Duration::ZERO);
            turned.expect("the backend does not fail");
        }
        self.fired.get()
    }
}

/// A backend without descriptors, whose time passes when it is told.
struct Simulated(Rc<Cell<Duration>>);

impl Backend for Simulated {
    fn name(&self) -> &'static str {
        "simulated"
    }

    fn register(&mut self, _: BorrowedFd<'_>, _: Key, _: Interest) -> io::Result<()> {
        Ok(())
    }

    fn modify(&mut self, _: BorrowedFd<'_>, _: Key, _: Interest) -> io::Result<()> {
        Ok(())
    }

    fn deregister(&mut self, _: BorrowedFd<'_>, _: Key) -> io::Result<()> {
        Ok(())
    }

    fn wait(&mut self, _: &mut Vec<Event>, _: Option<Duration>) -> io::Result<()> {
        Ok(())
    }

    fn now(&self) -> Duration {
        self.0.get()
    }
}
