//! The queue of what waits to be sent on a connection.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, IoSlice, Read};
use std::os::fd::BorrowedFd;
use std::rc::Rc;

use rustix::io::Errno;
use rustix::net::{SendAncillaryBuffer, send, sendmsg};

use crate::sockets::SEND;

use super::files::send_from_file;

/// Small writes are collected in chunks of up to this size; a larger one gets a chunk of its own.
const CHUNK_SIZE: usize = 64 * 1024;

/// So many chunks go out with one system call at the most.
const CHUNKS_PER_SEND: usize = 16;

/// So much of a file is read if it must go with descriptors, for which bytes in memory are needed.
const READ_TO_SEND_WITH: usize = 4 * 1024;

/// What waits to be sent on one connection, in order.
#[derive(Default)]
pub(super) struct Outgoing {
    parts: VecDeque<Part>,
    /// How much of the first part has been sent.
    sent: usize,
    /// How much waits in all.
    len: usize,
}

/// One piece of what waits.
enum Part {
    Bytes(Vec<u8>),
    /// What others keep too.
    Shared(Rc<[u8]>),
    /// So many of the bytes that the file has from where it stands when this is sent.
    OfFile(Rc<File>, usize),
}

impl Part {
    fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Shared(bytes) => bytes.len(),
            Self::OfFile(_, len) => *len,
        }
    }

    fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Shared(bytes) => Some(bytes),
            Self::OfFile(..) => None,
        }
    }
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
        match self.parts.back_mut() {
            Some(Part::Bytes(last)) if last.len() + data.len() <= CHUNK_SIZE => {
                last.extend_from_slice(data);
            }
            _ => self.parts.push_back(Part::Bytes(data.to_vec())),
        }
    }

    /// Adds `data`, which is not copied.
    pub(super) fn push_shared(&mut self, data: Rc<[u8]>) {
        self.push_part(Part::Shared(data));
    }

    /// Adds the next `len` bytes of a file, or as many as it has then.
    pub(super) fn push_file(&mut self, file: Rc<File>, len: usize) {
        self.push_part(Part::OfFile(file, len));
    }

    fn push_part(&mut self, part: Part) {
        if self.len == 0 {
            // An empty chunk may have been kept for its memory.
            self.parts.pop_front();
        }
        self.len += part.len();
        self.parts.push_back(part);
    }

    /// Sends as much as the system takes in one call, or in two if the first one brings it to a file.
    ///
    /// # Errors
    ///
    /// What the system says, other than that it has no room now.
    pub(super) fn send(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        if self.parts.len() == 1
            && let Some(only) = self.parts.front().and_then(Part::bytes)
        {
            // As it is most often.
            let sent = taken(send(fd, &only[self.sent..], SEND))?;
            self.len -= sent;
            self.sent += sent;
            if self.len == 0 {
                self.reset();
            }
            return Ok(());
        }
        if self.parts.front().and_then(Part::bytes).is_some() {
            self.send_bytes(fd)?;
        }
        self.send_file(fd, usize::MAX)?;
        Ok(())
    }

    /// Sends up to `most` bytes with `control` data, which goes with the first of them, and says how many are gone
    /// from the queue by that. Without control data, these may be of a file.
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
        let Some(bytes) = self.parts.front().and_then(Part::bytes) else {
            return self.send_file(fd, most);
        };
        let bytes = &bytes[self.sent..];
        let bytes = &bytes[..most.min(bytes.len())];
        let sent = sendmsg(fd, &[IoSlice::new(bytes)], control, SEND);
        let sent = taken(sent)?;
        self.advance(sent);
        Ok(sent)
    }

    /// Has bytes in memory at the front, if a file is there, and says how many bytes fewer wait because it has none.
    pub(super) fn read_front(&mut self) -> usize {
        let Some(Part::OfFile(file, len)) = self.parts.front_mut() else {
            return 0;
        };
        let mut bytes = Vec::new();
        let most = READ_TO_SEND_WITH.min(*len - self.sent);
        // What cannot be read is left out, as what cannot be sent is.
        let read = (&**file).take(most as u64).read_to_end(&mut bytes);
        if read.is_err() || bytes.is_empty() {
            return self.drop_front();
        }
        *len -= self.sent + bytes.len();
        self.sent = 0;
        self.parts.push_front(Part::Bytes(bytes));
        0
    }

    /// Sends the bytes up to the first file, as many as the system takes in one call.
    fn send_bytes(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let chunks = self.parts.iter().map_while(Part::bytes);
        let sent = send_all(fd, chunks, self.sent)?;
        self.advance(sent);
        Ok(())
    }

    /// Sends up to `most` bytes of the file at the front, if one is there, and says how many are gone from the queue
    /// by that: all of them, if the file has no more, or cannot be sent.
    fn send_file(&mut self, fd: BorrowedFd<'_>, most: usize) -> io::Result<usize> {
        let Some(Part::OfFile(file, len)) = self.parts.front() else {
            return Ok(0);
        };
        match send_from_file(fd, file, most.min(len - self.sent)) {
            Ok(0) => Ok(self.drop_front()),
            Err(error) if !is_of_socket(error) => Ok(self.drop_front()),
            sent => {
                let sent = taken(sent)?;
                self.advance(sent);
                Ok(sent)
            }
        }
    }

    /// Leaves out what is left of the first part, and says how much that is.
    fn drop_front(&mut self) -> usize {
        let left = self.parts.front().map_or(0, Part::len) - self.sent;
        self.advance(left);
        left
    }

    /// Forgets the first `gone` bytes.
    fn advance(&mut self, gone: usize) {
        self.len -= gone;
        if self.len == 0 {
            return self.reset();
        }
        self.sent += gone;
        while let Some(first) = self.parts.front()
            && self.sent >= first.len()
            && self.parts.len() > 1
        {
            self.sent -= first.len();
            self.parts.pop_front();
        }
    }

    /// Empties the queue, and keeps one chunk's memory for the next write.
    #[inline]
    pub(super) fn reset(&mut self) {
        (self.sent, self.len) = (0, 0);
        while self.parts.len() > 1 {
            self.parts.pop_back();
        }
        if let Some(Part::Bytes(chunk)) = self.parts.front_mut() {
            chunk.clear();
            chunk.shrink_to(CHUNK_SIZE);
        } else {
            self.parts.pop_front();
        }
    }
}

