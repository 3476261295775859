//! Raw mode, and the ways into it and back.

use std::cell::RefCell;
use std::rc::Rc;

use protocols::line::{LineReceiver, Lines};

use crate::handlers::{Scripted, all_cuttings};
use crate::recording::{Notes, Played};

/// A handler for messages of a line `body <n>`, `n` bytes as they are, and other lines.
fn with_bodies(notes: &Notes) -> Scripted {
    let left = Rc::new(RefCell::new(0));
    let to_come = Rc::clone(&left);
    Scripted::noting(notes)
        .on_line(move |lines, line| {
            if let Some(length) = line.strip_prefix(b"body ") {
                let length = String::from_utf8_lossy(length);
                *to_come.borrow_mut() = length.parse().expect("a length is a number");
                lines.set_raw_mode();
            }
        })
        .on_raw(move |lines, data| {
            let mut left = left.borrow_mut();
            if data.len() < *left {
                *left -= data.len();
            } else {
                lines.set_line_mode(&data[*left..]);
            }
        })
}

/// The notes without those of raw data.
fn lines_of(notes: &Notes) -> Vec<String> {
    let mut notes = notes.take();
    notes.retain(|note| !note.starts_with("raw"));
    notes
}

// P-002
#[test]
fn raw_mode_gives_what_stands_after_the_line_at_once() {
    let notes = Notes::default();
    let handler = Scripted::noting(&notes).on_line(|lines, _| lines.set_raw_mode());
    let mut played = Played::new(LineReceiver::new(handler));

    played.receive(b"go\r\nas it\r\nis");
    played.receive(b"\r\n");

    notes.assert(&["line go", "raw as it\r\nis", "raw \r\n"]);
}

// P-002
#[test]
fn what_is_handed_back_from_raw_mode_comes_as_lines_however_it_was_cut() {
    let text = b"first\r\nbody 9\r\na\r\nb\r\nc\r\nsecond\r\nbody 1\r\n\rthird\r\n";
    for cutting in all_cuttings(text) {
        let notes = Notes::default();
        let mut played = Played::new(LineReceiver::new(with_bodies(&notes)));

        cutting.iter().for_each(|piece| played.receive(piece));

        let expected = [
            "line first",
            "line body 9",
            "line second",
            "line body 1",
            "line third",
        ];
        assert_eq!(lines_of(&notes), expected);
    }
}

// P-002
#[test]
fn bytes_of_ones_own_that_are_handed_back_come_before_what_waits() {
    let notes = Notes::default();
    let handler = Scripted::noting(&notes).on_line(|lines, line| {
        if line == b"1" {
            lines.set_line_mode(b"1a\r\n1");
            lines.set_line_mode(b"0\r\n");
        }
    });
    let mut played = Played::new(LineReceiver::new(handler));

    played.receive(b"1\r\nb\r\n2\r\n");

    notes.assert(&["line 1", "line 0", "line 1a", "line 1b", "line 2"]);
}

// P-002
#[test]
fn all_of_a_callbacks_data_and_more_can_be_handed_back() {
    let notes = Notes::default();
    let handler = Scripted::noting(&notes)
        .on_line(|lines, line| {
            if line == b"raw" {
                lines.set_raw_mode();
            }
        })
        .on_raw(|lines, data| {
            lines.set_line_mode(data);
            lines.set_line_mode(b"more ");
            lines.set_line_mode(b"and ");
        });
    let mut played = Played::new(LineReceiver::new(handler));

    played.receive(b"raw\r\na\r\nb\r\n");

    notes.assert(&["line raw", "raw a\r\nb\r\n", "line and more a", "line b"]);
}

// P-002
#[test]
fn raw_mode_from_a_timer_gives_the_beginning_of_a_line_too() {
    let (notes, kept) = (Notes::default(), Rc::new(RefCell::new(None::<Lines>)));
    let keep = Rc::clone(&kept);
    let handler =
        Scripted::noting(&notes).on_line(move |lines, _| *keep.borrow_mut() = Some(lines.clone()));
    let mut played = Played::new(LineReceiver::new(handler));
    played.receive(b"line\r\nhalf a\r");

    let lines = kept.take().expect("the first line kept it");
    lines.set_raw_mode();
    notes.assert(&["line line"]);
    played.turn();

    notes.assert(&["line line", "raw half a\r"]);
}

// P-002, P-009
#[test]
fn line_mode_from_a_timer_has_the_loop_deliver_what_is_handed_back() {
    let (notes, kept) = (Notes::default(), Rc::new(RefCell::new(None::<Lines>)));
    let keep = Rc::clone(&kept);
    let handler = Scripted::noting(&notes).on_line(move |lines, _| {
        if keep.borrow().is_none() {
            lines.set_raw_mode();
            *keep.borrow_mut() = Some(lines.clone());
        }
    });
    let mut played = Played::new(LineReceiver::new(handler));
    played.receive(b"line\r\n");

    let lines = kept.take().expect("the first line kept it");
    *kept.borrow_mut() = Some(lines.clone());
    lines.set_line_mode(b"two\r\nthr");
    notes.assert(&["line line"]);
    played.turn();
    played.receive(b"ee\r\n");

    notes.assert(&["line line", "line two", "line three"]);
}

// P-009
#[test]
fn data_that_comes_from_inside_a_callback_is_received_after_it() {
    let notes = Notes::default();
    let inner = notes.clone();
    let handler = Scripted::noting(&notes).on_line(move |lines, line| {
        if line == b"outer" {
            lines.set_line_mode(b"inner\r\n");
            inner.add("end of", line);
        }
    });
    let mut played = Played::new(LineReceiver::new(handler));

    played.receive(b"outer\r\nlast\r\n");

    notes.assert(&["line outer", "end of outer", "line inner", "line last"]);
}
