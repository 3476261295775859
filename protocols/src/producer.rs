//! Flow control: who makes bytes, who takes them, and how the second slows the first.

use std::fmt;
use std::rc::Rc;

use crate::Flow;
use crate::files::FileConsumer;

/// Takes bytes, and tells who makes them when to wait.
///
/// A [`Transport`](crate::Transport) is one. A producer that is registered with it is heard of until it is
/// unregistered: an end of the connection that you ask for comes only after that, when all that it wrote has been
/// sent.
///
/// *Twisted's `IConsumer`.*
pub trait Consumer {
    /// Takes `data`, in order after everything written before, and says whether there is room for more.
    ///
    /// A transport sends what a callback has written when that returns, in one system call where it can be. Only what is
    /// larger than a few KiB, with nothing waiting before it, goes to the system at once: to copy it would take longer
    /// than one more call.
    fn write(&self, data: &[u8]) -> Flow;

    /// Like [`write`](Self::write), for bytes that somebody else keeps too: where it can be, they are sent from
    /// there and never copied, however many consumers take them.
    fn write_shared(&self, data: Rc<[u8]>) -> Flow {
        self.write(&data)
    }

    /// Has this producer told of the room that there is.
    ///
    /// A push producer counts as running, and is not called before there is too much. A pull producer is asked for
    /// the first time when the callback that runs now has returned. On a consumer that is over already, a
    /// producer is told to stop by then, and not kept.
    ///
    /// # Errors
    ///
    /// If there is a producer already; it stays.
    ///
    /// *Twisted's `registerProducer`, which asks a pull producer from inside this call.*
    fn register_producer(&self, producer: Producer) -> Result<(), ProducerError>;

    /// Tells the producer nothing more. Without effect if there is none.
    ///
    /// A producer calls this when it has written all that it has.
    fn unregister_producer(&self);

    /// How this takes files without their bytes being read first, if it can.
    ///
    /// A consumer that hands what it takes on to another one, just as it comes, hands this on too. One that looks at
    /// the bytes, or changes them, must not: they would go past it.
    fn file_consumer(&self) -> Option<&dyn FileConsumer> {
        None
    }
}

/// Makes bytes by itself, and can be told to wait.
///
/// A [`Transport`](crate::Transport) is one, of what it receives: registered with another transport, it reads no
/// faster than that one sends.
///
/// *Twisted's `IPushProducer`.*
pub trait PushProducer {
    /// There is no room: write nothing more until told to resume.
    fn pause_producing(&self);

    /// There is room again.
    fn resume_producing(&self);

    /// Nobody takes any more; this is the last call.
    fn stop_producing(&self);
}

/// Makes bytes when it is asked for some.
///
/// *Twisted's `IPullProducer`.*
pub trait PullProducer {
    /// Write some now, once; it is asked again when they have been sent.
    ///
    /// A producer that has nothing to write at the moment is asked again a little later.
    fn resume_producing(&self);

    /// Nobody takes any more; this is the last call.
    fn stop_producing(&self);
}

/// A producer of one kind or the other.
///
/// *The `streaming` argument of Twisted's `registerProducer`.*
#[derive(Clone)]
pub enum Producer {
    /// It makes bytes by itself.
    Push(Rc<dyn PushProducer>),
    /// It makes bytes when it is asked.
    Pull(Rc<dyn PullProducer>),
}

impl Producer {
    pub(crate) fn stop(&self) {
        match self {
            Self::Push(producer) => producer.stop_producing(),
            Self::Pull(producer) => producer.stop_producing(),
        }
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Push(_) => "Push(..)",
            Self::Pull(_) => "Pull(..)",
        })
    }
}

/// A consumer did not take a producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProducerError {
    /// It has one, and takes one at a time.
    #[error("a producer is registered already")]
    AlreadyRegistered,
}
