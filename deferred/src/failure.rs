//! An error on its way along a chain, with the way it came.

use std::any::{Any, type_name};
use std::backtrace::Backtrace;
use std::error::Error;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::frames::Frames;
use crate::held::Held;
use crate::list::FirstError;
use crate::panics;
use crate::trail::{Origin, Trail};

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
/// | `{:#}` | that line, what caused the error, the trail, and a line for each function of the backtrace |
/// | `{:?}` | the backtrace with the lines of the program where they can be read, the trail, and last the error |
/// | `{:#?}` | the same between two lines with the failure's number |
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
    error: Held,
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

    /// Makes a failure of an error with a backtrace that somebody captured before, if that was captured at all.
    ///
    /// *For errors that bring their own; the standard library does not let others ask for it yet.*
    #[track_caller]
    pub fn with_backtrace<E: Error + Send + Sync + 'static>(
        error: E,
        backtrace: &Backtrace,
    ) -> Self {
        // No `or_else`: where nothing is inlined, its frame would stand between ours and the program's.
        let frames = match Frames::of_captured(backtrace) {
            Some(frames) => Some(frames),
            None => Frames::capture_if_asked(),
        };
        Self::with_frames(error, Some(Location::caller()), frames)
    }

    /// Makes a failure of a boxed error; of one that [`into_error`](Self::into_error) made, the failure that it was.
    ///
    /// The type of another one is not known any more, but [`check`](Self::check) finds it.
    #[track_caller]
    #[must_use]
    pub fn from_boxed(error: Box<dyn Error + Send + Sync>) -> Self {
        match error.downcast::<Carried>() {
            Ok(carried) => carried.0,
            Err(error) => Self::of(
                Arc::from(error),
                "Error",
                Some(Location::caller()),
                Frames::capture_if_asked(),
            ),
        }
    }

    /// Makes a failure of a value that is no error, such as a text.
    #[track_caller]
    pub fn msg<M: fmt::Display + fmt::Debug + Send + Sync + 'static>(message: M) -> Self {
        let error = Arc::new(Message(message));
        Self::of(
            error,
            type_name::<M>(),
            Some(Location::caller()),
            Frames::capture_if_asked(),
        )
    }

    /// The failure as an error, for functions that return `Box<dyn Error>`.
    ///
    /// [`from_boxed`](Self::from_boxed) makes the same failure of it again.
    #[must_use]
    pub fn into_error(self) -> Box<dyn Error + Send + Sync> {
        Box::new(Carried(self))
    }

    fn with_frames<E: Error + Send + Sync + 'static>(
        error: E,
        raised: Option<&'static Location<'static>>,
        frames: Option<Frames>,
    ) -> Self {
        Self::of(Arc::new(error), type_name::<E>(), raised, frames)
    }

    fn of(
        error: Arc<dyn Error + Send + Sync>,
        type_name: &'static str,
        raised: Option<&'static Location<'static>>,
        frames: Option<Frames>,
    ) -> Self {
        Self(Arc::new(Inner {
            error: Held::new(error),
            type_name,
            serial: SERIAL.fetch_add(1, Ordering::Relaxed),
            raised: raised.filter(|place| in_a_program(place)),
            trail: Trail::default(),
            frames: frames.map(Arc::new),
        }))
    }

    /// Makes a failure of what a panic was raised with.
    ///
    /// Its error is a [`Panicked`], which holds the message. Called in the thread that panicked, before anything
    /// else has panicked there, it also knows the place, if this crate has run a link or
    /// [`catch`](Self::catch) before: then it has put a panic hook before the one that was set, which
    /// notes the place and calls that one.
    #[must_use]
    pub fn from_panic(payload: Box<dyn Any + Send>) -> Self {
        let message = panics::text_of(&*payload).unwrap_or("(a payload that is no text)");
        let message = String::from(message);
        let (place, frames) =
            panics::last(&*payload).map_or((None, None), |last| (Some(last.place), last.frames));
        Self::with_frames(Panicked { message, place }, None, frames)
    }

    /// Runs `f`, and turns a panic in it into a failure.
    ///
    /// # Errors
    ///
    /// A failure whose error is a [`Panicked`], if `f` panicked.
    #[inline]
    pub fn catch<R>(f: impl FnOnce() -> R) -> Result<R, Self> {
        panics::note_places();
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

    /// The first error that is an `E`, of this one and what caused it.
    #[must_use]
    pub fn find<E: Error + 'static>(&self) -> Option<&E> {
        let mut error: &(dyn Error + 'static) = self.error();
        loop {
            if let Some(Carried(failure)) = error.downcast_ref() {
                error = failure.error();
            }
            match (error.downcast_ref(), error.source()) {
                (Some(found), _) => return Some(found),
                (None, Some(source)) => error = source,
                (None, None) => return None,
            }
        }
    }

    /// Which of these kinds of errors it is, as the number of the first one in the list that fits.
    ///
    /// # Examples
    ///
    /// ```
    /// use deferred::{Abandoned, CancelledError, Failure, Kind};
    ///
    /// let given_up = [Kind::of::<CancelledError>(), Kind::of::<Abandoned>()];
    /// assert_eq!(Failure::new(Abandoned).which(&given_up), Some(1));
    /// assert_eq!(Failure::msg("rain").which(&given_up), None);
    /// ```
    ///
    /// *Twisted's `Failure.check` with several types.*
    #[must_use]
    pub fn which(&self, kinds: &[Kind]) -> Option<usize> {
        kinds.iter().position(|kind| (kind.is)(self))
    }

    /// Looks up the symbols of the backtrace now, and gives its addresses up.
    ///
    /// What is printed stays the same. Without it, symbols are looked up each time the failure is printed.
    pub fn resolve(&mut self) {
        let inner = Arc::make_mut(&mut self.0);
        if let Some(frames) = inner.frames.take() {
            inner.frames = Some(Arc::new(frames.resolved()));
        }
    }

    /// The name of the error's type, as far as it is known.
    pub(crate) fn type_name(&self) -> &'static str {
        self.0.type_name
    }

    /// Where the program added the last link that it passed.
    pub(crate) fn last_link(&self) -> Option<&'static Location<'static>> {
        self.0.trail.last_link()
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
        self.headline(f)?;
        if f.alternate() {
            self.causes(f)?;
            self.way(f)?;
            match &self.0.frames {
                Some(frames) => frames.brief(f)?,
                None => f.write_str(NO_BACKTRACE)?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let serial = self.serial();
        if f.alternate() {
            writeln!(f, "*--- Failure #{serial} ---")?;
        }
        f.write_str("Traceback, outermost first:")?;
        match &self.0.frames {
            Some(frames) => frames.full(f)?,
            None => f.write_str(NO_BACKTRACE)?,
        }
        self.way(f)?;
        f.write_str("\n")?;
        self.headline(f)?;
        self.causes(f)?;
        if f.alternate() {
            write!(f, "\n*--- End of Failure #{serial} ---")?;
        }
        Ok(())
    }
}

const NO_BACKTRACE: &str = "\n  (no backtrace was captured)";

impl Failure {
    /// The type and the message.
    fn headline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.type_name(), text_of(self.error()))
    }

    /// What caused the error, one line a cause.
    fn causes(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut error: &(dyn Error + 'static) = self.error();
        while let Some(cause) = error.source() {
            // A list has told of the lists within it; that again for each floor of a tower would be endless.
            if !(error.is::<FirstError>() && cause.is::<FirstError>()) {
                write!(f, "\n  caused by: {}", text_of(cause))?;
            }
            error = cause;
        }
        Ok(())
    }

    /// Where it was raised, and the trail.
    fn way(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = self.0.raised {
            write!(f, "\n  raised at {place}")?;
        }
        fmt::Display::fmt(&self.0.trail, f)
    }
}

