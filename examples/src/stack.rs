//! The stack of the program, as one prints it to see who has called whom.

use std::backtrace::Backtrace;

/// The functions that are under way, the outermost first: for each, a line with the place in it that has
/// called the next one.
///
/// It begins with `main`. What the standard library has in between is left out. Without debug information,
/// as in a release build, places are not known, and functions that the compiler has merged are missing.
///
/// *Python's `traceback.print_stack`.*
pub fn stack() -> String {
    let captured = Backtrace::force_capture().to_string();
    let mut functions: Vec<_> = functions(&captured)
        .take_while(|(name, _)| !name.contains("__rust_begin_short_backtrace"))
        .filter(|(name, place)| !is_of_the_standard_library(name, *place))
        .map(|(name, place)| (without_parameters(name), place))
        .filter(|(name, _)| *name != "examples::stack::stack")
        .map(|(name, place)| match place {
            Some(place) => format!("  {place} in {name}"),
            None => format!("  {name}"),
        })
        .collect();
    functions.reverse();
    functions.join("\n")
}

/// The name and the place of each function in a backtrace as the standard library prints it:
///
/// ```text
///    3: name::of::the::function
///              at ./folder/file.rs:43:14
/// ```
fn functions(captured: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut lines = captured.lines().map(str::trim).peekable();
    std::iter::from_fn(move || {
        let (_number, name) = lines.next()?.split_once(": ")?;
        let place = lines.next_if(|line| line.starts_with("at "));
        Some((name, place.and_then(|line| line.strip_prefix("at "))))
    })
}

/// Whether a function is of the standard library, which its place tells, and else its name: that is its own, or one
/// of its methods' for a type of whomever's.
fn is_of_the_standard_library(name: &str, place: Option<&str>) -> bool {
    if let Some(place) = place {
        return place.starts_with("/rustc/") || place.contains("/rustlib/src/rust/library/");
    }
    let path = name.trim_start_matches(['<', '&']);
    let path = path.strip_prefix("dyn ").unwrap_or(path);
    ["std::", "core::", "alloc::", "__rust"]
        .iter()
        .any(|library| path.starts_with(library))
}

/// A name up to the parameters that a function which was inlined may have at its end.
fn without_parameters(name: &str) -> &str {
    match name.split_once('<') {
        Some((function, _)) if !function.is_empty() && name.ends_with('>') => {
            function.trim_end_matches("::")
        }
        _ => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stack_begins_far_outside_and_ends_with_who_asks_for_it() {
        fn inner() -> String {
            stack()
        }

        let stack = inner();

        let last = stack.lines().last().unwrap();
        assert!(last.starts_with("  "), "{stack}");
        assert!(last.contains("stack.rs:"), "{stack}");
        assert!(!stack.contains("in core::"), "{stack}");
    }

    #[test]
    fn functions_have_a_place_or_none() {
        let captured = "   0: one::two\n             at ./a.rs:1:2\n   1: <A as b::C>::d\n";

        let all: Vec<_> = functions(captured).collect();

        assert_eq!(
            all,
            [("one::two", Some("./a.rs:1:2")), ("<A as b::C>::d", None)]
        );
    }

    #[test]
    fn methods_of_the_standard_librarys_types_are_its_own() {
        for own in [
            "core::ops::f",
            "<alloc::boxed::Box<F,A> as X>::y",
            "__rust_try",
            "<&dyn core::ops::Fn>::z",
        ] {
            assert!(is_of_the_standard_library(own, None), "{own}");
        }
        for other in [
            "stack::stack",
            "<reactor::events::Firing as reactor::jobs::Job>::run",
        ] {
            assert!(!is_of_the_standard_library(other, None), "{other}");
        }
    }

    #[test]
    fn a_place_tells_more_than_a_name() {
        let source = Some("/rustc/1a2b3c/library/std/src/panic.rs:359:14");
        let own = Some("./part-05/client-2-stack.rs:74:14");

        assert!(is_of_the_standard_library("catch_unwind<F, ()>", source));
        assert!(!is_of_the_standard_library("<core::X as poem::Y>::z", own));
    }

    #[test]
    fn a_name_is_shown_without_parameters_at_its_end() {
        for (name, shown) in [
            ("catch<(), client::main::{closure_env#0}>", "catch"),
            ("poem::get::<poem::Poem>", "poem::get"),
            ("poem::Poem<T>::get", "poem::Poem<T>::get"),
            (
                "<poem::Poem as poem::Verse>::get",
                "<poem::Poem as poem::Verse>::get",
            ),
        ] {
            assert_eq!(without_parameters(name), shown);
        }
    }
}
