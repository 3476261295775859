//! The producer of what goes out: when it is paused, resumed and asked.

use std::rc::Rc;
use std::time::Duration;

use reactor::{Job, Reactor};

use crate::{Producer, ProducerError, Protocol, PullProducer, PushProducer};

use super::{Connection, Phase, Rare, Writing};

/// After how long a pull producer that had nothing to write is asked again.
pub(crate) const ASK_AGAIN: Duration = Duration::from_millis(10);

/// A producer that is registered.
pub(crate) struct Registered {
    pub(crate) producer: Producer,
    /// Whether a push producer was told to wait.
    paused: bool,
}

impl<P: Protocol> Connection<P> {
    pub(super) fn has_producer(&self) -> bool {
        let rare = self.rare.get();
        rare.is_some_and(|rare| rare.borrow().producer.is_some())
    }

    /// Whether there is a push producer that was not told to wait.
    pub(super) fn has_running_producer(&self) -> bool {
        self.rare.get().is_some_and(|rare| {
            let runs = |it: &Registered| !it.paused && matches!(it.producer, Producer::Push(_));
            rare.borrow().producer.as_ref().is_some_and(runs)
        })
    }

    pub(super) fn register(&self, producer: Producer) -> Result<(), ProducerError> {
        if self.has_producer() {
            return Err(ProducerError::AlreadyRegistered);
        }
        if self.phase.get() != Phase::Open || self.writing.get() != Writing::On {
            self.reactor.after_callback(Rc::new(Stop(producer)));
            return Ok(());
        }
        if let Producer::Pull(_) = producer
            && let Some(this) = self.this.upgrade()
        {
            self.ask_waits.set(true);
            self.reactor.after_callback(this);
        }
        self.with_rare(|rare| rare.producer = Some(Registered::new(producer)));
        Ok(())
    }

    pub(super) fn unregister(&self) {
        let (producer, timer) = {
            let Some(rare) = self.rare.get() else { return };
            let mut rare = rare.borrow_mut();
            (rare.producer.take(), rare.ask_again.take())
        };
        if let Some(timer) = timer {
            // It may have run just now.
            let _ = timer.cancel();
        }
        self.ask_waits.set(false);
        // An end may have waited for it.
        if producer.is_some() && self.phase.get() < Phase::Over {
            self.wants_flush();
        }
    }

    /// Tells a push producer to wait, if more waits to be sent than should.
    pub(super) fn pause_producer(&self) {
        let high = self.sizes().high;
        if let Some(producer) = self.of_producer(|it, waiting| it.pauses(waiting > high)) {
            self.guarded("pause_producing", || producer.pause_producing());
        }
    }

    /// Tells a push producer that was told to wait that there is room, if there is; has a pull producer asked for
    /// more in the next turn, if nothing waits.
    pub(super) fn resume_producer(&self) {
        let low = self.sizes().low;
        if let Some(producer) = self.of_producer(|it, waiting| it.resumes(waiting <= low)) {
            self.guarded("resume_producing", || producer.resume_producing());
        }
        if self.of_producer(|it, waiting| it.asked(waiting)).is_some() {
            self.ask_next_turn();
        }
    }

    /// Asks a pull producer for more; one that has nothing now is asked again a little later.
    pub(super) fn ask_producer(&self) {
        let Some(producer) = self.of_producer(|it, waiting| it.asked(waiting)) else {
            return;
        };
        self.guarded("resume_producing", || producer.resume_producing());

        if self.of_producer(|it, waiting| it.asked(waiting)).is_none() {
            return; // It has written, or is done.
        }
        let this = self.this.clone();
        let again = self.reactor.call_later(ASK_AGAIN, move |_| {
            if let Some(connection) = this.upgrade() {
                connection.ask_producer();
            }
        });
        self.with_rare(|rare| rare.ask_again = Some(again));
    }

    fn ask_next_turn(&self) {
        if let Some(this) = self.this.upgrade()
            && !self.ask_waits.replace(true)
        {
            self.reactor.next_turn(this);
        }
    }

    /// What `of` makes of the producer, if there is one, and of how many bytes wait to be sent.
    fn of_producer<R>(&self, of: impl FnOnce(&mut Registered, usize) -> Option<R>) -> Option<R> {
        let mut rare = self.rare.get()?.borrow_mut();
        let registered = rare.producer.as_mut()?;
        let waiting = self.outgoing.borrow().as_ref().map_or(0, |it| it.len());
        of(registered, waiting)
    }
}

impl Rare {
    pub(super) const fn has_pull_producer(&self) -> bool {
        matches!(&self.producer, Some(it) if matches!(it.producer, Producer::Pull(_)))
    }
}

impl Registered {
    pub(crate) const fn new(producer: Producer) -> Self {
        Self {
            producer,
            paused: false,
        }
    }

    /// The push producer, if it runs and should not.
    pub(crate) fn pauses(&mut self, is_full: bool) -> Option<Rc<dyn PushProducer>> {
        match &self.producer {
            Producer::Push(producer) if is_full && !self.paused => {
                self.paused = true;
                Some(Rc::clone(producer))
            }
            _ => None,
        }
    }

    /// The push producer, if it was told to wait and need not.
    pub(crate) fn resumes(&mut self, has_room: bool) -> Option<Rc<dyn PushProducer>> {
        match &self.producer {
            Producer::Push(producer) if has_room && self.paused => {
                self.paused = false;
                Some(Rc::clone(producer))
            }
            _ => None,
        }
    }

    /// The pull producer, if all that it has made is sent.
    pub(crate) fn asked(&self, waiting: usize) -> Option<Rc<dyn PullProducer>> {
        match &self.producer {
            Producer::Pull(producer) if waiting == 0 => Some(Rc::clone(producer)),
            _ => None,
        }
    }
}

/// Stops a producer that came too late.
pub(crate) struct Stop(pub(crate) Producer);

impl Job for Stop {
    fn run(self: Rc<Self>, _reactor: &Reactor) {
        self.0.stop();
    }
}
