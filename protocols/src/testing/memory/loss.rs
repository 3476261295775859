//! Losing what is sent, at any point of a stream.

/// How a connection is lost on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// Both ends learn that the connection is broken.
    Reset,
    /// The receiver learns that no more will come; what is sent after that vanishes.
    HalfClose,
    /// Nobody learns anything, and what is sent vanishes, as when a cable is cut.
    Silence,
}

/// Where one direction of a stream is lost.
#[derive(Debug, Clone, Copy, Default)]
pub(super) enum Cut {
    /// Nowhere.
    #[default]
    Never,
    /// After so many bytes more.
    After(usize, Loss),
    /// Here: nothing passes any more.
    Here,
}
