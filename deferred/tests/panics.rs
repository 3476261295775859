//! A panic that is caught as a failure: its message, and where it was raised.

mod util;

use std::cell::Cell;
use std::error::Error;
use std::panic::{catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use deferred::{Failure, Panicked};
use util::{in_a_child, is_a_child};

#[test]
fn a_panic_with_a_payload_that_is_no_text_is_a_failure_too() {
    let failure = Failure::catch(|| std::panic::panic_any(7_u32)).unwrap_err();

    let panicked = failure.check::<Panicked>().expect("it was a panic");
    assert_eq!(panicked.message(), "(a payload that is no text)");
    assert!(panicked.source().is_none());
}

// D-030
#[test]
fn a_panic_that_is_caught_knows_its_message_and_its_place() {
    let failure = Failure::catch(|| panic!("out of ink")).unwrap_err();
    let here = format!("{}:{}:", file!(), line!() - 1);

    let panicked = failure.check::<Panicked>().expect("it was a panic");
    let place = panicked.place().expect("the place was noted");
    assert_eq!(panicked.message(), "out of ink");
    assert!(place.starts_with(&here), "{place}");
    assert_eq!(
        panicked.to_string(),
        format!("panicked: out of ink, at {place}")
    );
}

#[test]
fn a_panic_that_this_thread_did_not_see_has_a_message_and_no_place() {
    let failure = Failure::from_panic(Box::new("out of ink"));

    let panicked = failure.check::<Panicked>().expect("it was a panic");
    assert_eq!(panicked.message(), "out of ink");
    assert_eq!(panicked.place(), None);
    assert_eq!(panicked.to_string(), "panicked: out of ink");
}

// D-030
#[test]
fn a_panic_that_was_resumed_does_not_claim_the_place_of_an_earlier_one() {
    let _ = Failure::catch(|| ());
    let _ = catch_unwind(|| panic!("first"));

    let failure = Failure::catch(|| resume_unwind(Box::new("second"))).unwrap_err();

    let panicked = failure.check::<Panicked>().expect("it was a panic");
    assert_eq!(panicked.place(), None);
}

// D-030
#[test]
fn a_panic_does_not_claim_the_place_of_one_that_was_caught_while_it_unwound() {
    struct Loud;
    impl Drop for Loud {
        fn drop(&mut self) {
            let _ = catch_unwind(|| panic!("inner"));
        }
    }

    let failure = Failure::catch(|| {
        let _loud = Loud;
        panic!("outer")
    })
    .unwrap_err();

    let panicked = failure.check::<Panicked>().expect("it was a panic");
    assert_eq!((panicked.message(), panicked.place()), ("outer", None));
}

#[test]
fn a_panic_that_is_caught_while_the_thread_ends_does_not_end_the_program() {
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            let _ = catch_unwind(|| panic!("caught"));
        }
    }
    thread_local! {
        static LATE: Cell<Option<Late>> = const { Cell::new(None) };
    }
    if !is_a_child() {
        in_a_child("a_panic_that_is_caught_while_the_thread_ends_does_not_end_the_program");
        return;
    }

    let thread = thread::spawn(|| {
        LATE.set(Some(Late));
        Failure::catch(|| panic!("first")).is_err_and(|it| it.check::<Panicked>().is_some())
    });

    assert!(thread.join().expect("it ends well"));
}

#[test]
fn noting_the_places_of_panics_leaves_the_hook_that_was_set_in_use() {
    if !is_a_child() {
        in_a_child("noting_the_places_of_panics_leaves_the_hook_that_was_set_in_use");
        return;
    }
    static SEEN: AtomicU32 = AtomicU32::new(0);
    std::panic::set_hook(Box::new(|_| {
        SEEN.fetch_add(1, Ordering::Relaxed);
    }));

    for _ in 0..2 {
        let failure = Failure::catch(|| panic!("out of ink")).unwrap_err();
        let panicked = failure.check::<Panicked>().expect("it was a panic");
        assert!(panicked.place().is_some());
    }

    assert_eq!(SEEN.load(Ordering::Relaxed), 2);
}
