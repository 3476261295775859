//! What an `async fn` awaits on a reactor: that time has passed, that a descriptor is ready.

use std::cell::{Cell, OnceCell};
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::rc::{Rc, Weak};
use std::time::Duration;

use deferred::{Deferred, Failure, Firer};

use crate::delayed::DelayedCall;
use crate::descriptors::{Descriptor, ReadDescriptor, WriteDescriptor};
use crate::reactor::Reactor;

impl Reactor {
    /// Fires once `delay` has passed.
    ///
    /// It is a [`call_later`](Self::call_later) that fires a Deferred. Cancelling it, or dropping the future made
    /// of it, removes the call; when the reactor stops, it ends with [`Abandoned`](deferred::Abandoned).
    #[track_caller]
    pub fn sleep(&self, delay: Duration) -> Deferred<()> {
        let call = Rc::new(OnceCell::new());
        let cancelled = Rc::clone(&call);
        let (firer, deferred) = Deferred::with_canceller(move |_firer| {
            // The call waits: if it had run, there would be nothing to cancel.
            let _ = cancelled.get().map(DelayedCall::cancel);
        });
        let made = self.call_later(delay, move |_| {
            firer.callback(());
        });
        call.get_or_init(|| made);
        deferred
    }

    /// Fires, once, when there is something to read from `descriptor`: bytes, a connection, the end, or an error.
    ///
    /// As with all readiness, a read can still say that it would block, so the descriptor should be in
    /// non-blocking mode. Cancelling it, or dropping the future made of it, stops the watching. One reader is told
    /// of a descriptor: asking again, or [`add_reader`](Self::add_reader), replaces the first one, which then
    /// ends with [`Abandoned`](deferred::Abandoned).
    ///
    /// # Errors
    ///
    /// It fails at once if the descriptor cannot be watched or the reactor is stopping; when the reactor stops, it
    /// fails with [`ReactorStopped`](crate::ConnectionClosed::ReactorStopped), and when a writer of the same
    /// descriptor fails, with that writer's error.
    ///
    /// # Examples
    ///
    /// An echo, as it is written without callbacks:
    ///
    /// ```
    /// use deferred::{Failure, testing};
    /// use reactor::Reactor;
    /// use std::io::{self, ErrorKind, Read, Write};
    /// use std::os::unix::net::UnixStream;
    /// use std::rc::Rc;
    ///
    /// async fn read(reactor: &Reactor, stream: &Rc<UnixStream>, buffer: &mut [u8]) -> Result<usize, Failure> {
    ///     loop {
    ///         match (&**stream).read(buffer) {
    ///             Err(error) if error.kind() == ErrorKind::WouldBlock => {
    ///                 reactor.readable(stream.clone()).await?;
    ///             }
    ///             done => return Ok(done?),
    ///         }
    ///     }
    /// }
    ///
    /// async fn write(reactor: &Reactor, stream: &Rc<UnixStream>, mut data: &[u8]) -> Result<(), Failure> {
    ///     while !data.is_empty() {
    ///         match (&**stream).write(data) {
    ///             Err(error) if error.kind() == ErrorKind::WouldBlock => {
    ///                 reactor.writable(stream.clone()).await?;
    ///             }
    ///             written => data = &data[written?..],
    ///         }
    ///     }
    ///     Ok(())
    /// }
    ///
    /// async fn echo(reactor: Reactor, stream: Rc<UnixStream>) -> Result<(), Failure> {
    ///     let mut buffer = [0; 1024];
    ///     loop {
    ///         match read(&reactor, &stream, &mut buffer).await? {
    ///             0 => return Ok(()),
    ///             n => write(&reactor, &stream, &buffer[..n]).await?,
    ///         }
    ///     }
    /// }
    ///
    /// async fn ask(reactor: Reactor, stream: Rc<UnixStream>) -> Result<String, Failure> {
    ///     write(&reactor, &stream, b"nevermore").await?;
    ///     let mut answer = [0; 9];
    ///     let mut n = 0;
    ///     while n < answer.len() {
    ///         n += read(&reactor, &stream, &mut answer[n..]).await?;
    ///     }
    ///     reactor.stop()?;
    ///     Ok(String::from_utf8_lossy(&answer).into_owned())
    /// }
    ///
    /// let reactor = Reactor::new()?;
    /// let (here, there) = UnixStream::pair()?;
    /// here.set_nonblocking(true)?;
    /// there.set_nonblocking(true)?;
    /// let echo = reactor.spawn(echo(reactor.clone(), Rc::new(there)));
    /// let answer = reactor.spawn(ask(reactor.clone(), Rc::new(here)));
    /// reactor.run()?;
    ///
    /// assert_eq!(testing::success_result_of(answer), "nevermore");
    /// echo.ignore();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn readable<F: AsFd + 'static>(&self, descriptor: Rc<F>) -> Deferred<()> {
        Once::watch(self, descriptor, Self::remove_reader, |reactor, once| {
            reactor.add_reader(once)
        })
    }

    /// Fires, once, when there is room to write to `descriptor`, or it has failed or was closed.
    ///
    /// In all else as [`readable`](Self::readable); a descriptor can be awaited for both at a time.
    ///
    /// # Errors
    ///
    /// As for [`readable`](Self::readable).
    pub fn writable<F: AsFd + 'static>(&self, descriptor: Rc<F>) -> Deferred<()> {
        Once::watch(self, descriptor, Self::remove_writer, |reactor, once| {
            reactor.add_writer(once)
        })
    }
}

/// A reader or writer that is told once.
struct Once<F> {
    descriptor: Rc<F>,
    firer: Cell<Option<Firer<()>>>,
}

impl<F: AsFd + 'static> Once<F> {
    fn watch(
        reactor: &Reactor,
        descriptor: Rc<F>,
        remove: fn(&Reactor, &Self),
        add: fn(&Reactor, Rc<Self>) -> io::Result<()>,
    ) -> Deferred<()> {
        let there = reactor.clone();
        let watched = Rc::new(OnceCell::<Weak<Self>>::new());
        let cancelled = Rc::clone(&watched);
        let (firer, deferred) = Deferred::with_canceller(move |_firer| {
            // As long as nothing else owns it, the reactor does: one that was replaced is gone, and must not
            // take away the one that has replaced it.
            if let Some(once) = cancelled.get().and_then(Weak::upgrade) {
                remove(&there, &once);
            }
        });
        let once = Rc::new(Self {
            descriptor,
            firer: Cell::new(Some(firer)),
        });
        watched.get_or_init(|| Rc::downgrade(&once));
        if let Err(error) = add(reactor, Rc::clone(&once)) {
            once.fire(Err(error.into()));
        }
        deferred
    }

    fn fire(&self, result: Result<(), Failure>) {
        if let Some(firer) = self.firer.take() {
            firer.fire(result);
        }
    }
}

impl<F: AsFd> AsFd for Once<F> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl<F: AsFd + 'static> Descriptor for Once<F> {
    fn connection_lost(self: Rc<Self>, _reactor: &Reactor, reason: Failure) {
        self.fire(Err(reason));
    }
}

impl<F: AsFd + 'static> ReadDescriptor for Once<F> {
    fn do_read(self: Rc<Self>, reactor: &Reactor) -> Result<(), Failure> {
        reactor.remove_reader(&*self);
        self.fire(Ok(()));
        Ok(())
    }
}

impl<F: AsFd + 'static> WriteDescriptor for Once<F> {
    fn do_write(self: Rc<Self>, reactor: &Reactor) -> Result<(), Failure> {
        reactor.remove_writer(&*self);
        self.fire(Ok(()));
        Ok(())
    }
}
