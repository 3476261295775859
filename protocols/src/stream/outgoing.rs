//! The queue of what waits to be sent on a connection.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;

use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, SendFlags, send, sendmsg};

/// Small writes are collected in chunks of up to this size; a larger one gets a chunk of its own.
const CHUNK_SIZE: usize = 64 * 1024;

/// So many chunks go out with one system call at the most.
const CHUNKS_PER_SEND: usize = 16;

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
            1 => send(fd, &self.chunks[0][self.sent..], SendFlags::NOSIGNAL),
            _ => {
                let mut slices = [IoSlice::new(&[]); CHUNKS_PER_SEND];
                let mut count = 0;
                for (slice, chunk) in slices.iter_mut().zip(&self.chunks) {
                    *slice = IoSlice::new(chunk);
                    count += 1;
                }
                slices[0] = IoSlice::new(&self.chunks[0][self.sent..]);
                let mut no_control_data = SendAncillaryBuffer::default();
                sendmsg(
                    fd,
                    &slices[..count],
                    &mut no_control_data,
                    SendFlags::NOSIGNAL,
                )
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
        let sent = sendmsg(fd, &[IoSlice::new(bytes)], control, SendFlags::NOSIGNAL);
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
    pub(super) fn reset(&mut self) {
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
