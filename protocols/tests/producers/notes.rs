//! A producer that notes what it is told, and a connection for it.

use std::net::TcpStream;
use std::rc::Rc;
use std::thread;

use protocols::reactor::Reactor;
use protocols::{Producer, PullProducer, PushProducer, Transport};

use crate::common::{Log, Script, listen, name_of, peer_of, read_all, stop_at_call};

/// More than two sockets hold between them, however generous the system is.
pub(crate) const MUCH: usize = 24 * 1024 * 1024;

/// A producer of either kind that notes what it is told, and does what a test wants.
pub(crate) struct Notes {
    pub(crate) log: Log,
    pub(crate) on_resume: Box<dyn Fn()>,
}

impl Notes {
    pub(crate) fn new(log: &Log) -> Rc<Self> {
        Self::that(log, || ())
    }

    pub(crate) fn that(log: &Log, on_resume: impl Fn() + 'static) -> Rc<Self> {
        Rc::new(Self {
            log: log.clone(),
            on_resume: Box::new(on_resume),
        })
    }

    pub(crate) fn push(self: &Rc<Self>) -> Producer {
        Producer::Push(self.clone())
    }

    pub(crate) fn pull(self: &Rc<Self>) -> Producer {
        Producer::Pull(self.clone())
    }
}

impl PushProducer for Notes {
    fn pause_producing(&self) {
        self.log.note("pause");
    }

    fn resume_producing(&self) {
        self.log.note("resume");
        (self.on_resume)();
    }

    fn stop_producing(&self) {
        self.log.note("stop");
    }
}

impl PullProducer for Notes {
    fn resume_producing(&self) {
        PushProducer::resume_producing(self);
    }

    fn stop_producing(&self) {
        PushProducer::stop_producing(self);
    }
}

/// Listens, and calls `on_made` for the one connection; gives back the peer.
pub(crate) fn connection(
    reactor: &Reactor,
    log: &Log,
    on_made: impl Fn(&Rc<dyn Transport>) + 'static,
) -> TcpStream {
    let stop = stop_at_call(1, reactor);
    let lost = log.clone();
    let script = Script::unnoted().on_made(on_made).on_lost(move |reason| {
        lost.note(format!("lost {}", name_of(reason)));
        stop();
    });
    peer_of(&listen(reactor, script))
}

/// A thread that reads all that comes, and gives it back when it is asked to.
pub(crate) fn reader(peer: TcpStream) -> thread::JoinHandle<Vec<u8>> {
    thread::spawn(move || read_all(&peer).expect("the end is in order"))
}
