//! Receivers that are paused, resumed, stopped and ended.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use protocols::line::{LineReceiver, Lines};
use protocols::{Consumer, Producer, PushProducer, Transport};

use crate::handlers::Scripted;
use crate::recording::{Notes, Played, Recorder, pieces};

/// A place for a handle that a callback keeps.
type Kept = Rc<RefCell<Option<Lines>>>;

/// A receiver that does `act` when the line `now` comes, and the handle that it keeps then.
fn acting(notes: &Notes, act: fn(&Lines)) -> (Played<LineReceiver<Scripted>>, Kept) {
    let kept = Kept::default();
    let keep = Rc::clone(&kept);
    let handler = Scripted::noting(notes).on_line(move |lines, line| {
        *keep.borrow_mut() = Some(lines.clone());
        if line == b"now" {
            act(lines);
        }
    });
    (Played::new(LineReceiver::new(handler)), kept)
}

fn handle(kept: &Kept) -> Lines {
    kept.borrow().clone().expect("a line has kept it")
}

// P-003
#[test]
fn pausing_in_a_line_holds_the_lines_after_it_until_resumed() {
    let text = b"one\r\nnow\r\ntwo\r\nthr";
    for length in 1..=text.len() {
        let notes = Notes::default();
        let (mut played, kept) = acting(&notes, |lines| lines.pause_producing());

        for piece in pieces(text, &[length]) {
            played.receive(&piece);
        }
        played.turn();
        notes.assert(&["line one", "line now"]);
        assert!(played.recorder.is_paused());

        handle(&kept).resume_producing();
        notes.assert(&["line one", "line now"]);
        played.turn();
        assert!(!played.recorder.is_paused());
        played.receive(b"ee\r\n");

        notes.assert(&["line one", "line now", "line two", "line three"]);
    }
}

// P-003
#[test]
fn what_comes_after_resuming_comes_after_what_was_held() {
    let notes = Notes::default();
    let (mut played, kept) = acting(&notes, |lines| lines.pause_producing());
    played.receive(b"now\r\ntwo\r\nthr");

    handle(&kept).resume_producing();
    // The transport is quicker than the loop is to wake the protocol.
    played.receive(b"ee\r\n");

    notes.assert(&["line now", "line two", "line three"]);
}

// P-003
#[test]
fn the_transport_reads_nothing_until_what_was_held_has_come() {
    let notes = Notes::default();
    let (mut played, kept) = acting(&notes, |lines| lines.pause_producing());
    played.receive(b"now\r\nnow\r\ntwo\r\n");

    handle(&kept).resume_producing();
    assert!(played.recorder.is_paused());
    played.turn();
    assert!(played.recorder.is_paused());
    handle(&kept).resume_producing();
    assert!(played.recorder.is_paused());
    played.turn();

    assert!(!played.recorder.is_paused());
    notes.assert(&["line now", "line now", "line two"]);
}

// P-003
#[test]
fn pausing_in_each_line_takes_one_line_for_each_resume() {
    let notes = Notes::default();
    let (mut played, kept) = acting(&notes, |lines| lines.pause_producing());
    played.receive(&b"now\r\n".repeat(3));

    for lines in 1..=3 {
        assert_eq!(notes.take(), ["line now"], "{lines}");
        handle(&kept).resume_producing();
        played.turn();
    }

    notes.assert(&[]);
    assert!(!played.recorder.is_paused());
}

// P-003
#[test]
fn pausing_and_resuming_in_one_line_holds_nothing() {
    let notes = Notes::default();
    let (mut played, _kept) = acting(&notes, |lines| {
        lines.pause_producing();
        lines.resume_producing();
    });

    played.receive(b"now\r\ntwo\r\n");

    notes.assert(&["line now", "line two"]);
    assert!(!played.recorder.is_paused());
}

// P-003
#[test]
fn raw_data_waits_while_paused_too() {
    let notes = Notes::default();
    let (mut played, kept) = acting(&notes, |lines| {
        lines.set_raw_mode();
        lines.pause_producing();
    });
    played.receive(b"now\r\nas it");
    played.receive(b" is");
    notes.assert(&["line now"]);

    handle(&kept).resume_producing();
    played.turn();

    notes.assert(&["line now", "raw as it is"]);
}

