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
    /// One line a function, the innermost first, without the functions that every failure has.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut resolved = self.0.clone();
        resolved.resolve();
        write!(f, "\n  backtrace, innermost first:")?;
        // One frame of the machine can be several functions, inlined into each other.
        let functions = resolved
            .frames()
            .iter()
            .flat_map(BacktraceFrame::symbols)
            .filter_map(|symbol| {
                let name = format!("{:#}", symbol.name()?);
                Some((name, symbol))
            });
        for (name, symbol) in functions
            .skip_while(|(name, _)| makes_failures(name))
            .take_while(|(name, _)| !name.contains("__rust_begin_short_backtrace"))
        {
            write!(f, "\n    {name}")?;
            if let (Some(file), Some(line)) = (symbol.filename(), symbol.lineno()) {
                write!(f, " at {}:{line}", file.display())?;
            }
        }
        Ok(())
    }
}

/// Whether this is one of the functions that capture a stack or make a failure.
fn makes_failures(function: &str) -> bool {
    let makers = ["backtrace::", "deferred::failure", "deferred::frames"];
    makers.iter().any(|maker| function.contains(maker))
}
