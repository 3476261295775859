//! Part 7 of the tutorial: a Deferred that is to be fired twice, both times with a result.
//!
//! ```sh
//! cargo run --bin defer-4
//! ```
//!
//! It prints the first result; then that nobody can fire any more.
//!
//! What to notice: in the tutorial, the second `d.callback` raises `AlreadyCalledError` when the program runs.
//! Here that line cannot be written: the first call has taken the firer, and `firer.callback` after it is a
//! "use of moved value" ([`fired_twice`](examples::fired_twice) has the lines, and a test that they do not
//! compile). Where two parts of a program may both want to fire, an `Option` says so, as it does in
//! client 4.0: whoever comes first takes the firer, and the other one finds that there is none.

use examples::cli;
use protocols::deferred::{Deferred, Failure, Firer};

fn main() {
    cli::no_arguments("defer-4");
    let (firer, d) = Deferred::new();
    d.add_callbacks(got_result, got_error).ignore();

    let mut firer = Some(firer);
    fire(&mut firer, Ok("First result"));
    fire(&mut firer, Ok("Second result"));

    cli::say("Finished");
}

// ANCHOR: once
/// Fires, if nobody has.
fn fire(firer: &mut Option<Firer<&'static str>>, result: Result<&'static str, Failure>) {
    if let Some(firer) = firer.take() {
        firer.fire(result);
    } else {
        cli::say("The firer is used up.");
    }
}
// ANCHOR_END: once

fn got_result(result: &str) {
    cli::say(result);
}

fn got_error(failure: Failure) {
    cli::say(failure.error());
}
