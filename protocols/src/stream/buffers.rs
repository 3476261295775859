//! The memory through which bytes come and go, shared by all connections of a reactor.

use std::cell::{Cell, OnceCell, RefCell};

use super::Outgoing;
use super::files::can_send_files;

/// One read takes this much at the most, so that one busy connection does not starve the others.
pub(super) const READ_SIZE: usize = 64 * 1024;

/// With more than this waiting to be sent, a transport says that it is full, unless it was set otherwise.
///
/// *The size of the write buffer of Twisted's transports.*
pub(crate) const FULL: usize = 64 * 1024;

/// So many idle queues are kept for the next connections that write.
const SPARE_QUEUES: usize = 64;

/// What all connections of one reactor share: none of them owns a buffer while it has nothing to send.
#[derive(Default)]
pub(super) struct Buffers {
    reading: Cell<Option<Box<ReadBuffer>>>,
    /// What the callback that runs now has written to its own connection, if that [gathers](super::Connection::gathers).
    pub(super) gathered: RefCell<Vec<u8>>,
    #[expect(
        clippy::vec_box,
        reason = "the boxes go in and out; a connection holds one word"
    )]
    spare: RefCell<Vec<Box<Outgoing>>>,
    can_send_files: OnceCell<bool>,
}

impl Buffers {
    /// The one buffer that everything is read into, to be given back.
    #[inline]
    pub(super) fn for_reading(&self) -> Box<ReadBuffer> {
        let kept = self.reading.take();
        kept.unwrap_or_else(ReadBuffer::boxed)
    }

    /// Takes the buffer for reading back.
    #[inline]
    pub(super) fn keep(&self, buffer: Box<ReadBuffer>) {
        self.reading.set(Some(buffer));
    }

    /// An empty queue.
    #[inline]
    pub(super) fn for_writing(&self) -> Box<Outgoing> {
        self.spare.borrow_mut().pop().unwrap_or_default()
    }

    /// Whether parts of files may be put into a queue, which is looked up once.
    pub(super) fn can_send_files(&self) -> bool {
        *self.can_send_files.get_or_init(can_send_files)
    }

    /// Takes a queue back that has been sent.
    #[inline]
    pub(super) fn recycle(&self, mut outgoing: Box<Outgoing>) {
        let mut spare = self.spare.borrow_mut();
        if spare.len() < SPARE_QUEUES {
            if !outgoing.is_empty() {
                outgoing.reset();
            }
            spare.push(outgoing);
        }
    }
}

/// What is read into. It begins with a page: the system copies to there and from there a twentieth faster.
#[repr(align(4096))]
pub(super) struct ReadBuffer(pub(super) [u8; READ_SIZE]);

impl ReadBuffer {
    /// Apart from the callers, whose frames would each be as large as what this makes.
    #[cold]
    #[inline(never)]
    fn boxed() -> Box<Self> {
        Box::new(Self([0; READ_SIZE]))
    }
}
