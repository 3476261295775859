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

use std::cell::RefCell;
use std::io::{self, Read};
use std::rc::Rc;

use deferred::{Deferred, Failure, Firer};

use crate::{Consumer, Producer, PullProducer};

/// So much is read at once.
///
/// *As in Twisted's `FileSender`.*
const CHUNK: usize = 16 * 1024;

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
/// *Twisted's `FileSender.beginFileTransfer`.*
pub fn send_file(file: impl Read + 'static, to: Rc<dyn Consumer>) -> Deferred<Option<u8>> {
    send_file_with(file, to, |_| ())
}

/// Like [`send_file`], with a function through which each piece goes on its way.
pub fn send_file_with(
    file: impl Read + 'static,
    to: Rc<dyn Consumer>,
    transform: impl FnMut(&mut Vec<u8>) + 'static,
) -> Deferred<Option<u8>> {
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
    *sender.under_way.borrow_mut() = Some(UnderWay {
        file,
        transform,
        piece: Vec::new(),
        last: None,
        to,
        firer,
    });
    deferred
}

/// Reads and hands over when it is asked.
struct FileSender<R, T> {
    /// Taken out while it goes on; gone when it has ended.
    under_way: RefCell<Option<UnderWay<R, T>>>,
}

/// A transfer that has not ended.
struct UnderWay<R, T> {
    file: R,
    transform: T,
    piece: Vec<u8>,
    last: Option<u8>,
    to: Rc<dyn Consumer>,
    firer: Firer<Option<u8>>,
}

impl<R: Read, T: FnMut(&mut Vec<u8>)> UnderWay<R, T> {
    /// Hands the next piece over, and says whether there was one.
    fn go_on(&mut self) -> io::Result<bool> {
        self.piece.clear();
        let mut piece = self.file.by_ref().take(CHUNK as u64);
        if piece.read_to_end(&mut self.piece)? == 0 {
            return Ok(false);
        }
        (self.transform)(&mut self.piece);
        self.last = self.piece.last().copied().or(self.last);
        self.to.write(&self.piece);
        Ok(true)
    }

    /// Lets the consumer go, and tells what came of it.
    fn end(self, result: Result<(), SendFileError>) {
        self.to.unregister_producer();
        let result = result.map(|()| self.last);
        self.firer.fire(result.map_err(Failure::without_backtrace));
    }
}

impl<R, T> FileSender<R, T> {
    /// Ends without telling anyone.
    fn end(&self) {
        let under_way = self.under_way.take();
        if let Some(under_way) = under_way {
            under_way.to.unregister_producer();
        }
    }
}

impl<R: Read, T: FnMut(&mut Vec<u8>)> PullProducer for FileSender<R, T> {
    fn resume_producing(&self) {
        let Some(mut under_way) = self.under_way.take() else {
            return;
        };
        match under_way.go_on() {
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
