//! Part 13 of the tutorial: a callback that returns a Deferred.
//!
//! ```sh
//! cargo run --bin defer-10
//! ```
//!
//! It runs a chain of three callbacks twice. The second time, the one in the middle returns a Deferred, and the
//! third one runs when that has fired.
//!
//! What to notice: the outer chain stops after `callback_2`, and `firer.callback(0)` returns. Nothing waits in
//! a thread; what is left of the chain hangs on the inner Deferred, and runs inside the call that fires that.
//! The tutorial keeps the inner Deferred in a global variable, to fire it from outside. Here the callback is
//! given the Deferred and returns it, and `main` keeps its firer; the two ends can be in two places.

use examples::cli;
use protocols::deferred::{Deferred, Failure};

fn main() {
    cli::no_arguments("defer-10");
    cli::say("Three callbacks that print what they get, and return a number:\n");

    let (firer, d) = Deferred::new();
    d.add_callback(callback_1)
        .add_callback(callback_2)
        .add_callback(callback_3)
        .ignore();
    firer.callback(0);

    cli::say("\nThe same, but the second one returns a Deferred:\n");

    // ANCHOR: wait
    let (firer_2, deferred_2) = Deferred::new();
    let (firer, d) = Deferred::new();
    d.add_callback(callback_1)
        .add_callback(move |res| callback_2_async(res, deferred_2))
        .add_callback(callback_3)
        .ignore();
    firer.callback(0);

    cli::say("\nThe third one has not run: the outer Deferred waits for the inner one.");
    cli::say("Now the inner one is fired:\n");

    firer_2.callback(2);
    // ANCHOR_END: wait
}

fn callback_1(res: u32) -> Result<u32, Failure> {
    cli::say(format!("callback_1 got {res}"));
    Ok(1)
}

fn callback_2(res: u32) -> Result<u32, Failure> {
    cli::say(format!("callback_2 got {res}"));
    Ok(2)
}

fn callback_2_async(res: u32, deferred_2: Deferred<u32>) -> Deferred<u32> {
    cli::say(format!("callback_2 got {res}"));
    deferred_2
}

fn callback_3(res: u32) -> Result<u32, Failure> {
    cli::say(format!("callback_3 got {res}"));
    Ok(3)
}
