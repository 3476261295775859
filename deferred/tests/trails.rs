//! The trail of a failure: the links that it passed.

mod util;

use deferred::{Deferred, Failure};
use util::{Lost, Shelf, assert_same, failure_of};

#[test]
fn the_trail_names_every_link_that_the_failure_passed() {
    let (firer, deferred) = Deferred::<u32>::new();
    let here = line!();
    let chain = deferred
        .add_callback(|n| Ok(n + 1))
        .map(|n| n + 1)
        .add_errback(Err)
        .add_callbacks(|n| Ok(n + 1), Err)
        .add_both(|result| result);
    firer.errback(Lost);

    let text = format!("{:#}", failure_of(chain));

    let trail: Vec<&str> = text
        .lines()
        .filter_map(|line| {
            let (kind, place) = line.trim_start().split_once(" at ")?;
            place.contains("tests/trails.rs:").then_some(kind)
        })
        .collect();
    let kinds = [
        "raised",
        "fired",
        "passed the callback added",
        "passed the callback added",
        "passed the errback added",
        "passed the callbacks added",
        "passed the both-callback added",
    ];
    assert_eq!(trail, kinds, "{text}");
    assert!(
        text.contains(&format!("tests/trails.rs:{}:", here + 2)),
        "{text}"
    );
}

#[test]
fn the_trail_names_the_link_that_returned_a_chain_which_had_failed() {
    let (firer, inner) = Deferred::<u32>::new();
    firer.errback(Lost);
    let chain = Deferred::succeed(()).add_callback(move |()| inner);

    let text = format!("{:#}", failure_of(chain));

    assert!(text.contains("passed the callback added at"), "{text}");
}

#[test]
fn the_trail_of_a_long_way_shows_its_first_and_last_links_and_how_many_are_between() {
    let mut chain = Deferred::<u32>::fail(Lost);
    for _ in 0..1_000 {
        chain = chain.map(|n| n);
    }

    let text = format!("{:#}", failure_of(chain));

    assert!(text.contains("… 968 links more …"), "{text}");
    assert_eq!(text.matches("passed the callback").count(), 32);
}

#[test]
fn a_failure_that_the_crate_makes_itself_claims_no_line_of_the_crate() {
    let (firer, abandoned) = Deferred::<u32>::new();
    let (_firer, cancelled) = Deferred::<u32>::new();
    let panicked = Deferred::succeed(1).map(|_: u32| -> u32 { panic!("out of ink") });
    drop(firer);
    cancelled.cancel();

    for chain in [abandoned, cancelled, panicked] {
        let text = format!("{:#}", failure_of(chain));

        // The frames of a backtrace, `file:line in function`, are no claims.
        let mut claims = text.lines().filter(|line| line.contains(" at "));
        assert!(!claims.any(|line| line.contains("deferred/src/")), "{text}");
    }
}

#[test]
fn a_clone_of_a_failure_goes_a_way_of_its_own() {
    let failure = Failure::new(Lost);
    let kept = failure.clone();
    let shelf = Shelf::empty();
    let seen = shelf.clone();
    drop(
        Deferred::<u32>::fail(failure)
            .map(|n| n)
            .add_errback(move |failure| {
                seen.put(failure);
                Ok(0)
            }),
    );

    let travelled = shelf.take();

    assert_same(&travelled, &kept);
    assert!(format!("{travelled:#}").contains("passed the callback"));
    assert!(!format!("{kept:#}").contains("passed the callback"));
}
