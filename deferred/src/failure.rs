//! An error on its way along a chain, with the way it came.

use std::any::{Any, type_name};
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::frames::Frames;

/// Counts the failures made in this process, so that one that is printed twice can be recognised.
static SERIAL: AtomicU64 = AtomicU64::new(1);

/// An error, with the place where it was raised and the links of the chains that it has passed.
///
/// Any error that is `Error + Send + Sync + 'static` becomes one by `?` or `into`. A failure is one word
/// wide and cheap to clone; a clone is the same failure, and goes a way of its own from there.
///
/// It always knows the *trail*: every link it passed, with the line of the program that added the link.
/// It has a *backtrace* of where it was raised only where `RUST_BACKTRACE` (or `RUST_LIB_BACKTRACE`) asks
/// for it: then its addresses are captured when it is made, and symbols are looked up when it is printed.
///
/// | format | what it shows |
/// |---|---|
/// | `{}` | one line: the type of the error and its message |
/// | `{:#}` | that line, its sources, and the trail |
/// | `{:?}` | all that, and the backtrace |
///
/// # Examples
///
/// ```
/// use deferred::Failure;
/// use std::num::ParseIntError;
///
/// fn parse(text: &str) -> Result<u16, Failure> {
///     Ok(text.parse()?)
/// }
///
/// let failure = parse("many").unwrap_err();
/// assert!(failure.check::<ParseIntError>().is_some());
/// assert_eq!(failure.error().to_string(), "invalid digit found in string");
/// ```
///
/// *Twisted's `Failure`: an exception with its traceback, kept for later.*
#[derive(Clone)]
pub struct Failure(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    error: Arc<dyn Error + Send + Sync>,
    type_name: &'static str,
    serial: u64,
    raised: Option<&'static Location<'static>>,
    trail: Trail,
    frames: Option<Arc<Frames>>,
}

impl Failure {
    /// Makes a failure of an error, raised here.
    #[track_caller]
    pub fn new<E: Error + Send + Sync + 'static>(error: E) -> Self {
        Self::with_frames(error, Some(Location::caller()), Frames::capture_if_asked())
    }

    /// Makes a failure of an error that only informs, such as a refused connection: it never has a backtrace.
    #[track_caller]
    pub fn without_backtrace<E: Error + Send + Sync + 'static>(error: E) -> Self {
        Self::with_frames(error, Some(Location::caller()), None)
    }

    /// Makes a failure that no line of the program raised, such as that of a chain whose firer was dropped.
    pub(crate) fn raised_nowhere<E: Error + Send + Sync + 'static>(error: E) -> Self {
        Self::with_frames(error, None, None)
    }

    fn with_frames<E: Error + Send + Sync + 'static>(
        error: E,
        raised: Option<&'static Location<'static>>,
        frames: Option<Frames>,
    ) -> Self {
        Self(Arc::new(Inner {
            error: Arc::new(error),
            type_name: type_name::<E>(),
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            raised: raised.filter(|place| in_a_program(place)),
            trail: Trail::default(),
            frames: frames.map(Arc::new),
        }))
    }

    /// Makes a failure of what a panic was raised with.
    ///
    /// Its error is a [`Panicked`], which holds the message.
    #[must_use]
    pub fn from_panic(payload: Box<dyn Any + Send>) -> Self {
        let message = match payload.downcast::<String>() {
            Ok(message) => *message,
            Err(payload) => match payload.downcast_ref::<&str>() {
                Some(message) => String::from(*message),
                None => String::from("(a payload that is no text)"),
            },
        };
        Self::raised_nowhere(Panicked { message })
    }

    /// Runs `f`, and turns a panic in it into a failure.
    ///
    /// # Errors
    ///
    /// A failure whose error is a [`Panicked`], if `f` panicked.
    pub fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Self> {
        catch_unwind(AssertUnwindSafe(f)).map_err(Self::from_panic)
    }

    /// The error.
    #[must_use]
    pub fn error(&self) -> &(dyn Error + Send + Sync + 'static) {
        &*self.0.error
    }

    /// The error, if it is an `E`.
    ///
    /// *Twisted's `Failure.check`, which answers with the type.*
    #[must_use]
    pub fn check<E: Error + 'static>(&self) -> Option<&E> {
        self.0.error.downcast_ref()
    }

    /// The error, which must be an `E`; for errbacks that handle one kind and let all others go on.
    ///
    /// # Errors
    ///
    /// This same failure, if its error is not an `E`: `failure.trap::<E>()?` in an errback sends it on.
    ///
    /// *Twisted's `Failure.trap`.*
    pub fn trap<E: Error + 'static>(&self) -> Result<&E, Self> {
        self.check().ok_or_else(|| self.clone())
    }

    /// A number that no other failure of this process has; clones share it.
    #[must_use]
    pub fn serial(&self) -> u64 {
        self.0.serial
    }

    /// Notes that the failure left the link of `origin`.
    pub(crate) fn passed(&mut self, origin: Origin) {
        Arc::make_mut(&mut self.0).trail.push(origin);
    }
}

