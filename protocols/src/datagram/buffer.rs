//! The memory that datagrams are read into, shared by all ports of a reactor.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

/// A buffer of up to this size is kept for the next reading: no datagram of UDP is longer.
const KEPT: usize = 64 * 1024;

/// Where the one buffer lies while nobody reads.
#[derive(Default)]
pub(super) struct Shared {
    buffer: Cell<Vec<u8>>,
}

impl Shared {
    /// The buffer, with `size` bytes; it is given back when the guard is dropped.
    pub(super) fn lend(self: &Rc<Self>, size: usize) -> ReadBuffer {
        let mut buffer = self.buffer.take();
        if buffer.len() < size {
            buffer.resize(size, 0);
        }
        ReadBuffer {
            buffer,
            size,
            owner: Rc::clone(self),
        }
    }
}

/// The buffer, while it is lent.
pub(super) struct ReadBuffer {
    buffer: Vec<u8>,
    /// How much of it was asked for.
    size: usize,
    owner: Rc<Shared>,
}

impl Deref for ReadBuffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.buffer[..self.size]
    }
}

impl DerefMut for ReadBuffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.buffer[..self.size]
    }
}

impl Drop for ReadBuffer {
    fn drop(&mut self) {
        if self.buffer.len() <= KEPT {
            self.owner.buffer.set(std::mem::take(&mut self.buffer));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_lent_in_the_size_that_was_asked_for() {
        let shared = Rc::new(Shared::default());

        let sizes = [100, 10, 1000].map(|size| shared.lend(size).len());

        assert_eq!(sizes, [100, 10, 1000]);
    }

    #[test]
    fn the_next_reader_gets_the_same_memory() {
        let shared = Rc::new(Shared::default());
        let first = shared.lend(100).as_ptr();

        assert_eq!(shared.lend(50).as_ptr(), first);
    }

    #[test]
    fn a_very_large_buffer_is_not_kept() {
        let shared = Rc::new(Shared::default());

        drop(shared.lend(KEPT + 1));

        assert_eq!(shared.buffer.take().capacity(), 0);
    }
}
