//! The stack of where a failure was raised: addresses when captured, names when printed.

use std::backtrace::BacktraceStatus;
use std::env;
use std::fmt;
use std::fs;
use std::sync::OnceLock;

use backtrace::{Backtrace, BacktraceFrame};

/// A stack, in the state that it is known in.
#[derive(Debug, Clone)]
pub(crate) enum Frames {
    /// The return addresses.
    Captured(Backtrace),
    /// The functions by name, the innermost first.
    Resolved(Vec<Function>),
}

/// A function on the stack.
#[derive(Debug, Clone)]
pub(crate) struct Function {
    name: String,
    place: Option<(String, u32)>,
}

impl Frames {
    /// Captures the stack.
    pub(crate) fn capture() -> Self {
        Self::Captured(Backtrace::new_unresolved())
    }

    /// Captures the stack, if the environment asks for backtraces as it does for the standard library's.
    pub(crate) fn capture_if_asked() -> Option<Self> {
        static ASKED: OnceLock<bool> = OnceLock::new();
        let asked = ASKED.get_or_init(|| {
            env::var_os("RUST_LIB_BACKTRACE")
                .or_else(|| env::var_os("RUST_BACKTRACE"))
                .is_some_and(|value| value != "0")
        });
        // No `then`: where nothing is inlined, its frame would stand between ours and the program's.
        if *asked { Some(Self::capture()) } else { None }
    }

    /// The stack that the standard library has captured, if it has; it can only be read as it prints.
    pub(crate) fn of_captured(backtrace: &std::backtrace::Backtrace) -> Option<Self> {
        if backtrace.status() != BacktraceStatus::Captured {
            return None;
        }
        let mut functions = Vec::<Function>::new();
        for line in backtrace.to_string().lines().map(str::trim) {
            match (line.strip_prefix("at "), line.split_once(": ")) {
                (Some(place), _) => {
                    if let Some(function) = functions.last_mut() {
                        function.place = place_in(place);
                    }
                }
                (None, Some((_, name))) => functions.push(Function {
                    name: name.to_owned(),
                    place: None,
                }),
                (None, None) => {}
            }
        }
        Some(Self::Resolved(the_programs(functions.into_iter())))
    }

    /// The stack with its names looked up.
    pub(crate) fn resolved(&self) -> Self {
        match self {
            Self::Captured(captured) => Self::Resolved(functions(captured)),
            known => known.clone(),
        }
    }

    /// Writes one line a function, the outermost first: place and name.
    pub(crate) fn brief(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.each(f, |f, function| write!(f, "\n  {function}"))
    }

    /// Writes two lines a function, the outermost first: place and name, and the line of the program.
    pub(crate) fn full(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.each(f, |f, function| {
            write!(f, "\n  {function}")?;
            match function.line_of_code() {
                Some(code) => write!(f, "\n    {code}"),
                None => Ok(()),
            }
        })
    }

    fn each(
        &self,
        f: &mut fmt::Formatter<'_>,
        mut show: impl FnMut(&mut fmt::Formatter<'_>, &Function) -> fmt::Result,
    ) -> fmt::Result {
        match self.resolved() {
            Self::Resolved(functions) => functions
                .iter()
                .rev()
                .try_for_each(|function| show(f, function)),
            Self::Captured(_) => unreachable!("it was just resolved"),
        }
    }
}

impl fmt::Display for Frames {
    /// One line a function, the innermost first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.resolved() {
            Self::Resolved(functions) => functions
                .iter()
                .try_for_each(|function| write!(f, "\n    {function}")),
            Self::Captured(_) => unreachable!("it was just resolved"),
        }
    }
}

