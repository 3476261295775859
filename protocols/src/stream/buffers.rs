//! The memory through which bytes come and go, shared by all connections of a reactor.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::ops::{Deref, DerefMut};
use std::os::fd::BorrowedFd;
use std::rc::Rc;

use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, send, sendmsg};

use crate::sockets::SEND;

/// One read takes this much at the most, so that one busy connection does not starve the others.
pub(super) const READ_SIZE: usize = 64 * 1024;

/// Small writes are collected in chunks of up to this size; a larger one gets a chunk of its own.
const CHUNK_SIZE: usize = 64 * 1024;

/// With more than this waiting to be sent, a transport says that it is full, unless it was set otherwise.
///
/// *The size of the write buffer of Twisted's transports.*
pub(crate) const FULL: usize = 64 * 1024;

/// So many chunks go out with one system call at the most.
const CHUNKS_PER_SEND: usize = 16;

/// So many idle queues are kept for the next connections that write.
const SPARE_QUEUES: usize = 64;

/// What all connections of one reactor share: none of them owns a buffer while it has nothing to send.
#[derive(Default)]
pub(super) struct Buffers {
    reading: Cell<Option<Box<[u8]>>>,
    #[expect(
        clippy::vec_box,
        reason = "the boxes go in and out; a connection holds one word"
    )]
    spare: RefCell<Vec<Box<Outgoing>>>,
}

impl Buffers {
    /// The one buffer that everything is read into; it is given back when the guard is dropped.
    pub(super) fn for_reading(self: &Rc<Self>) -> ReadBuffer {
        let buffer = self
            .reading
            .take()
            .unwrap_or_else(|| vec![0; READ_SIZE].into_boxed_slice());
        ReadBuffer {
            buffer,
            owner: Rc::clone(self),
        }
    }

    /// An empty queue.
    pub(super) fn for_writing(&self) -> Box<Outgoing> {
        self.spare.borrow_mut().pop().unwrap_or_default()
    }

    /// Takes a queue back that has been sent.
    pub(super) fn recycle(&self, mut outgoing: Box<Outgoing>) {
        let mut spare = self.spare.borrow_mut();
        if spare.len() < SPARE_QUEUES {
            outgoing.reset();
            spare.push(outgoing);
        }
    }
}

/// The buffer for reading, while it is lent.
pub(super) struct ReadBuffer {
    buffer: Box<[u8]>,
    owner: Rc<Buffers>,
}

impl Deref for ReadBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer
    }
}

impl DerefMut for ReadBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.buffer
    }
}

impl Drop for ReadBuffer {
    fn drop(&mut self) {
        self.owner
            .reading
            .set(Some(std::mem::take(&mut self.buffer)));
    }
}

/// What waits to be sent on one connection, in order.
#[derive(Default)]
pub(super) struct Outgoing {
    chunks: VecDeque<Vec<u8>>,
    /// How much of the first chunk has been sent.
    sent: usize,
    /// How much waits in all.
    len: usize,
}

impl Outgoing {
    pub(super) const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bytes wait.
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    /// Adds a copy of `data`, the only one that is made of it.
    pub(super) fn push(&mut self, data: &[u8]) {
        self.len += data.len();
        match self.chunks.back_mut() {
            Some(last) if last.len() + data.len() <= CHUNK_SIZE => last.extend_from_slice(data),
            _ => self.chunks.push_back(data.to_vec()),
        }
    }

    /// Sends as much as the system takes in one call.
    ///
    /// # Errors
    ///
    /// What the system says, other than that it has no room now.
    pub(super) fn send(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let sent = match self.chunks.len() {
            0 => return Ok(()),
            1 => send(fd, &self.chunks[0][self.sent..], SEND),
            _ => {
                let mut slices = [IoSlice::new(&[]); CHUNKS_PER_SEND];
                let mut count = 0;
                for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
                    *slice = IoSlice::new(chunk);
                    count += 1;
                }
                slices[0] = IoSlice::new(&self.chunks[0][self.sent..]);
                let mut no_control_data = SendAncillaryBuffer::default();
                sendmsg(fd, &slices[..count], &mut no_control_data, SEND)
            }
        };
        self.advance(taken(sent)?);
        Ok(())
    }

    /// Sends up to `most` bytes with `control` data, which goes with the first of them, and says how many were sent.
    ///
    /// # Errors
    ///
    /// As for [`send`](Self::send).
    pub(super) fn send_with(
        &mut self,
        fd: BorrowedFd<'_>,
        most: usize,
        control: &mut SendAncillaryBuffer<'_, '_, '_>,
    ) -> io::Result<usize> {
        let Some(first) = self.chunks.front() else {
            return Ok(0);
        };
        let bytes = &first[self.sent..];
        let bytes = &bytes[..most.min(bytes.len())];
        let sent = sendmsg(fd, &[IoSlice::new(bytes)], control, SEND);
        let sent = taken(sent)?;
        self.advance(sent);
        Ok(sent)
    }

    /// Forgets the first `sent` bytes.
    fn advance(&mut self, sent: usize) {
        self.len -= sent;
        self.sent += sent;
        while let Some(first) = self.chunks.front()
            && self.sent >= first.len()
            && self.chunks.len() > 1
        {
            self.sent -= first.len();
            self.chunks.pop_front();
        }
        if self.len == 0 {
            self.reset();
        }
    }

    /// Empties the queue, and keeps one chunk's memory for the next write.
    fn reset(&mut self) {
        self.chunks.truncate(1);
        if let Some(chunk) = self.chunks.front_mut() {
            chunk.clear();
            chunk.shrink_to(CHUNK_SIZE);
        }
        (self.sent, self.len) = (0, 0);
    }
}

/// How much the system has taken, which is nothing if it has no room now.
fn taken(sent: Result<usize, Errno>) -> io::Result<usize> {
    match sent {
        Ok(sent) => Ok(sent),
        Err(Errno::WOULDBLOCK | Errno::INTR | Errno::NOBUFS) => Ok(0),
        Err(error) => Err(error.into()),
    }
}
