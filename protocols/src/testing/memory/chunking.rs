//! How the bytes that have come are cut into pieces.

use std::collections::VecDeque;

/// No piece of a random cutting is longer, so that there are many.
const LONGEST: u64 = 1500;

/// Into which pieces a stream in memory cuts what it gives to a protocol.
///
/// A protocol must not care, and a test that runs under several of these shows that it does not.
///
/// *What the pump policies of Twisted's `loopbackAsync` decide.*
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Chunking {
    /// Each write is a piece, unless it was longer than the [room](crate::testing::PairOptions::room) there was.
    #[default]
    AsWritten,
    /// All that has come by one turn is one piece.
    AllInOne,
    /// Each byte is a piece.
    Bytewise,
    /// Pieces of 1 to 1,500 bytes, with and without an end where a write ended; the same for the same seed.
    Random(u64),
}

/// Cuts what comes at one end, in the way that was chosen.
pub(super) struct Cutter {
    chunking: Chunking,
    /// Where the sequence of random numbers stands.
    random: u64,
}

impl Cutter {
    pub(super) const fn new(chunking: Chunking) -> Self {
        let random = match chunking {
            Chunking::Random(seed) => seed,
            _ => 0,
        };
        Self { chunking, random }
    }

    /// The pieces of what was written by these writes, none of which is empty.
    pub(super) fn cut(&mut self, writes: VecDeque<Vec<u8>>) -> VecDeque<Vec<u8>> {
        match self.chunking {
            Chunking::AsWritten => writes,
            Chunking::AllInOne if writes.is_empty() => writes,
            Chunking::AllInOne => [Vec::from(writes).concat()].into(),
            Chunking::Bytewise => {
                let bytes = writes.into_iter().flatten();
                bytes.map(|byte| vec![byte]).collect()
            }
            Chunking::Random(_) => self.cut_at_random(&Vec::from(writes).concat()),
        }
    }

    fn cut_at_random(&mut self, mut bytes: &[u8]) -> VecDeque<Vec<u8>> {
        let mut pieces = VecDeque::new();
        while !bytes.is_empty() {
            let number = self.next_number();
            // Half of the pieces are of a few bytes only, where the ends of lines and of numbers are.
            let longest = if number & 1 == 0 { 4 } else { LONGEST };
            let len = 1 + (number >> 1) % longest;
            let len = usize::try_from(len).map_or(bytes.len(), |len| len.min(bytes.len()));
            let (piece, rest) = bytes.split_at(len);
            pieces.push_back(piece.to_vec());
            bytes = rest;
        }
        pieces
    }

    /// The next number of a sequence in which no pattern is to be seen.
    ///
    /// *The generator SplitMix64 of Steele, Lea and Flood, 2014.*
    const fn next_number(&mut self) -> u64 {
        self.random = self.random.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut number = self.random;
        number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        number ^ (number >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pieces of three writes.
    fn cut(chunking: Chunking) -> Vec<Vec<u8>> {
        let writes = [&b"one"[..], b"two", &[b'x'; 5000]];
        let writes = writes.into_iter().map(<[u8]>::to_vec).collect();
        Cutter::new(chunking).cut(writes).into()
    }

    // Z-030
    #[test]
    fn a_write_is_a_piece_as_it_was_written() {
        let pieces = cut(Chunking::AsWritten);

        assert_eq!(pieces, [&b"one"[..], b"two", &[b'x'; 5000]]);
    }

    // Z-030
    #[test]
    fn all_writes_are_one_piece() {
        let pieces = cut(Chunking::AllInOne);

        assert_eq!(pieces, [[&b"onetwo"[..], &[b'x'; 5000]].concat()]);
    }

    #[test]
    fn each_byte_is_a_piece() {
        let pieces = cut(Chunking::Bytewise);

        assert_eq!(pieces.len(), 5006);
        assert_eq!(pieces.concat(), cut(Chunking::AsWritten).concat());
    }

    #[test]
    fn a_random_cutting_is_the_same_for_the_same_seed_only() {
        let pieces = cut(Chunking::Random(1));

        assert!(pieces.len() > 3);
        assert!(pieces.iter().all(|piece| !piece.is_empty()));
        assert_eq!(pieces.concat(), cut(Chunking::AsWritten).concat());
        assert_eq!(pieces, cut(Chunking::Random(1)));
        assert_ne!(pieces, cut(Chunking::Random(2)));
    }

    #[test]
    fn nothing_is_cut_into_nothing() {
        let ways = [
            Chunking::AsWritten,
            Chunking::AllInOne,
            Chunking::Bytewise,
            Chunking::Random(3),
        ];
        for chunking in ways {
            assert!(Cutter::new(chunking).cut(VecDeque::new()).is_empty());
        }
    }
}
