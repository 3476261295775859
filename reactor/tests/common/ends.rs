//! Descriptors that do what a test gives them to do, and note what they are told.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::rc::Rc;

use deferred::Failure;
use reactor::{Descriptor, Reactor, ReadDescriptor, WriteDescriptor};

use super::Log;

type Ready = Box<dyn Fn(&End, &Reactor) -> Result<(), Failure>>;
type Over = Box<dyn Fn(&Reactor, &Failure)>;

/// Two ends of a TCP connection, the first of which does not block; the other one sends at once.
pub(crate) fn connection() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there are ports left");
    let address = listener.local_addr().expect("it is bound");
    let ours = TcpStream::connect(address).expect("somebody listens");
    ours.set_nonblocking(true).expect("sockets have this mode");
    let (peer, _) = listener.accept().expect("somebody has connected");
    peer.set_nodelay(true).expect("it is a socket of TCP");
    (ours, peer)
}

/// A descriptor, most often one end of a pair of sockets.
///
/// In the log stand "*name* reads", "*name* writes" and "*name* is lost".
pub(crate) struct End {
    name: &'static str,
    log: Log,
    descriptor: Rc<OwnedFd>,
    on_read: Ready,
    on_write: Ready,
    on_lost: Over,
}

impl End {
    /// An end that neither reads nor writes when it is told to.
    pub(crate) fn new(name: &'static str, log: &Log, descriptor: impl Into<OwnedFd>) -> Self {
        Self::sharing(name, log, &Rc::new(descriptor.into()))
    }

    /// One of several ends with the same descriptor.
    pub(crate) fn sharing(name: &'static str, log: &Log, descriptor: &Rc<OwnedFd>) -> Self {
        Self {
            name,
            log: log.clone(),
            descriptor: Rc::clone(descriptor),
            on_read: Box::new(|_, _| Ok(())),
            on_write: Box::new(|_, _| Ok(())),
            on_lost: Box::new(|_, _| ()),
        }
    }

    /// An end of a new pair of sockets, which is writable, and its peer, with the other end.
    pub(crate) fn pair(name: &'static str, log: &Log) -> (Self, UnixStream) {
        let (ours, peer) = UnixStream::pair().expect("there are descriptors left");
        ours.set_nonblocking(true).expect("sockets have this mode");
        (Self::new(name, log, ours), peer)
    }

    /// An end of a new pair of sockets, which is readable too: its peer has sent one byte.
    pub(crate) fn readable_pair(name: &'static str, log: &Log) -> (Self, UnixStream) {
        let (end, peer) = Self::pair(name, log);
        io::Write::write_all(&mut &peer, b"x").expect("the buffer is empty");
        (end, peer)
    }

    pub(crate) fn on_read(
        self,
        f: impl Fn(&Self, &Reactor) -> Result<(), Failure> + 'static,
    ) -> Self {
        let on_read = Box::new(f);
        Self { on_read, ..self }
    }

    pub(crate) fn on_write(
        self,
        f: impl Fn(&Self, &Reactor) -> Result<(), Failure> + 'static,
    ) -> Self {
        let on_write = Box::new(f);
        Self { on_write, ..self }
    }

    pub(crate) fn on_lost(self, f: impl Fn(&Reactor, &Failure) + 'static) -> Self {
        let on_lost = Box::new(f);
        Self { on_lost, ..self }
    }

    /// One byte of what there is to read; `None` at the end of it.
    pub(crate) fn read_byte(&self) -> io::Result<Option<u8>> {
        let mut byte = [0];
        let n = rustix::io::read(&self.descriptor, &mut byte)?;
        Ok((n == 1).then_some(byte[0]))
    }

    /// The descriptor, of an end that nobody else owns.
    pub(crate) fn into_descriptor(self: Rc<Self>) -> OwnedFd {
        let end = Rc::into_inner(self).expect("the reactor has let go of it");
        Rc::into_inner(end.descriptor).expect("no other end shares it")
    }
}

impl AsFd for End {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Descriptor for End {
    fn connection_lost(self: Rc<Self>, reactor: &Reactor, reason: Failure) {
        self.log.note(format!("{} is lost", self.name));
        (self.on_lost)(reactor, &reason);
    }
}

impl ReadDescriptor for End {
    fn do_read(self: Rc<Self>, reactor: &Reactor) -> Result<(), Failure> {
        self.log.note(format!("{} reads", self.name));
        (self.on_read)(&self, reactor)
    }
}

impl WriteDescriptor for End {
    fn do_write(self: Rc<Self>, reactor: &Reactor) -> Result<(), Failure> {
        self.log.note(format!("{} writes", self.name));
        (self.on_write)(&self, reactor)
    }
}
