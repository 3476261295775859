//! Strings of any kind against models that are plainly right, and from one end to the other.

use proptest::collection::vec;
use proptest::prelude::*;
use protocols::strings::{Counted, Netstring, StringFraming, StringReceiver};

use crate::handlers::{Scripted, received, sent};
use crate::recording::{Notes, Played, pieces};

const LIMIT: usize = 40;

/// What a handler that goes on is called with, for the whole of a text of strings after one byte.
fn model_of_counted(mut text: &[u8]) -> Vec<String> {
    let notes = Notes::default();
    while let [length, rest @ ..] = text {
        let length = usize::from(*length);
        if length > LIMIT {
            notes.add("refused", format!("{length} > {LIMIT}").as_bytes());
        }
        match rest.split_at_checked(length) {
            Some((string, after)) => {
                if length <= LIMIT {
                    notes.add("string", string);
                }
                text = after;
            }
            None => break,
        }
    }
    notes.take()
}

/// The strings of a text of netstrings until something else comes, and whether something does.
fn model_of_netstrings(mut text: &[u8]) -> (Vec<String>, bool) {
    let notes = Notes::default();
    loop {
        let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let number = String::from_utf8_lossy(&text[..digits]).into_owned();
        let length = number
            .parse()
            .unwrap_or(if digits == 0 { 0 } else { usize::MAX });
        let is_well_written = number == length.to_string();
        match text.get(digits) {
            // All of it is a beginning of a number, or of none.
            None if digits == 0 || (is_well_written && length <= LIMIT) => {
                return (notes.take(), false);
            }
            Some(b':') if is_well_written && length <= LIMIT => {}
            _ => return (notes.take(), true),
        }
        let rest = &text[digits + 1..];
        match rest.get(length) {
            None => return (notes.take(), false),
            Some(b',') => notes.add("string", &rest[..length]),
            Some(_) => return (notes.take(), true),
        }
        text = &rest[length + 1..];
    }
}

fn lengths() -> impl Strategy<Value = Vec<usize>> {
    vec(1..40_usize, 1..6)
}

/// Bytes some of which are small, so that they announce strings that come to an end.
fn counted() -> impl Strategy<Value = Vec<u8>> {
    vec(prop_oneof![4 => 0..8_u8, 1 => any::<u8>()], 0..300)
}

/// Netstrings, and now and then a byte too many, too few or wrong.
fn netstrings() -> impl Strategy<Value = Vec<u8>> {
    let good = "[a-z,:0-9]{0,45}".prop_map(|text| format!("{}:{text},", text.len()));
    let bad = "[0-9:,a ]{0,6}";
    let parts = vec(prop_oneof![9 => good, 1 => bad], 0..12);
    parts.prop_map(|parts| parts.concat().into_bytes())
}

/// Whether any strings at all come to the other end as they were sent.
fn round_trip<F: StringFraming>(strings: &[Vec<u8>], lengths: &[usize]) -> (Vec<String>, bool) {
    let sent = sent::<F>(strings);
    received(StringReceiver::<F, _>::new, &pieces(&sent, lengths))
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    // P-018, P-021
    #[test]
    fn counted_strings_are_those_of_the_model_for_any_cutting(
        text in counted(),
        lengths in lengths(),
    ) {
        let notes = Notes::default();
        let handler = Scripted::noting(&notes).going_on();
        let receiver = StringReceiver::<Counted<1>, _>::new(handler).max_length(LIMIT);
        let mut played = Played::new(receiver);

        for piece in pieces(&text, &lengths) {
            played.receive(&piece);
        }

        prop_assert_eq!(notes.take(), model_of_counted(&text));
    }

    // P-014, P-015, P-016
    #[test]
    fn netstrings_are_those_of_the_model_for_any_cutting(
        text in netstrings(),
        lengths in lengths(),
    ) {
        let receiver = |handler| StringReceiver::<Netstring, _>::new(handler).max_length(LIMIT);

        let (mut notes, is_ended) = received(receiver, &pieces(&text, &lengths));

        notes.retain(|note| !note.starts_with("refused"));
        prop_assert_eq!((notes, is_ended), model_of_netstrings(&text));
    }

    // P-014, P-018, P-019
    #[test]
    fn what_is_sent_as_strings_is_received_as_the_same_strings(
        strings in vec(vec(any::<u8>(), 0..200), 0..20),
        lengths in lengths(),
    ) {
        let notes = Notes::default();
        for string in &strings {
            notes.add("string", string);
        }
        let expected = (notes.take(), false);

        prop_assert_eq!(&round_trip::<Counted<1>>(&strings, &lengths), &expected);
        prop_assert_eq!(&round_trip::<Counted<2>>(&strings, &lengths), &expected);
        prop_assert_eq!(&round_trip::<Counted<4>>(&strings, &lengths), &expected);
        prop_assert_eq!(&round_trip::<Netstring>(&strings, &lengths), &expected);
    }
}
