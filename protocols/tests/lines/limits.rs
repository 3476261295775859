//! Lines that are too long.

use protocols::line::{LineOnlyHandler, LineOnlyReceiver, LineReceiver, LinesOnly};

use crate::handlers::{Scripted, all_cuttings, received};
use crate::recording::{Notes, Played, pieces};

fn short(handler: Scripted) -> LineReceiver<Scripted> {
    LineReceiver::new(handler).max_length(5)
}

fn going_on(notes: &Notes) -> LineReceiver<Scripted> {
    short(Scripted::noting(notes).on_exceeded(|lines, _| {
        lines.send_line(b"too long");
    }))
}

// P-007
#[test]
fn a_line_of_the_maximum_length_comes_and_a_longer_one_ends_the_connection() {
    let text = b"12345\r\n123456\r\n123\r\n";
    for length in 1..text.len() {
        let lines = received(short, &pieces(text, &[length]));

        assert_eq!(lines, ["line 12345", "exceeded 123456"], "{length}");
    }
}

// P-007
#[test]
fn the_maximum_length_is_16384_unless_it_is_set() {
    let mut text = vec![b'x'; 16_384];
    text.extend(b"\r\n");
    text.extend(vec![b'y'; 16_385]);
    text.extend(b"\r\n");
    let notes = Notes::default();
    let mut played = Played::new(LineReceiver::new(Scripted::noting(&notes)));

    played.receive(&text);

    let notes = notes.take();
    assert_eq!(notes.len(), 2);
    assert_eq!(notes[0].len(), "line ".len() + 16_384);
    assert!(notes[1].starts_with("exceeded y"));
    assert!(played.recorder.is_ended());
}

// P-007
#[test]
fn a_line_that_has_no_end_is_too_long_as_soon_as_no_end_could_make_it_short_enough() {
    assert_eq!(received(short, &[b"12345\r"]), [""; 0]);
    assert_eq!(received(short, &[b"12345\r\r"]), ["exceeded 12345\r"]);
    assert_eq!(received(short, &[b"123456"]), [""; 0]);
    assert_eq!(received(short, &[b"1234567"]), ["exceeded 123456"]);
}

// P-007
#[test]
fn a_handler_that_does_not_end_the_connection_gets_the_line_after_the_long_one() {
    let text = b"1234567890\r\rabc\r\nok\r\n123456\r\n\r\n1234567\rfine\r\n12345\r\n";
    for length in 1..=text.len() {
        let notes = Notes::default();
        let mut played = Played::new(going_on(&notes));

        for piece in pieces(text, &[length]) {
            played.receive(&piece);
        }

        notes.assert(&[
            "exceeded 123456",
            "line ok",
            "exceeded 123456",
            "line",
            "exceeded 123456",
            "line 12345",
        ]);
        assert_eq!(
            played.recorder.written(),
            b"too long\r\n".repeat(3),
            "{length}"
        );
    }
}

// P-007
#[test]
fn what_is_left_of_a_long_line_is_raw_data_if_its_handler_wants_that() {
    let text = b"12345678\r\nabc";
    for length in 1..=text.len() {
        let notes = Notes::default();
        let handler = Scripted::noting(&notes).on_exceeded(|lines, _| lines.set_raw_mode());
        let mut played = Played::new(LineReceiver::new(handler).max_length(5));

        for piece in pieces(text, &[length]) {
            played.receive(&piece);
        }

        let notes = notes.take();
        let raw: Vec<_> = notes[1..]
            .iter()
            .map(|note| note.replace("raw ", ""))
            .collect();
        assert_eq!(raw.concat(), "78\r\nabc", "{length}");
    }
}

// P-007
#[test]
fn a_line_is_not_skipped_when_line_mode_is_set_in_a_long_one() {
    let notes = Notes::default();
    let handler = Scripted::noting(&notes)
        .on_exceeded(|lines, _| lines.set_raw_mode())
        .on_raw(|lines, _| lines.set_line_mode(b"new\r\n"));
    let mut played = Played::new(LineReceiver::new(handler).max_length(5));

    played.receive(b"12345678");

    notes.assert(&["exceeded 123456", "raw 78", "line new"]);
}

/// Notes lines, and leaves the rest as it is.
struct Plain(Notes);

impl LineOnlyHandler for Plain {
    fn line_received(&mut self, _lines: &LinesOnly, line: &[u8]) {
        self.0.add("line", line);
    }
}

/// Notes lines that are too long, and does not end the connection.
struct Stubborn(Notes);

impl LineOnlyHandler for Stubborn {
    fn line_received(&mut self, _lines: &LinesOnly, line: &[u8]) {
        self.0.add("line", line);
    }

    fn line_length_exceeded(&mut self, _lines: &LinesOnly, start: &[u8]) {
        self.0.add("exceeded", start);
    }
}

// P-012
#[test]
fn a_line_only_receiver_ends_the_connection_for_a_long_line_ended_or_not() {
    for text in [&b"12345\r\n123456\r\nnext\r\n"[..], b"12345\r\n1234567"] {
        for cutting in all_cuttings(text) {
            let notes = Notes::default();
            let receiver = LineOnlyReceiver::new(Plain(notes.clone())).max_length(5);
            let mut played = Played::new(receiver);

            for piece in cutting {
                played.receive(piece);
            }

            notes.assert(&["line 12345"]);
            assert!(played.recorder.is_ended());
        }
    }
}

// P-013
#[test]
fn a_line_only_receiver_is_deaf_after_a_long_line_even_if_the_connection_goes_on() {
    for length in 1..30 {
        let notes = Notes::default();
        let receiver = LineOnlyReceiver::new(Stubborn(notes.clone())).max_length(5);
        let mut played = Played::new(receiver);

        for piece in pieces(b"12345\r\n1234567\r\nnext\r\nlast\r\n", &[length]) {
            played.receive(&piece);
        }

        notes.assert(&["line 12345", "exceeded 123456"]);
        assert!(!played.recorder.is_ended());
    }
}
