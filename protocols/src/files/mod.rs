//! Sending what can be read, such as a file, without holding it in memory.
//!
//! ```
//! use protocols::files::send_file;
//! use protocols::{Protocol, Transport};
//! use std::{fs::File, rc::Rc};
//!
//! struct Poem;
//!
//! impl Protocol for Poem {
//!     fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
//!         let poem = File::open("poem.txt").expect("there is a poem");
//!         let to_end = Rc::clone(transport);
//!         send_file(poem, transport.clone())
//!             .add_callback(move |_last| to_end.lose_connection())
//!             .log_failure("The poem was not sent");
//!     }
//!     fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {}
//! }
//! ```
//!
//! A file on a disk that goes over a socket as it is is not read at all, where the system can do that: it is told to send
//! from the file, a part at a time. A consumer says by [`Consumer::file_consumer`] whether it takes such parts.

mod direct;

use std::any::Any;
use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::rc::Rc;

use deferred::{Deferred, Failure, Firer};

use crate::{Consumer, Flow, Producer, PullProducer};

use direct::Direct;

/// So much is read at once.
///
/// *As in Twisted's `FileSender`.*
const CHUNK: usize = 16 * 1024;

/// Takes parts of files without their bytes being read first.
pub trait FileConsumer {
    /// Takes the next bytes of a file, up to `most`, in order after everything written before, and says whether there
    /// is room for more.
    ///
    /// Which bytes these are is known when their turn to be sent comes: they begin where the file stands then, which
    /// stands behind them after that. They count among those that wait as `most` bytes until then, though
    /// they take no memory. When the file has fewer, or the system cannot send from it, the rest is left out, and whoever
    /// wants to know looks, when he is asked for more, at where the file stands.
    fn write_file(&self, file: &Rc<File>, most: usize) -> Flow;
}

/// Why something was not sent to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendFileError {
    /// The consumer takes no more, as when its connection is lost.
    #[error("the consumer has stopped the transfer")]
    Stopped,
    /// The consumer has another producer.
    #[error("the consumer has a producer already")]
    Busy,
    /// It could not be read.
    #[error("cannot read what is to be sent")]
    Read(#[source] io::Error),
}

/// Sends all that can be read from `file`, one piece of 16 KiB each time the consumer has sent the last one.
///
/// The Deferred fires with the last byte when everything was handed over, or with `None` if there was nothing, and the
/// consumer is as free as it was before. It fails with a [`SendFileError`] if that is not to be; to
/// cancel it leaves the rest unsent. Reading happens on the loop's thread: for a file on a disk that is right, for what
/// may keep a reader waiting it is not.
///
/// A [`File`] on a disk is sent from where it stands, and need not be read if the consumer is a [`FileConsumer`];
/// then the pieces are larger. What it grows by meanwhile is sent, and one that is cut short ends there.
///
/// *Twisted's `FileSender.beginFileTransfer`, which always reads.*
pub fn send_file(file: impl Read + 'static, to: Rc<dyn Consumer>) -> Deferred<Option<u8>> {
    match stored(file) {
        Ok(file) => send(Direct::new(file), to),
        Err(other) => send(Pieces::new(other, |_: &mut Vec<u8>| ()), to),
    }
}

/// Like [`send_file`], with a function through which each piece goes on its way, for which it is always read.
pub fn send_file_with(
    file: impl Read + 'static,
    to: Rc<dyn Consumer>,
    transform: impl FnMut(&mut Vec<u8>) + 'static,
) -> Deferred<Option<u8>> {
    send(Pieces::new(file, transform), to)
}

/// Takes what is a file on a disk for that, and gives anything else back.
fn stored<R: 'static>(source: R) -> Result<File, R> {
    let mut source = Some(source);
    let file = (&mut source as &mut dyn Any).downcast_mut::<Option<File>>();
    let on_disk = |file: &mut File| file.metadata().is_ok_and(|it| it.is_file());
    match (file.and_then(|it| it.take_if(on_disk)), source) {
        (Some(file), _) => Ok(file),
        (None, Some(other)) => Err(other),
        (None, None) => unreachable!("it was either taken or not"),
    }
}

fn send<S: Source + 'static>(source: S, to: Rc<dyn Consumer>) -> Deferred<Option<u8>> {
    let sender = Rc::new(FileSender {
        under_way: RefCell::new(None),
    });
    let to_end = Rc::downgrade(&sender);
    let (firer, deferred) = Deferred::with_canceller(move |_| {
        if let Some(sender) = to_end.upgrade() {
            sender.end();
        }
    });
    if to
        .register_producer(Producer::Pull(sender.clone()))
        .is_err()
    {
        firer.errback(Failure::without_backtrace(SendFileError::Busy));
        return deferred;
    }
    *sender.under_way.borrow_mut() = Some(UnderWay { source, to, firer });
    deferred
}

/// Where the bytes come from.
trait Source {
    /// Hands the next piece over, and says whether there was one.
    fn go_on(&mut self, to: &dyn Consumer) -> io::Result<bool>;

    /// The last byte of those that were handed over.
    fn last(&self) -> Option<u8>;
}

/// What is read in pieces.
struct Pieces<R, T> {
    file: R,
    transform: T,
    piece: Vec<u8>,
    last: Option<u8>,
}

impl<R: Read, T: FnMut(&mut Vec<u8>)> Pieces<R, T> {
    const fn new(file: R, transform: T) -> Self {
        Self {
            file,
            transform,
            piece: Vec::new(),
            last: None,
        }
    }
}

impl<R: Read, T: FnMut(&mut Vec<u8>)> Source for Pieces<R, T> {
    fn go_on(&mut self, to: &dyn Consumer) -> io::Result<bool> {
        self.piece.clear();
        let mut piece = self.file.by_ref().take(CHUNK as u64);
        if piece.read_to_end(&mut self.piece)? == 0 {
            return Ok(false);
        }
        (self.transform)(&mut self.piece);
        self.last = self.piece.last().copied().or(self.last);
        to.write(&self.piece);
        Ok(true)
    }

    fn last(&self) -> Option<u8> {
        self.last
    }
}

/// Hands over when it is asked.
struct FileSender<S> {
    /// Taken out while it goes on; gone when it has ended.
    under_way: RefCell<Option<UnderWay<S>>>,
}

/// A transfer that has not ended.
struct UnderWay<S> {
    source: S,
    to: Rc<dyn Consumer>,
    firer: Firer<Option<u8>>,
}

impl<S: Source> UnderWay<S> {
    /// Lets the consumer go, and tells what came of it.
    fn end(self, result: Result<(), SendFileError>) {
        self.to.unregister_producer();
        let result = result.map(|()| self.source.last());
        self.firer.fire(result.map_err(Failure::without_backtrace));
    }
}

impl<S> FileSender<S> {
    /// Ends without telling anyone.
    fn end(&self) {
        let under_way = self.under_way.take();
        if let Some(under_way) = under_way {
            under_way.to.unregister_producer();
        }
    }
}

impl<S: Source> PullProducer for FileSender<S> {
    fn resume_producing(&self) {
        let Some(mut under_way) = self.under_way.take() else {
            return;
        };
        match under_way.source.go_on(&*under_way.to) {
            Ok(true) => *self.under_way.borrow_mut() = Some(under_way),
            Ok(false) => under_way.end(Ok(())),
            Err(error) => under_way.end(Err(SendFileError::Read(error))),
        }
    }

    fn stop_producing(&self) {
        let under_way = self.under_way.take();
        if let Some(under_way) = under_way {
            under_way.end(Err(SendFileError::Stopped));
        }
    }
}
