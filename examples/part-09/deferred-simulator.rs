//! Part 9 of the tutorial: a simulator of Deferreds, which draws the way of a result through a chain.
//!
//! ```sh
//! cargo run --bin deferred-simulator
//! ```
//!
//! It asks for the pairs of a chain, a line a pair; an empty line ends them. Then it draws the chain, what
//! happens when it is fired with a value, and what happens when it is fired with a failure. The three stand
//! side by side and take 126 columns; `--narrow` puts them one below the other. Pairs to begin with:
//!
//! ```text
//! r good f bad
//! f googly p
//! p r back
//! ```
//!
//! What to notice: in each row, one of the two runs. On which side the result leaves it does not depend on
//! the side where it came in: a callback that fails sends it over to the errbacks, an errback that returns
//! sends it back. The drawing is made from what links of a real Deferred have noted as they ran.

use std::cell::RefCell;
use std::io::{self, BufRead};
use std::rc::Rc;

use clap::Parser;
use examples::cli;
use protocols::deferred::{Deferred, Failure};

/// Draws how the callbacks and errbacks of a Deferred are fired.
#[derive(Parser)]
#[command(name = "deferred-simulator", version)]
struct Options {
    /// Draw the three chains one below the other.
    #[arg(long)]
    narrow: bool,
}

const INTRODUCTION: &str = "\
Enter the pairs of a chain, a line a pair, the callback first:

  CALLBACK ERRBACK

Each of the two is one of these, of which the first letter will do:

  return VALUE    it returns the value
  fail VALUE      it fails, with the value as the message
  passthru        it returns what it was given

A value has up to 6 letters and digits. For example:

  r good f bad    the callback returns good, the errback fails with bad
  f googly p      the callback fails with googly, the errback passes its failure on

An empty line ends the chain. In the drawing, a value with a star is a failure.
";

fn main() {
    let options: Options = cli::parse();
    cli::say(INTRODUCTION);
    let Some(pairs) = read_pairs() else { return };

    let chain = chain(&pairs);
    let callback = fired("firer.callback(initial)", &pairs, Ok("initial".to_owned()));
    let errback = fired(
        "firer.errback(initial*)",
        &pairs,
        Err(Failure::msg("initial")),
    );
    if options.narrow {
        for drawing in [chain, callback, errback] {
            drawing.iter().for_each(|row| cli::say(row.trim_end()));
            cli::say("");
        }
    } else {
        for (row, (callback, errback)) in callback.iter().zip(&errback).enumerate() {
            let chain = chain.get(row).map_or("", String::as_str);
            let row = format!("{chain:DRAWING$}   │   {callback:DRAWING$}   │   {errback}");
            cli::say(row.trim_end());
        }
    }
}

/// A callback and the errback at its side.
struct Pair {
    callback: Act,
    errback: Act,
}

/// What a callback or an errback does.
#[derive(Clone)]
enum Act {
    Return(String),
    Fail(String),
    Passthru,
}

impl Act {
    fn run(self, result: Result<String, Failure>) -> Result<String, Failure> {
        match self {
            Self::Return(value) => Ok(value),
            Self::Fail(value) => Err(Failure::msg(value)),
            Self::Passthru => result,
        }
    }

    fn caption(&self) -> String {
        match self {
            Self::Return(value) => format!("return {value}"),
            Self::Fail(value) => format!("fail {value}"),
            Self::Passthru => "passthru".to_owned(),
        }
    }
}

/// Reads pairs up to an empty line or the end of the input; `None` if that ends before the first pair.
fn read_pairs() -> Option<Vec<Pair>> {
    let mut pairs = Vec::new();
    for line in io::stdin().lock().lines() {
        let line = line.unwrap_or_else(|error| cli::die(format!("cannot read a pair: {error}")));
        match line.trim() {
            "" if pairs.is_empty() => cli::note("ERROR: there must be a pair at least"),
            "" => break,
            pair => match parse_pair(pair) {
                Ok(pair) => pairs.push(pair),
                Err(error) => cli::note(format!("ERROR: {error}")),
            },
        }
    }
    (!pairs.is_empty()).then_some(pairs)
}

/// Why a line is no pair.
#[derive(Debug, thiserror::Error)]
enum BadInput {
    #[error("a pair is a callback and an errback, as in: r good f bad")]
    MissingCommand,
    #[error("{0:?} is none of: return, fail, passthru")]
    BadCommand(String),
    #[error("a value is missing after {0:?}")]
    MissingValue(String),
    #[error("{0:?} is no value: it has up to 6 letters and digits")]
    BadValue(String),
    #[error("{0:?} is more than a pair")]
    TooMuch(String),
}

fn parse_pair(line: &str) -> Result<Pair, BadInput> {
    let mut words = line.split_whitespace();
    let pair = Pair {
        callback: parse_act(&mut words)?,
        errback: parse_act(&mut words)?,
    };
    match words.next() {
        None => Ok(pair),
        Some(word) => Err(BadInput::TooMuch(word.to_owned())),
    }
}

