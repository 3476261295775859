//! Part 14 of the tutorial: a Deferred that has its result before it has links.
//!
//! ```sh
//! cargo run --bin defer-11
//! ```
//!
//! It fires an empty chain and adds three callbacks; then it does the same with a chain that is paused.
//!
//! What to notice: each callback of the first chain runs while it is added. So a function that returns a
//! Deferred may have the result already, in a cache for instance, and whoever calls it need not know: the
//! callbacks run, now or later. A [`Pause`](protocols::deferred::Pause) is a guard: the chain is held until
//! it is dropped, which is when all three run. (A chain that has its result from the beginning is
//! `Deferred::succeed(0)`.)

use examples::cli;
use protocols::deferred::{Deferred, Failure};

fn main() {
    cli::no_arguments("defer-11");
    let (firer, d) = Deferred::new();

    // ANCHOR: late
    cli::say("Firing empty deferred.");
    firer.callback(0);

    cli::say("Adding first callback.");
    let d = d.add_callback(callback_1);
    cli::say("Adding second callback.");
    let d = d.add_callback(callback_2);
    cli::say("Adding third callback.");
    d.add_callback(callback_3).ignore();
    // ANCHOR_END: late

    cli::say(
        "\nEach callback ran when it was added. Now a deferred that is paused before it is fired:\n",
    );

    let (firer, d) = Deferred::new();

    cli::say("Pausing, then firing deferred.");
    let pause = d.pause();
    firer.callback(0);

    cli::say("Adding callbacks.");
    d.add_callback(callback_1)
        .add_callback(callback_2)
        .add_callback(callback_3)
        .ignore();

    cli::say("Unpausing the deferred.");
    drop(pause);
}

fn callback_1(res: u32) -> Result<u32, Failure> {
    cli::say(format!("callback_1 got {res}"));
    Ok(1)
}

fn callback_2(res: u32) -> Result<u32, Failure> {
    cli::say(format!("callback_2 got {res}"));
    Ok(2)
}

fn callback_3(res: u32) -> Result<u32, Failure> {
    cli::say(format!("callback_3 got {res}"));
    Ok(3)
}
