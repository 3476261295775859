//! What a protocol may ask of its end. Nothing here calls anybody back.

use std::time::Duration;

use deferred::{Deferred, Failure};
use reactor::ConnectionClosed;

use crate::{
    Abilities, Address, Consumer, Flow, HalfClose, Producer, ProducerError, Protocol, PushProducer,
    Transport,
};

use super::{End, Phase, Reading, Step, Writing};

impl<P: Protocol> Consumer for End<P> {
    fn write(&self, data: &[u8]) -> Flow {
        self.queue(&[data])
    }

    fn register_producer(&self, producer: Producer) -> Result<(), ProducerError> {
        self.register(producer)
    }

    fn unregister_producer(&self) {
        self.unregister();
    }
}

impl<P: Protocol> PushProducer for End<P> {
    fn pause_producing(&self) {
        if self.phase.get() == Phase::Open && self.reading.get() == Reading::On {
            self.reading.set(Reading::Paused);
        }
    }

    fn resume_producing(&self) {
        if self.phase.get() == Phase::Open && self.reading.get() == Reading::Paused {
            self.reading.set(Reading::On);
            self.look_at_inbox();
        }
    }

    fn stop_producing(&self) {
        self.lose_connection();
    }
}

impl<P: Protocol> Transport for End<P> {
    fn write_vectored(&self, parts: &[&[u8]]) -> Flow {
        self.queue(parts)
    }

    fn lose_connection(&self) {
        if self.phase.get() == Phase::Open {
            self.phase.set(Phase::Closing);
            self.wants_flush();
        }
    }

    fn lose_connection_within(&self, limit: Duration) {
        self.lose_connection();
        if self.phase.get() != Phase::Closing {
            return;
        }
        let deadline = self.call_later(limit, Self::abort_connection);
        if let Some(earlier) = self.timers.deadline.replace(Some(deadline)) {
            // Else this would not be closing any more.
            let _ = earlier.cancel();
        }
    }

    fn abort_connection(&self) {
        self.end(Failure::without_backtrace(
            ConnectionClosed::ConnectionAborted,
        ));
    }

    fn wake(&self) {
        if self.phase.get() == Phase::Open && !self.wake_waits.replace(true) {
            self.next_turn(Step::Wake);
        }
    }

    fn when_lost(&self) -> Deferred<Failure> {
        let reason = self.reason.borrow().clone();
        match reason {
            Some(reason) if self.phase.get() == Phase::Told => Deferred::succeed(reason),
            _ => {
                let (firer, deferred) = Deferred::new();
                self.wait_for_end.borrow_mut().push(firer);
                deferred
            }
        }
    }

    fn set_water_marks(&self, high: usize, low: usize) {
        self.water_marks.set((high, low.min(high)));
    }

    fn peer(&self) -> Address {
        self.peer.clone()
    }

    fn host(&self) -> Address {
        self.host.clone()
    }

    fn abilities(&self) -> Abilities<'_> {
        Abilities {
            half_close: Some(self),
            ..Abilities::default()
        }
    }
}

impl<P: Protocol> HalfClose for End<P> {
    fn lose_write_connection(&self) {
        if self.phase.get() == Phase::Open && self.writing.get() == Writing::On {
            self.writing.set(Writing::Ending);
            self.wants_flush();
        }
    }
}
