//! Names the users.

use super::AnswerFactory;

/// Answers with the users that `list` returns, each on a line of its own. RFC 866.
///
/// *Twisted's `wire.Who`.*
pub fn who(list: impl Fn() -> Vec<String> + 'static) -> AnswerFactory {
    AnswerFactory::new(move || {
        let lines = list().into_iter().map(|user| user + "\r\n");
        lines.collect::<String>().into_bytes()
    })
}
