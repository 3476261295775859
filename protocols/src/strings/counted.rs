//! Strings after a count of their bytes.

use crate::framing::{Framing, Scan};

use super::{Envelope, StringError, StringFraming, StringReceiver, StringTooLong};

/// Receives strings after their lengths in one byte.
pub type Int8StringReceiver<H> = StringReceiver<Counted<1>, H>;

/// Receives strings after their lengths in two bytes, the higher one first.
pub type Int16StringReceiver<H> = StringReceiver<Counted<2>, H>;

/// Receives strings after their lengths in four bytes, the highest one first.
pub type Int32StringReceiver<H> = StringReceiver<Counted<4>, H>;

/// Strings, each after its length in so many bytes, in network byte order.
#[derive(Debug)]
pub struct Counted<const WIDTH: usize> {
    max_length: usize,
    /// How much of a string that is too long is still to come.
    skipped: u64,
}

impl<const WIDTH: usize> Counted<WIDTH> {
    /// The largest number in so many bytes.
    const MOST: u64 = {
        assert!(WIDTH >= 1 && WIDTH <= 8, "a count has one to eight bytes");
        u64::MAX >> (64 - 8 * WIDTH)
    };

    /// The length that stands in front, if all of it is there.
    fn length(held: &[u8], bytes: &[u8]) -> Option<u64> {
        let mut count = held.iter().chain(bytes);
        (0..WIDTH).try_fold(0, |length, _| Some(length << 8 | u64::from(*count.next()?)))
    }
}

impl<const WIDTH: usize> Framing for Counted<WIDTH> {
    type Refusal = StringError;

    fn scan(&mut self, held: &[u8], bytes: &[u8]) -> Scan<StringError> {
        let here = held.len() + bytes.len();
        if self.skipped > 0 {
            let taken = usize::try_from(self.skipped).map_or(here, |rest| rest.min(here));
            self.skipped -= taken as u64;
            return Scan::Nothing { taken };
        }
        let Some(length) = Self::length(held, bytes) else {
            return Scan::Incomplete;
        };
        let limit = self.max_length;
        match usize::try_from(length) {
            Ok(length) if length <= limit => {
                let taken = length.saturating_add(WIDTH);
                if taken > here {
                    return Scan::Incomplete;
                }
                let content = WIDTH..taken;
                Scan::Frame { taken, content }
            }
            _ => {
                self.skipped = length;
                let why = StringError::TooLong { length, limit };
                Scan::Refused { taken: WIDTH, why }
            }
        }
    }
}

impl<const WIDTH: usize> StringFraming for Counted<WIDTH> {
    fn up_to(max_length: usize) -> Self {
        Self {
            max_length,
            skipped: 0,
        }
    }

    fn envelope(length: usize) -> Result<Envelope, StringTooLong> {
        let most = Self::MOST;
        let count = length as u64;
        if count > most {
            return Err(StringTooLong { length, most });
        }
        let bytes = count.to_be_bytes();
        Ok(Envelope::new(&bytes[bytes.len() - WIDTH..], b""))
    }
}
