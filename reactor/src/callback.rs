//! What the loop's callbacks may return.

use deferred::Failure;

/// What a callback of the loop may return: nothing, or a `Result` whose error is then reported.
///
/// A callback *fails* when it returns an error or panics: the failure is reported, and the loop goes on.
pub trait CallResult {
    /// The failure, if it is one.
    fn into_failure(self) -> Option<Failure>;
}

impl CallResult for () {
    fn into_failure(self) -> Option<Failure> {
        None
    }
}

impl<E: Into<Failure>> CallResult for Result<(), E> {
    fn into_failure(self) -> Option<Failure> {
        self.err().map(Into::into)
    }
}
