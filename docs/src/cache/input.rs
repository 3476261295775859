//! Lines and blocks, out of bytes that come in pieces.

/// How long a line may be without its end: a key of 250 bytes, and the words around it.
const LONGEST_LINE: usize = 512;

/// A line did not end in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a line is longer than {LONGEST_LINE} bytes")]
pub struct TooLong;

// ANCHOR: input
/// The bytes that have come and were not understood yet.
#[derive(Debug, Default)]
pub struct Input {
    bytes: Vec<u8>,
    /// How many of them were taken already.
    taken: usize,
}

impl Input {
    /// Adds a piece, however it was cut.
    pub fn push(&mut self, piece: &[u8]) {
        self.bytes.drain(..self.taken);
        self.taken = 0;
        self.bytes.extend_from_slice(piece);
    }

    /// Takes a line, without its end, if all of it is there.
    ///
    /// # Errors
    ///
    /// If so much has come without an end of line that no line will be made of it.
    pub fn line(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        let rest = &self.bytes[self.taken..];
        let looked_at = &rest[..rest.len().min(LONGEST_LINE)];
        match looked_at.windows(2).position(|two| two == b"\r\n") {
            Some(end) => {
                let line = rest[..end].to_vec();
                self.taken += end + 2;
                Ok(Some(line))
            }
            None if rest.len() < LONGEST_LINE => Ok(None),
            None => Err(TooLong),
        }
    }

    /// Takes this many bytes, if they are there.
    pub fn block(&mut self, length: usize) -> Option<Vec<u8>> {
        let block = self.bytes.get(self.taken..self.taken + length)?.to_vec();
        self.taken += length;
        Some(block)
    }
}
// ANCHOR_END: input

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_when_its_end_has_come() {
        let mut input = Input::default();

        input.push(b"get river\r");
        assert_eq!(input.line(), Ok(None));
        input.push(b"\nget");

        assert_eq!(input.line(), Ok(Some(b"get river".to_vec())));
        assert_eq!(input.line(), Ok(None));
    }

    #[test]
    fn a_block_may_hold_ends_of_lines() {
        let mut input = Input::default();

        input.push(b"a\r\nb\r");

        assert_eq!(input.block(6), None);
        assert_eq!(input.block(4), Some(b"a\r\nb".to_vec()));
    }

    #[test]
    fn a_line_without_an_end_is_refused_before_it_fills_the_memory() {
        let mut input = Input::default();

        input.push(&[b'x'; LONGEST_LINE]);

        assert_eq!(input.line(), Err(TooLong));
    }
}
