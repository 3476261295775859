//! Says something short.

use super::AnswerFactory;

/// Answers with what `next` returns, as one line. RFC 865, which asks for less than 512 characters.
///
/// *Twisted's `wire.QOTD`.*
pub fn quote(next: impl Fn() -> String + 'static) -> AnswerFactory {
    AnswerFactory::new(move || (next() + "\r\n").into_bytes())
}
