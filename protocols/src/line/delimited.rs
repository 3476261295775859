//! Where lines end.

use std::rc::Rc;

use memchr::memmem::Finder;

use crate::framing::{Framing, Scan};

/// Lines, each with the delimiter after it.
///
/// With a delimiter of `d` bytes and a limit of `m`, a line may be taken or refused when the first `m + d`
/// bytes of it are known: a delimiter that is not within these begins too late.
pub(super) struct Delimited {
    delimiter: Rc<[u8]>,
    finder: Finder<'static>,
    max_length: usize,
    /// What becomes of what comes after a line that was refused.
    after_refusal: AfterRefusal,
    /// Whether the rest of a refused line is still to come.
    is_skipping: bool,
}

/// What becomes of what comes after a line that is too long.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum AfterRefusal {
    /// The next line is received.
    NextLine,
    /// Nothing is.
    Nothing,
}

/// A line was longer than lines may be.
pub(super) struct LineTooLong;

impl Delimited {
    pub(super) fn new(after_refusal: AfterRefusal) -> Self {
        let delimiter = b"\r\n";
        Self {
            delimiter: Rc::from(&delimiter[..]),
            finder: Finder::new(delimiter),
            max_length: super::MAX_LENGTH,
            after_refusal,
            is_skipping: false,
        }
    }

    pub(super) fn parted_by(self, delimiter: &[u8]) -> Self {
        assert!(!delimiter.is_empty(), "a delimiter has one byte at least");
        Self {
            delimiter: Rc::from(delimiter),
            finder: Finder::new(delimiter).into_owned(),
            ..self
        }
    }

    pub(super) fn up_to(self, max_length: usize) -> Self {
        Self { max_length, ..self }
    }

    pub(super) const fn delimiter(&self) -> &Rc<[u8]> {
        &self.delimiter
    }

    /// Where the first delimiter begins that is not wholly in `held`.
    fn find(&self, held: &[u8], bytes: &[u8]) -> Option<usize> {
        self.find_across(held, bytes)
            .or_else(|| Some(held.len() + self.finder.find(bytes)?))
    }

    /// Where the first delimiter begins that is partly in `held` and partly in `bytes`.
    fn find_across(&self, held: &[u8], bytes: &[u8]) -> Option<usize> {
        let most = held.len().min(self.delimiter.len() - 1);
        let old = (1..=most).rev().find(|&old| {
            let (in_held, in_bytes) = self.delimiter.split_at(old);
            held.ends_with(in_held) && bytes.starts_with(in_bytes)
        })?;
        Some(held.len() - old)
    }

    fn scan_line(&mut self, held: &[u8], bytes: &[u8]) -> Scan<LineTooLong> {
        let limit = self.max_length.saturating_add(self.delimiter.len());
        let within = &bytes[..bytes.len().min(limit - held.len())];
        if let Some(end) = self.find(held, within) {
            return Scan::Frame {
                taken: end + self.delimiter.len(),
                content: 0..end,
            };
        }
        if held.len() + within.len() < limit {
            return Scan::Incomplete;
        }
        self.refuse()
    }

    /// Shows so much of a line that it is clear that it is too long.
    const fn refuse(&mut self) -> Scan<LineTooLong> {
        let (start, why) = (self.max_length + 1, LineTooLong);
        match self.after_refusal {
            AfterRefusal::Nothing => Scan::Broken { shown: start, why },
            AfterRefusal::NextLine => {
                self.is_skipping = true;
                Scan::Refused { taken: start, why }
            }
        }
    }

    /// Drops the rest of a line; a delimiter may begin at its end.
    fn skip_line(&mut self, held: &[u8], bytes: &[u8]) -> Scan<LineTooLong> {
        if let Some(end) = self.find(held, bytes) {
            self.is_skipping = false;
            return Scan::Nothing {
                taken: end + self.delimiter.len(),
            };
        }
        match (held.len() + bytes.len()).checked_sub(self.delimiter.len() - 1) {
            None | Some(0) => Scan::Incomplete,
            Some(taken) => Scan::Nothing { taken },
        }
    }
}

impl Framing for Delimited {
    type Refusal = LineTooLong;

    fn scan(&mut self, held: &[u8], bytes: &[u8]) -> Scan<LineTooLong> {
        if self.is_skipping {
            self.skip_line(held, bytes)
        } else {
            self.scan_line(held, bytes)
        }
    }

    fn restart(&mut self) {
        self.is_skipping = false;
    }
}
