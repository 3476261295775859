//! Part 19 of the tutorial: a poem that is cancelled, and not sent.
//!
//! ```sh
//! cargo run --bin defer-cancel-11
//! ```
//!
//! The poem is cancelled after two seconds, and the program ends after ten.
//! `--second 0.1` is for those who cannot wait.
//!
//! What to notice: now `get_poem` has a canceller, which cancels the delayed call. "Sending poem" does not come. The
//! canceller is made before the call is, as the call gets the firer; so the two share a place for it.

use std::cell::OnceCell;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use clap::Parser;
use examples::{BackendOption, cli};
use protocols::deferred::{Deferred, Failure, Firer};
use protocols::reactor::{DelayedCall, Reactor};

/// Waits for a poem, but not to its end.
#[derive(Parser)]
#[command(name = "defer-cancel-11", version)]
struct Options {
    /// How long a second takes.
    #[arg(long, value_name = "SECONDS", default_value = "1")]
    #[arg(value_parser = cli::parse_delay, allow_negative_numbers = true)]
    second: Duration,

    #[command(flatten)]
    backend: BackendOption,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = options.backend.reactor();
    // Stop the reactor in ten seconds.
    reactor.call_later(10 * options.second, |reactor| reactor.stop());

    let failed = reactor.clone();
    let d = get_poem(&reactor, options.second)
        .add_callbacks(got_poem, move |err| poem_error(&failed, err));

    // Cancel after two seconds.
    reactor.call_later(2 * options.second, move |_| d.cancel());

    cli::exit_code(cli::run(&reactor), true)
}

/// Returns a poem five seconds later.
fn get_poem(reactor: &Reactor, second: Duration) -> Deferred<&'static str> {
    let delayed_call = Rc::new(OnceCell::<DelayedCall>::new());
    let to_cancel = Rc::clone(&delayed_call);
    let (firer, d) = Deferred::with_canceller(move |_firer| {
        // They don't want the poem any more, so the call is not to be made.
        if let Some(delayed_call) = to_cancel.get() {
            // It has not run, or there would be a result, and nothing to cancel.
            let _ = delayed_call.cancel();
        }
        // Now there are three choices: to do nothing, and the errback gets a `CancelledError`; to fire with another
        // error; or to fire with another result.
    });
    let _ = delayed_call.set(reactor.call_later(5 * second, move |_| send_poem(firer)));
    d
}

fn send_poem(firer: Firer<&'static str>) {
    cli::say("Sending poem");
    firer.callback("Once upon a midnight dreary");
}

fn got_poem(poem: &str) {
    cli::say(format!("I got a poem: {poem}"));
}

fn poem_error(reactor: &Reactor, err: Failure) {
    // After Ctrl-C the poem fails, which is no news.
    if reactor.is_running() {
        cli::say(format!("get_poem failed: {err}"));
    }
}
