//! What programs do with time and a reactor, ready made.

mod react;

pub use self::react::{Exit, react, react_with};