fn parse_act<'a>(words: &mut impl Iterator<Item = &'a str>) -> Result<Act, BadInput> {
    let command = words.next().ok_or(BadInput::MissingCommand)?.to_lowercase();
    let is = |name: &str| name.starts_with(&command);
    let mut value = || match words.next() {
        None => Err(BadInput::MissingValue(command.clone())),
        Some(word) if word.len() <= 6 && word.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            Ok(word.to_owned())
        }
        Some(word) => Err(BadInput::BadValue(word.to_owned())),
    };
    if is("return") {
        value().map(Act::Return)
    } else if is("fail") {
        value().map(Act::Fail)
    } else if is("passthru") {
        Ok(Act::Passthru)
    } else {
        Err(BadInput::BadCommand(command))
    }
}

/// What a callback or errback noted when it ran: what it was given, and what it returned.
struct Step {
    given: Shown,
    returned: Shown,
}

/// A result as it is drawn, and the side on which it goes on.
struct Shown {
    side: Side,
    text: String,
}

#[derive(Clone, Copy)]
enum Side {
    Callbacks,
    Errbacks,
}

impl Shown {
    fn of(result: &Result<String, Failure>) -> Self {
        match result {
            Ok(value) => Self {
                side: Side::Callbacks,
                text: value.clone(),
            },
            Err(failure) => Self {
                side: Side::Errbacks,
                text: format!("{}*", failure.error()),
            },
        }
    }
}

/// Fires a Deferred with these pairs, and returns what happened.
fn simulate(pairs: &[Pair], initial: Result<String, Failure>) -> Vec<Step> {
    let steps = Rc::new(RefCell::new(Vec::new()));
    let (firer, mut d) = Deferred::new();
    for pair in pairs {
        let callback = noting(&pair.callback, &steps);
        let errback = noting(&pair.errback, &steps);
        d = d.add_callbacks(
            move |value| callback(Ok(value)),
            move |failure| errback(Err(failure)),
        );
    }
    d.ignore();

    firer.fire(initial);
    steps.take()
}

/// A link that does this, and notes it.
fn noting(
    act: &Act,
    steps: &Rc<RefCell<Vec<Step>>>,
) -> impl FnOnce(Result<String, Failure>) -> Result<String, Failure> + 'static {
    let (act, steps) = (act.clone(), Rc::clone(steps));
    move |result| {
        let given = Shown::of(&result);
        let result = act.run(result);
        let returned = Shown::of(&result);
        steps.borrow_mut().push(Step { given, returned });
        result
    }
}

/// The width of a box: `return`, a value and a star fit into it, with a margin.
const BOX: usize = 18;
/// The width of a drawing: two boxes, and a gap of two between them.
const DRAWING: usize = 2 * BOX + 2;
/// The column in the middle of a box.
const MIDDLE: usize = (BOX - 1) / 2;

/// Draws all pairs, each at the height at which it will be run.
fn chain(pairs: &[Pair]) -> Vec<String> {
    let mut rows = titled("Deferred");
    // As much as the initial value takes, without the arrow.
    rows.push(String::new());
    for Pair { callback, errback } in pairs {
        rows.extend([const { String::new() }; 3]);
        let left = boxed(["", &callback.caption(), ""]);
        let right = boxed(["", &errback.caption(), ""]);
        rows.extend(
            left.iter()
                .zip(&right)
                .map(|(left, right)| format!("{left}  {right}")),
        );
    }
    rows
}

/// Fires the chain, and draws the way of the result through it.
fn fired(title: &str, pairs: &[Pair], initial: Result<String, Failure>) -> Vec<String> {
    let mut rows = titled(title);
    let mut last = Shown::of(&initial);
    rows.push(last.side.put(&centred(&last.text)));
    rows.extend(arrow(last.side, last.side));
    for Step { given, returned } in simulate(pairs, initial) {
        let ran = boxed([&given.text, "", &returned.text]);
        rows.extend(ran.iter().map(|row| given.side.put(row)));
        rows.extend(arrow(given.side, returned.side));
        last = returned;
    }
    rows.push(last.side.put(&centred(&last.text)));
    rows
}

fn titled(title: &str) -> Vec<String> {
    let line = "─".repeat(title.len());
    vec![
        format!("{title:^DRAWING$}"),
        format!("{line:^DRAWING$}"),
        String::new(),
    ]
}

fn centred(text: &str) -> String {
    format!("{text:^BOX$}")
}

fn boxed(texts: [&str; 3]) -> [String; 5] {
    const INNER: usize = BOX - 2;
    let line = "─".repeat(INNER);
    let [first, second, third] = texts.map(|text| format!("│{text:^INNER$}│"));
    [
        format!("┌{line}┐"),
        first,
        second,
        third,
        format!("└{line}┘"),
    ]
}

/// Draws the way from a box on one side to the next one on the same or the other.
fn arrow(from: Side, to: Side) -> [String; 3] {
    let (left, line) = (" ".repeat(MIDDLE), "─".repeat(BOX + 1));
    let across = match (from, to) {
        (Side::Callbacks, Side::Errbacks) => format!("{left}└{line}┐"),
        (Side::Errbacks, Side::Callbacks) => format!("{left}┌{line}┘"),
        _ => to.put(&centred("│")),
    };
    [from.put(&centred("│")), across, to.put(&centred("▼"))]
}

impl Side {
    /// Puts something as wide as a box on this side.
    fn put(self, text: &str) -> String {
        match self {
            Self::Callbacks => text.to_owned(),
            Self::Errbacks => format!("{:BOX$}  {text}", ""),
        }
    }
}
