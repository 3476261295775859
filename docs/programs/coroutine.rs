//! One piece of work, written as a chain and as a coroutine: the program of the book's chapter on `async`.
//!
//! ```sh
//! cargo run -p docs --bin coroutine
//! ```

use std::process::ExitCode;
use std::time::Duration;

use protocols::deferred::{Deferred, Failure};
use protocols::reactor::Reactor;
use protocols::reactor::task::{self, react};

fn main() -> ExitCode {
    react(|reactor| {
        let (async_reactor, last_reactor) = (reactor.clone(), reactor.clone());
        as_a_chain(reactor)
            .map(|poem| println!("chain: {poem}"))
            .add_callback(move |()| as_a_coroutine(&async_reactor))
            .map(|poem| println!("coroutine: {poem}"))
            .add_callback(move |()| at_once(&last_reactor))
            .map(|poems| println!("at once: {} and {}", poems.0, poems.1))
    })
}

/// Gets a poem, which takes a moment.
fn get_poetry(reactor: &Reactor, title: &'static str) -> Deferred<String> {
    task::defer_later(reactor, Duration::from_millis(5), move || match title {
        "rain" => Err(Failure::msg("the rain was called off")),
        _ => Ok(format!("a poem on the {title}")),
    })
}

// ANCHOR: chain
fn as_a_chain(reactor: &Reactor) -> Deferred<String> {
    let again = reactor.clone();
    get_poetry(reactor, "rain")
        .add_errback(move |_failure| get_poetry(&again, "river"))
        .map(|poem| poem.to_uppercase())
}
// ANCHOR_END: chain

// ANCHOR: coroutine
fn as_a_coroutine(reactor: &Reactor) -> Deferred<String> {
    let clone = reactor.clone();
    reactor.spawn(async move {
        let poem = match get_poetry(&clone, "rain").await {
            Ok(poem) => poem,
            Err(_failure) => get_poetry(&clone, "river").await?,
        };
        Ok(poem.to_uppercase())
    })
}
// ANCHOR_END: coroutine

// ANCHOR: at-once
fn at_once(reactor: &Reactor) -> Deferred<(String, String)> {
    let clone = reactor.clone();
    reactor.spawn(async move {
        // Both are under way from here on: a Deferred does not wait to be awaited.
        let (river, lamp) = (get_poetry(&clone, "river"), get_poetry(&clone, "lamp"));
        Ok((river.await?, lamp.await?))
    })
}
// ANCHOR_END: at-once
