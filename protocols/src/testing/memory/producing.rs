//! The producer of what goes out: when it is paused, resumed and asked.

use std::rc::Rc;

use crate::stream::{ASK_AGAIN, Registered, Stop};
use crate::{Producer, ProducerError, Protocol};

use super::{End, Phase, Step, Writing};

impl<P: Protocol> End<P> {
    pub(super) fn has_producer(&self) -> bool {
        self.producer.borrow().is_some()
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
            && !self.ask_waits.replace(true)
        {
            self.after_callback(Step::Ask);
        }
        *self.producer.borrow_mut() = Some(Registered::new(producer));
        Ok(())
    }

    pub(super) fn unregister(&self) {
        let timer = self.timers.ask_again.take();
        // It may have run just now.
        let _ = timer.map(|timer| timer.cancel());
        let producer = self.producer.take();
        // An end may have waited for it.
        if producer.is_some() && self.phase.get() < Phase::Over {
            self.wants_flush();
        }
    }

    /// Tells a push producer to wait, if more waits to be sent than should.
    pub(super) fn pause_producer(&self) {
        let (high, _) = self.water_marks.get();
        if let Some(producer) = self.of_producer(|it, waiting| it.pauses(waiting > high)) {
            self.guarded("pause_producing", || producer.pause_producing());
        }
    }

    /// Tells a push producer that was told to wait that there is room, if there is; has a pull producer asked for
    /// more in the next turn, if nothing waits.
    pub(super) fn resume_producer(&self) {
        let (_, low) = self.water_marks.get();
        if let Some(producer) = self.of_producer(|it, waiting| it.resumes(waiting <= low)) {
            self.guarded("resume_producing", || producer.resume_producing());
        }
        let is_to_be_asked = self.of_producer(|it, waiting| it.asked(waiting)).is_some();
        if is_to_be_asked && !self.ask_waits.replace(true) {
            self.next_turn(Step::Ask);
        }
    }

    /// Asks a pull producer for more; one that has nothing now is asked again a little later.
    pub(super) fn ask_producer(&self) {
        self.ask_waits.set(false);
        if self.phase.get() >= Phase::Over {
            return;
        }
        let Some(producer) = self.of_producer(|it, waiting| it.asked(waiting)) else {
            return;
        };
        self.guarded("resume_producing", || producer.resume_producing());

        let has_nothing = self.of_producer(|it, waiting| it.asked(waiting)).is_some();
        if has_nothing && self.phase.get() < Phase::Over {
            let again = self.call_later(ASK_AGAIN, Self::ask_producer);
            *self.timers.ask_again.borrow_mut() = Some(again);
        }
    }

    /// What `of` makes of the producer, if there is one, and of how many bytes wait to be sent.
    fn of_producer<R>(&self, of: impl FnOnce(&mut Registered, usize) -> Option<R>) -> Option<R> {
        let waiting = self.unsent.borrow().len();
        of(self.producer.borrow_mut().as_mut()?, waiting)
    }
}
