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
                (None, Some((_, name))) => functions.push(Function::new(name, None)),
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
    fn new(name: &str, place: Option<(String, u32)>) -> Self {
        let name = without_parameters(name).to_owned();
        Self { name, place }
    }

    /// Whether it is a function of the standard library.
    ///
    /// Its source is compiled elsewhere, which the place tells. A name tells less: a function that was inlined may
    /// have no path, and a method of one library may be for a type of the other.
    fn is_the_standard_librarys(&self) -> bool {
        if let Some((file, _)) = &self.place {
            let file = file.replace('\\', "/");
            return ["/rustc/", "/rust/deps/"]
                .iter()
                .any(|it| file.starts_with(it))
                || file.contains("/rustlib/src/rust/library/");
        }
        let path = self.name.trim_start_matches(['<', '&']);
        ["std::", "core::", "alloc::", "__rust"]
            .iter()
            .any(|library| path.starts_with(library))
    }

    /// Whether this is one of the functions that capture a stack, make a failure, or raise a panic.
    ///
    /// It is looked for by its name; where there is little debug information, one that was inlined has no path in its
    /// name, but a place.
    fn makes_failures(&self) -> bool {
        let is_here = |(file, _): &(String, u32)| {
            let ours = file!().trim_end_matches("frames.rs");
            file.contains(ours) || file.replace('\\', "/").contains("/backtrace-")
        };
        makes_failures(&self.name) || self.place.as_ref().is_some_and(is_here)
    }

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
        let name = symbol.name()?;
        let place = symbol
            .filename()
            .map(|file| file.display().to_string())
            .zip(symbol.lineno());
        Some(Function::new(&format!("{name:#}"), place))
    });
    the_programs(functions)
}

/// What is left of a stack without the functions that begin every program, capture, make a failure, or raise a panic,
/// and without those of the standard library that stand between two of the program's.
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
        .take_while(|function| function.makes_failures())
        .count();
    functions.drain(..raised + made);
    // Through this, every `main` and every thread's closure is called.
    if functions
        .last()
        .is_some_and(|outermost| calls_a_closure(&outermost.name))
    {
        functions.pop();
    }
    functions.retain(|function| !function.is_the_standard_librarys());
    functions
}

/// A name without the parameters of its last part: those of a function that was inlined are long, and say little.
fn without_parameters(name: &str) -> &str {
    let mut open = 0;
    for (at, letter) in name.char_indices().rev() {
        match letter {
            // The arrow of a function's type closes nothing.
            '>' if !name[..at].ends_with('-') => open += 1,
            '<' => open -= 1,
            _ if open == 0 => break,
            _ => {}
        }
        if open == 0 && at > 0 {
            return name[..at].trim_end_matches("::");
        }
    }
    name
}

fn calls_a_closure(function: &str) -> bool {
    function.contains("core::ops::function::FnOnce") && function.contains("call_once")
}

/// Whether this is the name of a function that captures a stack, makes a failure, or raises a panic.
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
    use super::{Function, makes_failures, without_parameters};

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
    #[test]
    fn a_function_of_the_standard_library_is_known_by_its_place_or_by_its_name() {
        let source = "/rustc/1a2b3c/library/std/src/panic.rs";
        let installed = "/home/poet/.rustup/toolchains/stable/lib/rustlib/src/rust/library/core/src/ops/function.rs";
        let own = "/home/poet/poem/src/main.rs";

        for (name, file) in [
            ("catch_unwind", Some(source)),
            (
                "<F as core::ops::function::FnOnce<A>>::call_once",
                Some(installed),
            ),
            ("__rust_try", None),
            (
                "<alloc::boxed::Box<F> as core::ops::function::FnOnce<A>>::call_once",
                None,
            ),
        ] {
            assert!(function(name, file).is_the_standard_librarys(), "{name}");
        }
        for (name, file) in [
            ("poem::recite", None),
            (
                "<core::option::Option<T> as poem::Verse>::recite",
                Some(own),
            ),
        ] {
            assert!(!function(name, file).is_the_standard_librarys(), "{name}");
        }
    }

    #[test]
    fn a_name_is_shown_without_the_parameters_at_its_end() {
        for (name, shown) in [
            ("poem::recite", "poem::recite"),
            ("recite<(), poem::main::{closure_env#0}>", "recite"),
            (
                "poem::recite::<fn(u8) -> core::option::Option<u8>>",
                "poem::recite",
            ),
            ("<poem::Poem<T>>::recite::<T>", "<poem::Poem<T>>::recite"),
            (
                "<poem::Poem as poem::Verse>::recite",
                "<poem::Poem as poem::Verse>::recite",
            ),
            (
                "poem::Poem<T>::recite::{{closure}}",
                "poem::Poem<T>::recite::{{closure}}",
            ),
            ("<impl poem::Poem>", "<impl poem::Poem>"),
            ("", ""),
        ] {
            assert_eq!(without_parameters(name), shown);
        }
    }

    #[test]
    fn a_function_that_was_inlined_makes_failures_if_its_place_is_here_or_in_what_captures() {
        let captures = "/home/poet/.cargo/registry/src/backtrace-0.3.77/src/capture.rs";
        let own = "/home/poet/poem/src/capture.rs";

        assert!(function("create", Some(captures)).makes_failures());
        assert!(function("new", Some(file!())).makes_failures());
        assert!(!function("new", Some(own)).makes_failures());
        assert!(!function("new", None).makes_failures());
    }

    fn function(name: &str, file: Option<&str>) -> Function {
        Function::new(name, file.map(|file| (file.to_owned(), 1)))
    }
}
