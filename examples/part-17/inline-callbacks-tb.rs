//! Part 17 of the tutorial: who calls a function that waits.
//!
//! ```sh
//! cargo run --bin inline-callbacks-tb
//! ```
//!
//! Two stacks, the outermost function first: one from before the function has waited, one from after.
//!
//! What to notice: in the first, the function stands below whoever has spawned it, and `call_when_running`
//! waits for it to return, as in any call. At the `.await` it does return. In the second, the loop has called
//! it again, to go on from there, and `main` knows nothing of it: a piece of an `async` function is
//! a callback like any other. It must not block.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use examples::{BackendOption, cli, stack};
use protocols::deferred::Failure;
use protocols::reactor::Reactor;

/// Prints the stack of a function before and after it has waited.
#[derive(Parser)]
#[command(name = "inline-callbacks-tb", version)]
struct Options {
    #[command(flatten)]
    backend: BackendOption,
}

fn main() -> ExitCode {
    let options: Options = cli::parse();
    let reactor = options.backend.reactor();

    reactor.call_when_running(|reactor| {
        reactor.spawn(my_callbacks(reactor.clone())).ignore();
    });

    cli::exit_code(cli::run(&reactor), true)
}

async fn my_callbacks(reactor: Reactor) -> Result<(), Failure> {
    cli::say("Before it has waited:");
    cli::say(stack());

    reactor.sleep(Duration::ZERO).await?;

    cli::say("After it has waited:");
    cli::say(stack());
    Ok(reactor.stop()?)
}
