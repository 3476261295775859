//! Descriptors that travel with the bytes, which UNIX sockets can do.

use std::collections::VecDeque;
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, recvmsg,
};

use crate::{Address, DescriptorTransport, Protocol};

use super::Outgoing;
use super::{Connection, Phase, Writing};

/// So many descriptors go with one byte at the most, and come with one read: Linux takes no more.
const MOST: usize = 253;

/// So many pieces, each with descriptors of its own, are sent in one go at the most.
const PIECES_PER_SEND: usize = 16;

/// The room for what comes with bytes: descriptors, and what may come with these.
const ROOM: usize = rustix::cmsg_space!(ScmRights(MOST)) + 64;

/// The flags with which descriptors that come are closed on exec.
#[cfg(not(target_vendor = "apple"))]
const CLOSED_ON_EXEC: RecvFlags = RecvFlags::CMSG_CLOEXEC;
#[cfg(target_vendor = "apple")]
const CLOSED_ON_EXEC: RecvFlags = RecvFlags::empty();

/// The descriptors that wait to be sent, in order.
#[derive(Default)]
pub(super) struct Descriptors {
    /// Each with how many bytes go out between the one before it and itself.
    waiting: VecDeque<(usize, OwnedFd)>,
    /// How many bytes go out before the last of them.
    bytes: usize,
    /// How many go with the same byte as the last of them.
    with_last: usize,
}

impl Descriptors {
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Adds one, to go with the byte that comes after `before` others.
    ///
    /// # Errors
    ///
    /// If no more can go with that byte.
    fn push(&mut self, descriptor: OwnedFd, before: usize) -> Result<(), Errno> {
        let bytes = before - self.bytes;
        if bytes > 0 || self.waiting.is_empty() {
            self.with_last = 0;
        }
        if self.with_last == MOST {
            return Err(Errno::TOOMANYREFS);
        }
        self.with_last += 1;
        self.waiting.push_back((bytes, descriptor));
        self.bytes = before;
        Ok(())
    }

    /// Sends bytes, each with the descriptors that are to go with it, as many as the system takes in a few calls.
    ///
    /// # Errors
    ///
    /// What the system says, other than that it has no room now.
    pub(super) fn send(&mut self, fd: BorrowedFd<'_>, outgoing: &mut Outgoing) -> io::Result<()> {
        for _ in 0..PIECES_PER_SEND {
            if outgoing.is_empty() || self.send_piece(fd, outgoing)? == 0 {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Sends one piece, up to where the next descriptor goes, and says how many bytes of it were sent.
    fn send_piece(&mut self, fd: BorrowedFd<'_>, outgoing: &mut Outgoing) -> io::Result<usize> {
        let count = self.find_byte(outgoing);
        let going: Vec<_> = self.waiting.iter().take(count).collect();
        let going: Vec<_> = going.iter().map(|(_, fd)| fd.as_fd()).collect();
        let next = self.waiting.get(count);
        let until_next = next.map_or(usize::MAX, |(before, _)| (*before).max(1));
        let mut room = [MaybeUninit::uninit(); ROOM];
        let mut control = SendAncillaryBuffer::new(&mut room);
        if !going.is_empty() && !control.push(SendAncillaryMessage::ScmRights(&going)) {
            return Err(Errno::TOOMANYREFS.into());
        }
        let sent = outgoing.send_with(fd, until_next, &mut control)?;
        drop(going);
        if sent > 0 {
            self.waiting.drain(..count);
            self.advance(0, sent);
        }
        Ok(sent)
    }

    /// How many go with the very next byte, which is in memory if there are some, since they cannot go with a file.
    fn find_byte(&mut self, outgoing: &mut Outgoing) -> usize {
        loop {
            let count = self.with_next_byte();
            if count == 0 {
                return 0;
            }
            match outgoing.read_front() {
                0 => return count,
                // The file has no more, so others may go with the same byte now.
                gone => self.advance(count, gone),
            }
        }
    }

    /// How many go with the very next byte; what more are to, go with the one after it.
    fn with_next_byte(&self) -> usize {
        let with_it = self.waiting.iter().take_while(|(before, _)| *before == 0);
        with_it.take(MOST).count()
    }

    /// Notes that so many bytes are gone from the queue, all of them after the first `count` descriptors.
    fn advance(&mut self, count: usize, gone: usize) {
        self.bytes = self.bytes.saturating_sub(gone);
        if let Some((before, _)) = self.waiting.get_mut(count) {
            *before = before.saturating_sub(gone);
        }
    }
}

impl<P: Protocol> DescriptorTransport for Connection<P> {
    fn send_descriptor(&self, descriptor: BorrowedFd<'_>) -> io::Result<()> {
        if self.phase.get() != Phase::Open || self.writing.get() != Writing::On {
            return Ok(());
        }
        let descriptor = descriptor.try_clone_to_owned()?;
        self.with_rare(|rare| {
            let before = self.outgoing.borrow().as_ref().map_or(0, |it| it.len());
            rare.descriptors.push(descriptor, before)
        })?;
        Ok(())
    }
}

impl<P: Protocol> Connection<P> {
    /// Whether descriptors may come, and are wanted.
    pub(super) fn takes_descriptors(&self) -> bool {
        matches!(self.peer, Address::Unix(_))
            && self
                .protocol
                .borrow_mut()
                .as_mut()
                .is_some_and(|protocol| protocol.descriptor_receiver().is_some())
    }

    /// Reads like `read`, and gives the descriptors that come to the protocol.
    pub(super) fn receive(&self, socket: &OwnedFd, buffer: &mut [u8]) -> Result<usize, Errno> {
        let mut room = [MaybeUninit::uninit(); ROOM];
        let mut control = RecvAncillaryBuffer::new(&mut room);
        let mut slices = [IoSliceMut::new(buffer)];
        let received = recvmsg(socket, &mut slices, &mut control, CLOSED_ON_EXEC)?;

        for message in control.drain() {
            match message {
                RecvAncillaryMessage::ScmRights(descriptors) => descriptors.for_each(|it| {
                    self.deliver(it);
                }),
                _ => self.skip("control data of an unknown kind was skipped"),
            }
        }
        if received.flags.contains(ReturnFlags::CTRUNC) {
            self.skip("descriptors were lost for want of room");
        }
        Ok(received.bytes)
    }

    /// Gives a descriptor to the protocol, if it is still to be called; else it is closed.
    fn deliver(&self, descriptor: OwnedFd) {
        #[cfg(target_vendor = "apple")]
        if rustix::io::fcntl_setfd(&descriptor, rustix::io::FdFlags::CLOEXEC).is_err() {
            return;
        }
        if self.phase.get() != Phase::Open {
            return;
        }
        let received = self.call_protocol("descriptor_received", |protocol, transport| {
            if let Some(receiver) = protocol.descriptor_receiver() {
                receiver.descriptor_received(transport, descriptor);
            }
        });
        if let Err(reason) = received {
            self.end(reason);
        }
    }

    /// Writes into the log, once for a connection, what was left out of what has come.
    fn skip(&self, what: &str) {
        let has_skipped = self.with_rare(|rare| std::mem::replace(&mut rare.has_skipped, true));
        if !has_skipped {
            log::warn!(target: "protocols", "{}: {what}", self.log_prefix());
        }
    }
}