/// The text of an error, which may fail to say it.
fn text_of(error: &dyn Error) -> String {
    let said = catch_unwind(AssertUnwindSafe(|| {
        let mut text = String::new();
        fmt::write(&mut text, format_args!("{error}")).map(|()| text)
    }));
    match said {
        Ok(Ok(text)) => text,
        _ => String::from("(an error that cannot say what it is)"),
    }
}

/// Whether `place` is a line of somebody's program: `map_err(Failure::from)` is called from within `core`.
fn in_a_program(place: &Location<'_>) -> bool {
    !place.file().starts_with("/rustc/") && !place.file().contains("/library/core/src/")
}

/// The error of a failure that was a panic.
#[derive(Debug, Clone)]
pub struct Panicked {
    message: String,
    place: Option<String>,
}

impl Panicked {
    /// What the panic said.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The file and line where it was raised, as far as known.
    #[must_use]
    pub fn place(&self) -> Option<&str> {
        self.place.as_deref()
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked: {}", self.message)?;
        if let Some(place) = &self.place {
            write!(f, ", at {place}")?;
        }
        Ok(())
    }
}

impl Error for Panicked {}

/// One kind of errors, for [`Failure::which`].
#[derive(Debug, Clone, Copy)]
pub struct Kind {
    is: fn(&Failure) -> bool,
}

impl Kind {
    /// The errors of type `E`.
    #[must_use]
    pub fn of<E: Error + 'static>() -> Self {
        Self {
            is: |failure| failure.check::<E>().is_some(),
        }
    }
}

/// A failure on its way through functions that know errors only.
#[derive(Debug)]
struct Carried(Failure);

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&text_of(self.0.error()))
    }
}

impl Error for Carried {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.error().source()
    }
}

/// A value that is no error.
struct Message<M>(M);

impl<M: fmt::Debug> fmt::Debug for Message<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<M: fmt::Display> fmt::Display for Message<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<M: fmt::Display + fmt::Debug> Error for Message<M> {}
