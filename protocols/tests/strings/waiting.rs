//! String receivers that are paused, resumed, stopped and ended.

use std::cell::RefCell;
use std::rc::Rc;

use protocols::strings::{Counted, Netstring, StringFraming, StringReceiver, Strings};

use crate::handlers::{Scripted, sent};
use crate::recording::{Notes, Played, pieces};

type Kept = Rc<RefCell<Option<Strings>>>;

/// A receiver that does `act` when the string `now` comes, and the handle that it keeps then.
fn acting<F: StringFraming>(
    notes: &Notes,
    act: fn(&Strings),
) -> (Played<StringReceiver<F, Scripted>>, Kept) {
    let kept = Kept::default();
    let keep = Rc::clone(&kept);
    let handler = Scripted::noting(notes).on_string(move |strings, string| {
        if string == b"now" {
            *keep.borrow_mut() = Some(strings.clone());
            act(strings);
        }
    });
    (Played::new(StringReceiver::new(handler)), kept)
}

fn waits_while_paused<F: StringFraming>() {
    let text = sent::<F>(&["one", "now", "", "three", "now", "last"]);
    for length in 1..=text.len() {
        let notes = Notes::default();
        let (mut played, kept) = acting::<F>(&notes, |strings| strings.pause_producing());

        for piece in pieces(&text, &[length]) {
            played.receive(&piece);
        }
        notes.assert(&["string one", "string now"]);
        assert!(played.recorder.is_paused());

        for _ in 0..2 {
            let strings = kept.take().expect("it was paused");
            strings.resume_producing();
            played.turn();
        }
        notes.assert(&[
            "string one",
            "string now",
            "string",
            "string three",
            "string now",
            "string last",
        ]);
    }
}

// P-022
#[test]
fn a_paused_receiver_delivers_nothing_until_resumed_and_then_all_in_order() {
    waits_while_paused::<Counted<1>>();
    waits_while_paused::<Counted<2>>();
    waits_while_paused::<Counted<4>>();
    waits_while_paused::<Netstring>();
}

fn ends_in_a_callback<F: StringFraming>(act: fn(&Strings)) {
    let text = sent::<F>(&["one", "now", "two", "now"]);
    for length in 1..=text.len() {
        let notes = Notes::default();
        let (mut played, _kept) = acting::<F>(&notes, act);

        for piece in pieces(&text, &[length]) {
            played.receive_all_the_same(&piece);
        }

        notes.assert(&["string one", "string now"]);
        assert!(played.recorder.is_ended());
    }
}

#[test]
fn nothing_comes_after_a_callback_has_ended_the_connection() {
    let acts: [fn(&Strings); 3] = [
        |strings| strings.lose_connection(),
        |strings| strings.abort_connection(),
        |strings| strings.stop_producing(),
    ];
    for act in acts {
        ends_in_a_callback::<Counted<1>>(act);
        ends_in_a_callback::<Counted<4>>(act);
        ends_in_a_callback::<Netstring>(act);
    }
}
