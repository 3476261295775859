//! The stack of where a failure was raised: addresses when captured, names when printed.

use std::env;
use std::fmt;
use std::sync::OnceLock;

use backtrace::{Backtrace, BacktraceFrame};

/// The return addresses of the stack at one moment.
pub(crate) struct Frames(Backtrace);

impl Frames {
    /// Captures the stack, if the environment asks for backtraces as it does for the standard library's.
    pub(crate) fn capture_if_asked() -> Option<Self> {
        static ASKED: OnceLock<bool> = OnceLock::new();
        let asked = ASKED.get_or_init(|| {
            env::var_os("RUST_LIB_BACKTRACE")
                .or_else(|| env::var_os("RUST_BACKTRACE"))
                .is_some_and(|value| value != "0")
        });
        // No `then`: where nothing is inlined, its frame would stand between ours and the program's.
        if *asked {
            Some(Self(Backtrace::new_unresolved()))
        } else {
            None
        }
    }
}

impl fmt::Display for Frames {
    /// One line a function, the innermost first, without the frames that every failure has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut resolved = self.0.clone();
        resolved.resolve();
        write!(f, "\n  backtrace, innermost first:")?;
        for frame in trimmed(resolved.frames()) {
            for symbol in frame.symbols() {
                let Some(name) = symbol.name() else { continue };
                write!(f, "\n    {name:#}")?;
                if let (Some(file), Some(line)) = (symbol.filename(), symbol.lineno()) {
                    write!(f, " at {}:{line}", file.display())?;
                }
            }
        }
        Ok(())
    }
}

/// The frames between those that made the failure and those that started the thread.
fn trimmed(frames: &[BacktraceFrame]) -> &[BacktraceFrame] {
    let named = |frame: &BacktraceFrame, parts: &[&str]| {
        frame
            .symbols()
            .iter()
            .filter_map(|symbol| symbol.name())
            .any(|name| {
                let name = name.to_string();
                parts.iter().any(|part| name.contains(part))
            })
    };
    let making = |frame| {
        named(
            frame,
            &["backtrace::", "deferred::failure", "deferred::frames"],
        )
    };
    let first = frames.iter().position(|frame| !making(frame)).unwrap_or(0);
    let end = frames[first..]
        .iter()
        .position(|frame| named(frame, &["__rust_begin_short_backtrace"]))
        .map_or(frames.len(), |length| first + length);
    &frames[first..end]
}