impl Function {
    /// The line of the program that the place names, if its file can be read here.
    fn line_of_code(&self) -> Option<String> {
        let (file, line) = self.place.as_ref()?;
        let text = fs::read_to_string(file).ok()?;
        let code = text
            .lines()
            .nth(usize::try_from(*line).ok()?.checked_sub(1)?)?
            .trim();
        Some(code.to_owned())
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some((file, line)) => write!(f, "{file}:{line} in {}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// The functions of a stack, the innermost first, without those that every failure has.
fn functions(captured: &Backtrace) -> Vec<Function> {
    let mut resolved = captured.clone();
    resolved.resolve();
    // One frame of the machine can be several functions, inlined into each other.
    let symbols = resolved.frames().iter().flat_map(BacktraceFrame::symbols);
    let functions = symbols.filter_map(|symbol| {
        let name = format!("{:#}", symbol.name()?);
        let place = symbol
            .filename()
            .map(|file| file.display().to_string())
            .zip(symbol.lineno());
        Some(Function { name, place })
    });
    the_programs(functions)
}

/// What is left of a stack without the functions that begin every program, capture, make a failure, or raise a panic.
fn the_programs(functions: impl Iterator<Item = Function>) -> Vec<Function> {
    let mut functions: Vec<Function> = functions
        .take_while(|function| !function.name.contains("__rust_begin_short_backtrace"))
        .collect();
    // Of a panic: all that the hook is called through.
    let hook = functions
        .iter()
        .position(|function| function.name.contains("__rust_end_short_backtrace"));
    let raised = hook.map_or(0, |n| n + 1);
    let made = functions[raised..]
        .iter()
        .take_while(|function| makes_failures(&function.name))
        .count();
    functions.drain(..raised + made);
    // Through this, every `main` and every thread's closure is called.
    if functions
        .last()
        .is_some_and(|outermost| calls_a_closure(&outermost.name))
    {
        functions.pop();
    }
    functions
}

fn calls_a_closure(function: &str) -> bool {
    function.contains("core::ops::function::FnOnce") && function.contains("call_once")
}

/// Whether this is one of the functions that capture a stack, make a failure, or raise a panic.
///
/// The compiler's two ways to write a name differ: `deferred::Failure::new` in one of them is
/// `<deferred::Failure>::new` in the other, where types also stand in the place of parameters.
fn makes_failures(function: &str) -> bool {
    const MAKERS: [&str; 6] = [
        "backtrace::",
        "std::backtrace",
        "deferred::",
        "core::convert::",
        "core::panicking",
        "T as core::convert::",
    ];
    let path = function.trim_start_matches('<');
    function.contains("rust_begin_unwind")
        || function.contains(" as core::convert::Into<deferred::")
        || function.contains("core::ops::try_trait::FromResidual<")
        || MAKERS.iter().any(|maker| path.starts_with(maker))
}

/// The file and line of `file:line:column`.
fn place_in(text: &str) -> Option<(String, u32)> {
    let mut parts = text.rsplitn(3, ':').skip(1);
    let line = parts.next()?.parse().ok()?;
    Some((parts.next()?.to_owned(), line))
}

#[cfg(test)]
mod tests {
    use super::makes_failures;

    #[test]
    fn the_functions_that_make_failures_are_known_in_both_ways_that_names_are_written() {
        let in_one = [
            "backtrace::capture::Backtrace::create",
            "deferred::failure::Failure::new",
            "<T as core::convert::Into<U>>::into",
            "<core::result::Result<T,F> as core::ops::try_trait::FromResidual<core::result::Result<core::convert::Infallible,E>>>::from_residual",
        ];
        let in_the_other = [
            "<backtrace::capture::Backtrace>::create",
            "<deferred::failure::Failure>::new::<poem::Lost>",
            "<poem::Lost as core::convert::Into<deferred::failure::Failure>>::into",
        ];

        assert!(in_one.into_iter().all(makes_failures));
        assert!(in_the_other.into_iter().all(makes_failures));
    }

    #[test]
    fn the_programs_own_conversions_do_not_count_as_what_makes_failures() {
        let own = "<poem::Lost as core::convert::From<std::io::error::Error>>::from";

        assert!(!makes_failures(own));
    }
}
