//! How a program reads its arguments, runs its reactor, prints a line, and gives up.
//!
//! All programs keep one convention: what goes wrong because of how a program was called is told in
//! one line on standard error, and the program ends with the exit code 2.
//!
//! ```text
//! slowpoetry: invalid value 'abc' for '--port <N>'; a port is a number from 0 to 65535 (try --help)
//! ```

use std::env;
use std::error::Error;
use std::fmt::Display;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{self, ExitCode};
use std::time::Duration;

use clap::Command;
use protocols::reactor::{Reactor, Stopped, backend};

use crate::{Program, report};

/// Parses the command line, or ends the program.
///
/// `--help` and `--version` print what they should and end with the exit code 0. Anything else
/// that `clap` objects to ends by [`die`], with what was wrong, a semicolon, and what is right: the
/// message of the value's parser if there is one, else `clap`'s tip, else the usage.
pub fn parse<P: clap::Parser>() -> P {
    P::try_parse()
        .unwrap_or_else(|error| end_with(&error, &P::command().render_usage().to_string()))
}

/// Looks whether the command line of a program that takes no arguments has none, or ends the program, as
/// [`parse`] does.
///
/// What `--help` says of the program is its line in the list of all programs.
pub fn no_arguments(name: &'static str) {
    let mut command = Command::new(name).version(env!("CARGO_PKG_VERSION"));
    if let Some(program) = Program::named(name) {
        let (first, rest) = program.shows.split_at(1);
        command = command.about(first.to_uppercase() + rest);
    }
    if let Err(error) = command.try_get_matches_from_mut(env::args_os()) {
        end_with(&error, &command.render_usage().to_string());
    }
}

/// Ends the program with what `clap` has to say: by [`die`], unless that is what was asked for.
fn end_with(error: &clap::Error, usage: &str) -> ! {
    if error.use_stderr() {
        die(format!("{} (try --help)", in_one_line(error, usage)));
    }
    error.exit()
}

/// Makes a reactor on the backend of this name, else on the one that the environment or the system
/// chooses; or ends the program.
pub fn reactor(backend: Option<&str>) -> Reactor {
    let reactor = match backend {
        Some(name) => backend::from_name(name).and_then(Reactor::with_backend),
        None => Reactor::new(),
    };
    reactor.unwrap_or_else(|error| die(report::with_causes(&error)))
}

/// Runs the reactor and says why it stopped; or ends the program.
pub fn run(reactor: &Reactor) -> Stopped {
    reactor
        .run()
        .unwrap_or_else(|error| die(report::with_causes(&error)))
}

/// The code with which a program ends after a run: 0 if `all_went_well`, else 1, and 128 and the signal's
/// number after a signal.
pub fn exit_code(stopped: Stopped, all_went_well: bool) -> ExitCode {
    match stopped {
        Stopped::Signal(signal) => ExitCode::from(u8::try_from(128 + signal).unwrap_or(1)),
        _ if all_went_well => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Parses a time for which one waits, in seconds.
///
/// # Errors
///
/// What is right, if the text is not that. The upper end is a day: longer ones are slips of the hand.
pub fn parse_patience(text: &str) -> Result<Duration, &'static str> {
    match text.parse() {
        // A time that is rounded to nothing is none.
        Ok(seconds) if (1e-9..=86400.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("a time to wait is a number of seconds above 0, up to 86400"),
    }
}

/// Parses a port to listen on.
///
/// # Errors
///
/// What is right, if the text is not that.
pub fn parse_port(text: &str) -> Result<u16, &'static str> {
    text.parse()
        .map_err(|_| "a port is a number from 0 to 65535")
}

/// Parses the delay between two pieces, in seconds, up to a day.
///
/// # Errors
///
/// What is right, if the text is not that.
pub fn parse_delay(text: &str) -> Result<Duration, &'static str> {
    match text.parse() {
        // Neither an infinity nor a NaN lies between two numbers.
        Ok(seconds) if (0.0..=86400.0).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err("a delay is a number of seconds from 0 to 86400"),
    }
}

/// Parses the size of a piece.
///
/// # Errors
///
/// What is right, if the text is not that.
pub fn parse_num_bytes(text: &str) -> Result<NonZeroUsize, &'static str> {
    text.parse()
        .map_err(|_| "a piece is a whole number of bytes from 1 up")
}

/// Reads a poem, which may be any file; or ends the program.
pub fn read_poem(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| {
        die(format!(
            "cannot read {path:?}: {error}; a poem is a file that you may read"
        ))
    })
}

/// Prints a line on standard output at once, or ends the program.
///
/// It ends quietly when no one reads the output any more, as in `slowpoetry poem.txt | head -1`,
/// where `println!` would panic.
pub fn say(line: impl Display) {
    print(format!("{line}\n").as_bytes());
}

/// Prints bytes on standard output at once, or ends the program, as [`say`] does.
pub fn print(bytes: &[u8]) {
    let mut output = io::stdout().lock();
    match output.write_all(bytes).and_then(|()| output.flush()) {
        Ok(()) => {}
        Err(error) if error.kind() == ErrorKind::BrokenPipe => process::exit(0),
        Err(error) => die(format!("cannot write to standard output: {error}")),
    }
}

/// Prints a line on standard error, if anyone reads it.
pub fn note(line: impl Display) {
    let _ = writeln!(io::stderr(), "{line}");
}

/// Prints `program: message` on standard error and ends the program with the exit code 2.
pub fn die(message: impl Display) -> ! {
    note(format!("{}: {message}", program()));
    process::exit(2)
}

/// Prints a line on standard error and ends the program with the exit code 1: it was called as it should
/// be, and could not do what it was called for.
pub fn give_up(line: impl Display) -> ! {
    note(line);
    process::exit(1)
}

/// The program's name as it was called, without its folder and the `.exe` that some systems add.
fn program() -> String {
    let called = env::args_os().next().unwrap_or_default();
    let name = Path::new(&called).file_stem().unwrap_or(&called);
    name.to_string_lossy().into_owned()
}

/// Makes one line of an error that `clap` prints in several paragraphs: first what was wrong, with
/// the parser's message at its end, then perhaps a tip, then the usage.
fn in_one_line(error: &clap::Error, usage: &str) -> String {
    let text = error.render().to_string();
    let text = text.strip_prefix("error: ").unwrap_or(&text);

    let (wrong, right) = if let Some(source) = error.source() {
        let message = source.to_string();
        let end = text.find(&format!(": {message}")).unwrap_or(text.len());
        (&text[..end], message)
    } else {
        let (first, rest) = text.split_once("\n\n").unwrap_or((text, ""));
        let second = rest.split("\n\n").next().unwrap_or_default();
        let tip = second.trim_start().strip_prefix("tip: ");
        (first, tip.unwrap_or(usage).to_owned())
    };
    format!("{}; {}", joined(wrong), joined(&right))
}

/// Puts the words of several lines into one.
fn joined(lines: &str) -> String {
    lines.split_whitespace().collect::<Vec<_>>().join(" ")
}