// P-002, P-003
#[test]
fn what_is_handed_back_while_paused_comes_before_what_came_meanwhile() {
    let notes = Notes::default();
    let (mut played, kept) = acting(&notes, |lines| {
        lines.set_raw_mode();
        lines.pause_producing();
    });
    played.receive(b"now\r\ntwo\r\n");

    handle(&kept).set_line_mode(b"one\r\n");
    played.turn();
    notes.assert(&["line now"]);
    handle(&kept).resume_producing();
    played.turn();

    notes.assert(&["line now", "line one", "line two"]);
}

// P-004
#[test]
fn nothing_comes_after_stop_producing() {
    nothing_comes_after(|lines| lines.stop_producing());
}

// P-005
#[test]
fn nothing_comes_after_the_connection_was_ended_from_here() {
    nothing_comes_after(|lines| lines.lose_connection());
    nothing_comes_after(|lines| lines.abort_connection());
    nothing_comes_after(|lines| lines.lose_connection_within(Duration::ZERO));
    nothing_comes_after(|lines| lines.stop_consuming());
}

#[track_caller]
fn nothing_comes_after(act: fn(&Lines)) {
    for text in [
        &b"one\r\nnow\r\ntwo\r\nthree\r\n"[..],
        b"one\r\nnow\r\nhalf",
    ] {
        for length in 1..=text.len() {
            let notes = Notes::default();
            let (mut played, kept) = acting(&notes, act);

            for piece in pieces(text, &[length]) {
                played.receive_all_the_same(&piece);
            }
            handle(&kept).resume_producing();
            handle(&kept).set_line_mode(b"more\r\n");
            played.receive_all_the_same(b"four\r\n");

            notes.assert(&["line one", "line now"]);
            assert!(played.recorder.is_ended());
        }
    }
}

// P-004, P-005
#[test]
fn what_was_held_does_not_come_when_the_connection_is_ended_from_elsewhere() {
    let notes = Notes::default();
    let (mut played, kept) = acting(&notes, |lines| lines.pause_producing());
    played.receive(b"now\r\ntwo\r\n");

    handle(&kept).lose_connection();
    handle(&kept).resume_producing();
    played.turn();
    played.receive_all_the_same(b"three\r\n");

    notes.assert(&["line now"]);
}

// P-006
#[test]
fn a_receiver_that_is_another_transports_producer_delivers_no_faster_than_that_sends() {
    let notes = Notes::default();
    let (mut played, kept) = acting(&notes, |_| ());
    played.receive(b"one\r\n");
    let consumer = Rc::new(Recorder::default());
    let producer = Producer::Push(handle(&kept).transport());
    let registered = consumer.register_producer(producer);

    assert_eq!(registered, Ok(()));

    consumer.has_room(false);
    played.receive(b"two\r\nthree\r\n");
    notes.assert(&["line one"]);
    assert!(played.recorder.is_paused());
    consumer.has_room(true);
    played.turn();

    notes.assert(&["line one", "line two", "line three"]);
    assert!(!played.recorder.is_paused());
}

// P-006
#[test]
fn a_receiver_is_stopped_as_a_producer() {
    let notes = Notes::default();
    let (mut played, kept) = acting(&notes, |_| ());
    played.receive(b"one\r\n");
    let producer: Rc<dyn PushProducer> = handle(&kept).transport();

    producer.stop_producing();
    played.receive_all_the_same(b"two\r\n");

    notes.assert(&["line one"]);
    assert!(played.recorder.is_ended());
}

#[test]
fn what_a_handle_gives_as_its_transport_is_the_same_connection() {
    let notes = Notes::default();
    let (mut played, kept) = acting(&notes, |lines| lines.pause_producing());
    played.receive(b"now\r\n");
    let other: Rc<dyn Transport> = handle(&kept).transport();

    other.resume_producing();
    played.receive(b"two\r\n");

    notes.assert(&["line now", "line two"]);
}
