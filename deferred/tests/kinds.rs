//! How failures are told from each other, and what an errback makes of them.

mod util;

use std::error::Error;
use std::future::Future;
use std::num::ParseIntError;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use deferred::testing::{failure_result_of, success_result_of};
use deferred::{Deferred, Failure, Kind};
use util::{Lost, Torn, assert_same, failure_of};

fn page_number(text: &str) -> Result<u32, Failure> {
    Ok(text.parse()?)
}

// F-014
#[test]
fn checking_against_several_types_says_which_of_them_it_is_or_none_and_changes_nothing() {
    let failure = Failure::new(Torn(3));
    let before = failure.clone();
    let kinds = [Kind::of::<Lost>(), Kind::of::<Torn>()];

    assert_eq!(failure.which(&kinds), Some(1));
    assert_eq!(failure.which(&kinds[..1]), None);
    assert_eq!(failure.which(&[]), None);

    assert_same(&failure, &before);
    assert_eq!(format!("{failure:?}"), format!("{before:?}"));
}

// F-015
#[test]
fn of_several_types_that_fit_the_first_in_the_list_is_the_answer() {
    let failure = Failure::new(Torn(3));

    let which = failure.which(&[Kind::of::<Lost>(), Kind::of::<Torn>(), Kind::of::<Torn>()]);

    assert_eq!(which, Some(1));
}

#[test]
fn finding_looks_at_the_error_first_and_then_at_what_caused_it() {
    #[derive(Debug, thiserror::Error)]
    #[error("page {page} cannot be read")]
    struct Unreadable {
        page: u32,
        #[source]
        cause: Option<Box<Self>>,
    }
    let cause = Some(Box::new(Unreadable {
        page: 2,
        cause: None,
    }));
    let failure = Failure::new(Unreadable { page: 1, cause });

    let found = failure.find::<Unreadable>().expect("it is one");

    assert_eq!(found.page, 1);
    assert!(found.cause.is_some());
}

#[test]
fn finding_goes_down_to_the_last_cause() {
    #[derive(Debug, thiserror::Error)]
    #[error("the anthology cannot be read")]
    struct Unreadable(#[source] Half);
    #[derive(Debug, thiserror::Error)]
    #[error("one half is missing")]
    struct Half(#[source] Torn);

    let failure = Failure::new(Unreadable(Half(Torn(3))));

    assert_eq!(failure.find(), Some(&Torn(3)));
    assert_eq!(failure.find::<Lost>(), None);
    assert_eq!(failure.check::<Torn>(), None);
}

#[test]
fn finding_looks_into_a_failure_that_was_boxed_as_the_cause_of_another_error() {
    #[derive(Debug, thiserror::Error)]
    #[error("the anthology cannot be read")]
    struct Unreadable(#[source] Box<dyn Error + Send + Sync>);

    let failure = Failure::new(Unreadable(Failure::new(Torn(3)).into_error()));

    assert_eq!(failure.find(), Some(&Torn(3)));
}

// F-014
#[test]
fn checking_says_whether_the_error_is_of_a_type_and_changes_nothing() {
    let failure = Failure::new(Torn(3));
    let before = failure.clone();

    assert_eq!(failure.check::<Torn>(), Some(&Torn(3)));
    assert_eq!(failure.check::<Lost>(), None);

    assert_same(&failure, &before);
    assert_eq!(format!("{failure:?}"), format!("{before:?}"));
}

// F-017
#[test]
fn trapping_the_right_type_gives_the_error_and_lets_the_errback_go_on() {
    let chain = Deferred::fail(Torn(3)).add_errback(|failure| {
        let Torn(page) = failure.trap()?;
        Ok(*page)
    });

    assert_eq!(success_result_of(chain), 3);
}

// F-018
#[test]
fn trapping_another_type_sends_the_same_failure_on_to_the_next_link() {
    let failure = Failure::new(Lost);
    let original = failure.clone();
    let chain = Deferred::fail(failure).add_errback(|failure| {
        let Torn(page) = failure.trap()?;
        Ok(*page)
    });

    assert_same(&failure_of(chain), &original);
}

// F-020
#[test]
fn an_error_raised_while_another_is_handled_is_the_one_that_the_new_failure_holds() {
    let chain = Deferred::<u32>::fail(Lost).add_errback(|_| page_number("many"));

    failure_result_of::<ParseIntError, _>(chain);
}

// F-020
#[test]
fn an_error_raised_by_an_async_block_that_handles_another_is_the_one_that_the_new_failure_holds() {
    let mut handling = pin!(async {
        match Deferred::<u32>::fail(Lost).await {
            Err(_) => page_number("many"),
            number => number,
        }
    });

    let polled = handling
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));

    let Poll::Ready(Err(failure)) = polled else {
        panic!("expected a failure, but got {polled:?}")
    };
    assert!(failure.check::<ParseIntError>().is_some());
    assert!(failure.find::<Lost>().is_none());
}
