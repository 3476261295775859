//! Strings between their length in digits and a comma.

use std::io::Write;

use crate::framing::{Framing, Scan};

use super::{Envelope, StringError, StringFraming, StringReceiver, StringTooLong};

/// Receives netstrings: `5:hello,`.
///
/// A length is written without zeros in front. After what is no netstring nothing is received any more.
///
/// *Twisted's `NetstringReceiver`. The format is D. J. Bernstein's.*
pub type NetstringReceiver<H> = StringReceiver<Netstring, H>;

/// Netstrings.
#[derive(Debug)]
pub struct Netstring {
    max_length: usize,
    /// The length in front, once it is known.
    length: Option<Length>,
}

/// A length, and in how many bytes it is written, with its colon.
#[derive(Debug, Clone, Copy)]
struct Length {
    length: usize,
    written_in: usize,
}

impl Netstring {
    /// The length in front, if all of it is there.
    ///
    /// It looks at no digit after the one with which the limit is passed.
    fn length(&self, held: &[u8], bytes: &[u8]) -> Result<Option<Length>, StringError> {
        let limit = self.max_length;
        let mut length: usize = 0;
        for (at, &byte) in held.iter().chain(bytes).enumerate() {
            match byte {
                b':' if at > 0 => {
                    let written_in = at + 1;
                    return Ok(Some(Length { length, written_in }));
                }
                // After a zero in front there is no digit.
                b'0'..=b'9' if at == 0 || length > 0 => {
                    let longer = length as u64 * 10 + u64::from(byte - b'0');
                    length = usize::try_from(longer).unwrap_or(usize::MAX);
                    if length > limit {
                        let length = longer;
                        return Err(StringError::TooLong { length, limit });
                    }
                }
                _ => return Err(StringError::NoLength),
            }
        }
        Ok(None)
    }

    /// What stands at the front, if it is no error.
    fn netstring(&mut self, held: &[u8], bytes: &[u8]) -> Result<Scan<StringError>, StringError> {
        if self.length.is_none() {
            self.length = self.length(held, bytes)?;
        }
        let Some(Length { length, written_in }) = self.length else {
            return Ok(Scan::Incomplete);
        };
        let end = written_in + length;
        match held.iter().chain(bytes).nth(end) {
            None => Ok(Scan::Incomplete),
            Some(b',') => {
                self.length = None;
                let (taken, content) = (end + 1, written_in..end);
                Ok(Scan::Frame { taken, content })
            }
            Some(_) => Err(StringError::NoComma { length }),
        }
    }
}

impl Framing for Netstring {
    type Refusal = StringError;

    fn scan(&mut self, held: &[u8], bytes: &[u8]) -> Scan<StringError> {
        self.netstring(held, bytes)
            .unwrap_or_else(|why| Scan::Broken { shown: 0, why })
    }
}

impl StringFraming for Netstring {
    /// At most this long, and at most a sixteenth of the address space, which no limit is meant to be near to.
    fn up_to(max_length: usize) -> Self {
        Self {
            max_length: max_length.min(usize::MAX >> 4),
            length: None,
        }
    }

    fn envelope(length: usize) -> Result<Envelope, StringTooLong> {
        let mut head = [0; 21];
        let mut room = &mut head[..];
        let written = write!(room, "{length}:");
        debug_assert!(written.is_ok(), "no length has more than 20 digits");
        let used = 21 - room.len();
        Ok(Envelope::new(&head[..used], b","))
    }
}
