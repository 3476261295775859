//! Producers for tests.

use std::cell::Cell;
use std::fmt;
use std::rc::{Rc, Weak};

use crate::{PullProducer, PushProducer, Transport};

/// A pull producer that writes a number each time it is asked, from 1 to 10, and is done then.
///
/// # Examples
///
/// ```
/// use protocols::testing::{Collector, Pair, TenTimes};
/// use protocols::{Consumer, Producer};
/// use std::rc::Rc;
///
/// let ((client, _), (server, collected)) = (Collector::new(), Collector::new());
/// let pair = Pair::join(client, server);
/// let producer = TenTimes::new(&pair.client());
/// pair.client().register_producer(Producer::Pull(producer.clone()))?;
/// pair.flush();
///
/// assert_eq!(collected.data(), b"12345678910");
/// assert!(producer.is_done());
/// # Ok::<(), protocols::ProducerError>(())
/// ```
///
/// It is a pull producer and nothing else, so that nobody can tell it to pause:
///
/// ```compile_fail,E0308
/// # use protocols::testing::{StringTransport, TenTimes};
/// # let transport: std::rc::Rc<dyn protocols::Transport> = StringTransport::new();
/// protocols::Producer::Push(TenTimes::new(&transport));
/// ```
///
/// *Twisted's `NonStreamingProducer`.*
pub struct TenTimes {
    consumer: Weak<dyn Transport>,
    written: Cell<u32>,
    is_stopped: Cell<bool>,
}

impl TenTimes {
    /// How often it writes.
    const TIMES: u32 = 10;

    /// Makes a producer that will write to `consumer`, which it does not keep alive.
    #[must_use]
    pub fn new(consumer: &Rc<dyn Transport>) -> Rc<Self> {
        Rc::new(Self {
            consumer: Rc::downgrade(consumer),
            written: Cell::new(0),
            is_stopped: Cell::new(false),
        })
    }

    /// How often it has written.
    #[must_use]
    pub fn written(&self) -> u32 {
        self.written.get()
    }

    /// Whether it has written ten times.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.written() == Self::TIMES
    }

    /// Whether it was told to stop.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.is_stopped.get()
    }
}

impl PullProducer for TenTimes {
    /// Writes the next number; with the tenth it unregisters itself.
    ///
    /// # Panics
    ///
    /// If it is done or was told to stop: it must not be asked then.
    fn resume_producing(&self) {
        assert!(!self.is_done(), "a producer that is done is asked for more");
        assert!(
            !self.is_stopped(),
            "a producer that was stopped is asked for more"
        );
        let Some(consumer) = self.consumer.upgrade() else {
            return;
        };
        self.written.set(self.written() + 1);
        consumer.write(self.written().to_string().as_bytes());
        if self.is_done() {
            consumer.unregister_producer();
        }
    }

    /// # Panics
    ///
    /// If it is done, or was told already.
    fn stop_producing(&self) {
        assert!(!self.is_done(), "a producer that is done is told to stop");
        assert!(
            !self.is_stopped.replace(true),
            "a producer is told to stop twice"
        );
    }
}

impl fmt::Debug for TenTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TenTimes(has written {})", self.written())
    }
}

/// A push producer that writes nothing and is strict about what it is told.
///
/// It **panics** when it is told to pause while it is paused, to resume while it runs, and when it is
/// told anything after it was told to stop. On a connection, such a panic is the reason of its end.
///
/// *Twisted's `StrictPushProducer`.*
#[derive(Debug)]
pub struct StrictPushProducer {
    state: Cell<StrictState>,
}

/// What a [`StrictPushProducer`] was told last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StrictState {
    /// To go on, as it does at first.
    Running,
    /// To pause.
    Paused,
    /// To stop.
    Stopped,
}

impl StrictPushProducer {
    /// Makes a producer that runs.
    #[must_use]
    pub fn new() -> Rc<Self> {
        Rc::new(Self {
            state: Cell::new(StrictState::Running),
        })
    }

    /// What it was told last.
    #[must_use]
    pub fn state(&self) -> StrictState {
        self.state.get()
    }

    /// Goes to another state, if it may from the one in which it is.
    #[track_caller]
    fn change(&self, what: &str, may: &[StrictState], to: StrictState) {
        let state = self.state();
        assert!(
            may.contains(&state),
            "it is told to {what} while it is {state:?}"
        );
        self.state.set(to);
    }
}

impl PushProducer for StrictPushProducer {
    fn pause_producing(&self) {
        self.change("pause", &[StrictState::Running], StrictState::Paused);
    }

    fn resume_producing(&self) {
        self.change("resume", &[StrictState::Paused], StrictState::Running);
    }

    fn stop_producing(&self) {
        let may = [StrictState::Running, StrictState::Paused];
        self.change("stop", &may, StrictState::Stopped);
    }
}
