//! Several chains at once: the program of the book's chapter of that name.
//!
//! ```sh
//! cargo run -p docs --bin many
//! ```

use std::process::ExitCode;
use std::time::Duration;

use protocols::deferred::{Deferred, DeferredList, Failure, first_success, gather, race};
use protocols::reactor::Reactor;
use protocols::reactor::task::{self, react};

// ANCHOR: poet
/// A poet who needs so long, and fails if there is nothing to say.
fn poet(reactor: &Reactor, millis: u64, verse: &'static str) -> Deferred<&'static str> {
    task::defer_later(
        reactor,
        Duration::from_millis(millis),
        move || match verse {
            "" => Err(Failure::msg("nothing rhymes")),
            _ => Ok(verse),
        },
    )
}
// ANCHOR_END: poet

fn main() -> ExitCode {
    react(|reactor| {
        let (all, each, first, one) = (
            reactor.clone(),
            reactor.clone(),
            reactor.clone(),
            reactor.clone(),
        );
        all_of_them(&all)
            .add_callback(move |()| each_of_them(&each))
            .add_callback(move |()| the_first(&first))
            .add_callback(move |()| the_first_alone(&one))
    })
}

// ANCHOR: all
fn all_of_them(reactor: &Reactor) -> Deferred<()> {
    let poets = [poet(reactor, 20, "slow"), poet(reactor, 5, "quick")];
    gather(poets).map(|verses| println!("all: {}", verses.join(", ")))
}
// ANCHOR_END: all

// ANCHOR: each
fn each_of_them(reactor: &Reactor) -> Deferred<()> {
    let poets = [poet(reactor, 10, "a verse"), poet(reactor, 5, "")];
    DeferredList::new(poets).entries().map(|entries| {
        for entry in entries {
            match entry {
                Ok(verse) => println!("each: {verse}"),
                Err(failure) => println!("each: failed: {}", failure.error()),
            }
        }
    })
}
// ANCHOR_END: each

// ANCHOR: first
fn the_first(reactor: &Reactor) -> Deferred<()> {
    let poets = [poet(reactor, 5, ""), poet(reactor, 10, "in time")];
    first_success(poets).map(|(poet, verse)| println!("first: poet {poet}, {verse}"))
}

fn the_first_alone(reactor: &Reactor) -> Deferred<()> {
    let late = poet(reactor, 60_000, "much later")
        .add_both(|result| {
            println!(
                "race: the other one was told: {}",
                result.unwrap_err().error()
            )
        })
        .map(|()| "never used");
    race([late, poet(reactor, 5, "at once")])
        .map(|(poet, verse)| println!("race: poet {poet}, {verse}"))
}
// ANCHOR_END: first