/// Sends `chunks` but for the first `skipped` bytes, as much as the system takes in one call, and says how much that is.
///
/// # Errors
///
/// What the system says, other than that it has no room now.
pub(super) fn send_all<'a>(
    fd: BorrowedFd<'_>,
    mut chunks: impl Iterator<Item = &'a [u8]>,
    skipped: usize,
) -> io::Result<usize> {
    let first = chunks.next().map_or(&[][..], |first| &first[skipped..]);
    let Some(second) = chunks.next() else {
        return taken(send(fd, first, SEND));
    };
    let mut slices = [IoSlice::new(&[]); CHUNKS_PER_SEND];
    let mut count = 0;
    let chunks = [first, second].into_iter().chain(chunks);
    for (slice, chunk) in slices.iter_mut().zip(chunks) {
        *slice = IoSlice::new(chunk);
        count += 1;
    }
    let mut no_control_data = SendAncillaryBuffer::default();
    let sent = sendmsg(fd, &slices[..count], &mut no_control_data, SEND);
    taken(sent)
}

/// How much the system has taken, which is nothing if it has no room now.
fn taken(sent: Result<usize, Errno>) -> io::Result<usize> {
    match sent {
        Ok(sent) => Ok(sent),
        Err(error) if is_want_of_room(error) => Ok(0),
        Err(error) => Err(error.into()),
    }
}

fn is_want_of_room(error: Errno) -> bool {
    matches!(error, Errno::WOULDBLOCK | Errno::INTR | Errno::NOBUFS)
}

/// Whether an error in sending a file is about where it goes to.
///
/// Any other one is taken to be about the file. If that is wrong, the next write finds out.
fn is_of_socket(error: Errno) -> bool {
    let is_broken = matches!(
        error,
        Errno::PIPE
            | Errno::CONNRESET
            | Errno::CONNABORTED
            | Errno::NOTCONN
            | Errno::TIMEDOUT
            | Errno::HOSTUNREACH
            | Errno::NETUNREACH
            | Errno::NETDOWN
    );
    is_broken || is_want_of_room(error)
}
