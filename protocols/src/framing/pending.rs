//! Bytes that have come and were not looked at yet.

/// What is held back, in order. To take some from the front, and to put them back, moves nothing.
#[derive(Default)]
pub(super) struct Pending {
    bytes: Vec<u8>,
    /// How many of them have been taken.
    taken: usize,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.rest().is_empty()
    }

    pub(super) fn rest(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    /// Takes this many from the front.
    pub(super) fn advance(&mut self, count: usize) {
        self.taken += count;
        if self.is_empty() {
            *self = Self::default();
        }
    }

    /// Adds bytes at the end.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        // What was taken goes when it is as long as what is left, so that no byte is moved more than once on average.
        if self.taken > self.bytes.len() / 2 {
            self.bytes.drain(..self.taken);
            self.taken = 0;
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// Adds bytes at the front: in the place of what was taken from there, if there is room.
    pub(super) fn put_back(&mut self, bytes: &[u8]) {
        match self.taken.checked_sub(bytes.len()) {
            Some(start) => {
                self.bytes[start..self.taken].copy_from_slice(bytes);
                self.taken = start;
            }
            None => {
                self.bytes.splice(..self.taken, bytes.iter().copied());
                self.taken = 0;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pending;

    fn holding(bytes: &[u8]) -> Pending {
        let mut pending = Pending::default();
        pending.append(bytes);
        pending
    }

    #[test]
    fn what_is_taken_leaves_the_rest() {
        let mut pending = holding(b"abcdef");

        pending.advance(2);

        assert_eq!(pending.rest(), b"cdef");
    }

    #[test]
    fn what_is_appended_comes_last() {
        let mut pending = holding(b"abcdef");
        pending.advance(5);

        pending.append(b"gh");

        assert_eq!(pending.rest(), b"fgh");
    }

    #[test]
    fn what_is_put_back_comes_first_whether_there_is_room_or_not() {
        let mut pending = holding(b"abcdef");
        pending.advance(2);

        pending.put_back(b"2");
        pending.put_back(b"01");

        assert_eq!(pending.rest(), b"012cdef");
    }

    #[test]
    fn when_all_is_taken_no_memory_is_kept() {
        let mut pending = holding(b"abc");

        pending.advance(3);

        assert!(pending.is_empty());
        assert_eq!(pending.bytes.capacity(), 0);
    }
}