/// Every error can be a failure, so that `?` works in callbacks.
impl<E: Error + Send + Sync + 'static> From<E> for Failure {
    #[track_caller]
    fn from(error: E) -> Self {
        Self::new(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        write!(f, "{}: {}", inner.type_name, inner.error)?;
        if f.alternate() {
            let mut source = inner.error.source();
            while let Some(error) = source {
                write!(f, "\n  caused by: {error}")?;
                source = error.source();
            }
            if let Some(place) = inner.raised {
                write!(f, "\n  raised at {place}")?;
            }
            fmt::Display::fmt(&inner.trail, f)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:#}")?;
        match &self.0.frames {
            Some(frames) => fmt::Display::fmt(frames, f),
            None => write!(f, "\n  (no backtrace was captured)"),
        }
    }
}

/// Whether `place` is a line of somebody's program: `map_err(Failure::from)` is called from within `core`.
fn in_a_program(place: &Location<'_>) -> bool {
    !place.file().starts_with("/rustc/") && !place.file().contains("/library/core/src/")
}

/// The error of a failure that was a panic.
#[derive(Debug, Clone, thiserror::Error)]
#[error("panicked: {message}")]
pub struct Panicked {
    message: String,
}

impl Panicked {
    /// What the panic said.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// Which kind of link it was, and where the program added it.
#[derive(Clone, Copy)]
pub(crate) struct Origin {
    pub(crate) kind: LinkKind,
    pub(crate) place: &'static Location<'static>,
}

#[derive(Clone, Copy)]
pub(crate) enum LinkKind {
    Firer,
    Callback,
    Errback,
    Callbacks,
    Both,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            LinkKind::Firer => "fired at",
            LinkKind::Callback => "passed the callback added at",
            LinkKind::Errback => "passed the errback added at",
            LinkKind::Callbacks => "passed the callbacks added at",
            LinkKind::Both => "passed the both-callback added at",
        };
        write!(f, "{kind} {}", self.place)
    }
}

/// The links that a failure has passed: the first ones and the last ones, if there were many.
#[derive(Clone, Default)]
struct Trail {
    links: Vec<Origin>,
    left_out: u64,
}

impl Trail {
    /// As many of the first links are kept, and as many of the last: a failure that travels for ever
    /// must not grow for ever, and what happened first and last says most.
    const KEPT: usize = 16;

    fn push(&mut self, origin: Origin) {
        if self.links.len() == 2 * Self::KEPT {
            self.links.remove(Self::KEPT);
            self.left_out += 1;
        }
        self.links.push(origin);
    }
}

impl fmt::Display for Trail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, origin) in self.links.iter().enumerate() {
            if n == Self::KEPT && self.left_out > 0 {
                write!(f, "\n  … {} links more …", self.left_out)?;
            }
            write!(f, "\n  {origin}")?;
        }
        Ok(())
    }
}
