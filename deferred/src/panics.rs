//! Where the last panic of a thread was raised.
//!
//! What a panic is caught with says its message, but not its place: only the panic hook is told that. So a
//! hook of ours is put before the one that was set, once, when the first link runs.

use std::any::Any;
use std::cell::Cell;
use std::panic;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::frames::Frames;

/// What the hook noted of a panic.
pub(crate) struct LastPanic {
    /// What it said, if that was a text: a payload that says something else is of another panic.
    message: Option<String>,
    pub(crate) place: String,
    pub(crate) frames: Option<Frames>,
}

thread_local! {
    static LAST: Cell<Option<LastPanic>> = const { Cell::new(None) };
}

/// Whether the hook is in its place.
static NOTING: AtomicBool = AtomicBool::new(false);

/// Sees to it that places are noted from now on. It is asked for by every link, and costs a load once it is done.
#[inline(always)]
pub(crate) fn note_places() {
    if !NOTING.load(Ordering::Relaxed) {
        install();
    }
}

#[cold]
#[inline(never)]
fn install() {
    // The hook cannot be changed by a thread that panics.
    if thread::panicking() {
        return;
    }
    // Whoever comes meanwhile waits: its panic would not be noted otherwise.
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            note(info);
            before(info);
        }));
        NOTING.store(true, Ordering::Relaxed);
    });
}

fn note(info: &panic::PanicHookInfo<'_>) {
    let Some(place) = info.location() else { return };
    let last = LastPanic {
        message: text_of(info.payload()).map(String::from),
        place: place.to_string(),
        frames: Frames::capture_if_asked(),
    };
    // A panic while the thread ends may find nothing to note it in; a panic here would end the program.
    let _ = LAST.try_with(|noted| noted.set(Some(last)));
}

/// What a panic says, if it was raised with a text.
pub(crate) fn text_of(payload: &(dyn Any + Send)) -> Option<&str> {
    match payload.downcast_ref::<String>() {
        Some(text) => Some(text),
        None => payload.downcast_ref().copied(),
    }
}

/// Takes what was noted of the last panic of this thread, if that was the one with this payload.
pub(crate) fn last(payload: &(dyn Any + Send)) -> Option<LastPanic> {
    let last = LAST.try_with(Cell::take).ok().flatten()?;
    (last.message.as_deref() == text_of(payload)).then_some(last)
}
