//! Lines against a model that is plainly right: the whole text, split by hand.

use std::cell::RefCell;
use std::rc::Rc;

use proptest::prelude::*;
use protocols::line::LineReceiver;

use crate::handlers::{Scripted, received};
use crate::recording::{Notes, Played, pieces};

/// What a handler that always goes on is called with for the whole of `text`.
fn model(mut text: &[u8], delimiter: &[u8], max_length: usize) -> Vec<String> {
    let notes = Notes::default();
    loop {
        let end = (0..text.len()).find(|&at| text[at..].starts_with(delimiter));
        match end {
            Some(end) if end <= max_length => notes.add("line", &text[..end]),
            None if text.len() < max_length + delimiter.len() => return notes.take(),
            _ => notes.add("exceeded", &text[..=max_length]),
        }
        let Some(end) = end else {
            return notes.take();
        };
        text = &text[end + delimiter.len()..];
    }
}

/// Text of few letters, so that delimiters are frequent, whole and in part.
fn text() -> impl Strategy<Value = Vec<u8>> {
    proptest::collection::vec(proptest::sample::select(&b"ab\r\n"[..]), 0..200)
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    proptest::collection::vec(1..40_usize, 1..6)
}

fn delimiter() -> impl Strategy<Value = &'static [u8]> {
    let delimiters: [&[u8]; 6] = [b"\r\n", b"\n", b"aab", b"abab", b"aaaa", b"\r\n\r\n"];
    proptest::sample::select(delimiters.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    // P-001, P-007
    #[test]
    fn lines_and_refusals_are_those_of_the_model_for_any_cutting(
        text in text(),
        lengths in lengths(),
        delimiter in delimiter(),
        max_length in 0..20_usize,
    ) {
        let receiver = |handler: Scripted| {
            LineReceiver::new(handler.on_exceeded(|_, _| ()))
                .delimiter(delimiter)
                .max_length(max_length)
        };

        let lines = received(receiver, &pieces(&text, &lengths));

        prop_assert_eq!(lines, model(&text, delimiter, max_length));
    }

    // P-001, P-008
    #[test]
    fn what_is_sent_as_lines_is_received_as_the_same_lines(
        lines in proptest::collection::vec("[a-z\r]{0,20}[a-z]", 0..20),
        lengths in lengths(),
    ) {
        let sent = lines.clone();
        let handler = Scripted::default().on_line(move |lines, _| {
            for line in &sent {
                lines.send_line(line.as_bytes());
            }
        });
        let mut played = Played::new(LineReceiver::new(handler));
        played.receive(b"go\r\n");

        let received = received(LineReceiver::new, &pieces(&played.recorder.written(), &lengths));

        let expected: Vec<_> = lines.iter().map(|line| format!("line {line}")).collect();
        prop_assert_eq!(received, expected);
    }

    // P-003
    #[test]
    fn pausing_anywhere_and_resuming_later_changes_nothing(
        text in text(),
        lengths in lengths(),
        every in 1..4_usize,
    ) {
        let whole = received(LineReceiver::new, &[&text]);
        let notes = Notes::default();
        let (kept, mut count) = (Rc::new(RefCell::new(None)), 0);
        let keep = Rc::clone(&kept);
        let handler = Scripted::noting(&notes).on_line(move |lines, _| {
            count += 1;
            if count % every == 0 {
                lines.pause_producing();
                *keep.borrow_mut() = Some(lines.clone());
            }
        });
        let mut played = Played::new(LineReceiver::new(handler));

        for piece in pieces(&text, &lengths) {
            played.receive(&piece);
            let paused = kept.take();
            if let Some(lines) = paused {
                lines.resume_producing();
                // The next piece comes before the loop has woken it, every other time.
                if piece.len() % 2 == 0 {
                    played.turn();
                }
            }
        }
        loop {
            played.turn();
            let Some(lines) = kept.take() else { break };
            lines.resume_producing();
        }

        prop_assert_eq!(notes.take(), whole);
    }
}
