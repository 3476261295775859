//! Strings after a count of 1, 2 or 4 bytes.

use protocols::framing::{Framing, Scan};
use protocols::strings::{
    Counted, Envelope, Int8StringReceiver, Int16StringReceiver, Int32StringReceiver, StringError,
    StringFraming, StringReceiver, StringTooLong, Strings,
};

use crate::handlers::{Scripted, received, sent};
use crate::recording::{Notes, Played, pieces};

/// Cuts the strings' bytes in every regular way, and looks that they come all the same.
#[track_caller]
fn come_whole<F: StringFraming>(text: &[u8], expected: &[&str]) {
    for length in 1..=text.len() {
        let (notes, is_ended) = received(StringReceiver::<F, _>::new, &pieces(text, &[length]));
        assert_eq!(notes, expected, "{length}");
        assert!(!is_ended);
    }
}

// P-018
#[test]
fn strings_after_one_byte_come_whole() {
    come_whole::<Counted<1>>(
        b"\x00\x01a\x03abc\x0aneat\r\n\0\0!!",
        &["string", "string a", "string abc", "string neat\r\n\0\0!!"],
    );
}

// P-018
#[test]
fn strings_after_two_bytes_come_whole() {
    come_whole::<Counted<2>>(
        b"\0\x03abc\0\0\0\x02\0\x02\0\x01z",
        &["string abc", "string", "string \0\x02", "string z"],
    );
}

// P-018
#[test]
fn strings_after_four_bytes_come_whole() {
    come_whole::<Counted<4>>(
        b"\0\0\0\x03abc\0\0\0\0\0\0\0\x05\0\0\0\x01z",
        &["string abc", "string", "string \0\0\0\x01z"],
    );
}

// P-018
#[test]
fn the_higher_bytes_of_a_count_come_first() {
    let text = [b"\x01\x02", &[b'x'; 258][..]].concat();

    let (notes, _) = received(Int16StringReceiver::new, &[text]);

    assert_eq!(notes.len(), 1);
    assert_eq!(notes[0].len(), "string ".len() + 258);
}

// P-018
#[test]
fn a_part_of_a_string_does_not_come() {
    let text = b"\0\0\0\x05hell";
    for length in 0..=text.len() {
        let (notes, _) = received(Int32StringReceiver::new, &[&text[..length]]);

        assert_eq!(notes, [""; 0]);
    }
}

// P-019
#[test]
fn a_string_is_sent_after_its_length() {
    assert_eq!(sent::<Counted<1>>(&["abc", ""]), b"\x03abc\0");
    assert_eq!(sent::<Counted<2>>(&["abc", ""]), b"\0\x03abc\0\0");
    assert_eq!(sent::<Counted<4>>(&["abc", ""]), b"\0\0\0\x03abc\0\0\0\0");
    assert_eq!(sent::<Counted<2>>(&[[0; 258]])[..2], [1, 2]);
}

// P-019, P-020
#[test]
fn the_longest_string_that_can_be_announced_is_sent() {
    assert_eq!(sent::<Counted<1>>(&[[0; 255]]).len(), 256);
    assert_eq!(sent::<Counted<2>>(&[vec![0; 65_535]]).len(), 65_537);
}

// P-020
#[test]
fn a_string_too_long_for_its_count_is_an_error_and_sends_nothing() {
    sends_nothing::<Counted<1>>(256, 255);
    sends_nothing::<Counted<2>>(65_536, 65_535);
}

#[track_caller]
fn sends_nothing<F: StringFraming>(length: usize, most: u64) {
    let handler = Scripted::default().on_string(move |strings, _| {
        let refused = strings.send_string(&vec![b'x'; length]);
        assert_eq!(refused, Err(StringTooLong { length, most }));
    });
    let mut played = Played::new(StringReceiver::<F, _>::new(handler));

    played.receive(F::envelope(0).expect("no string is shorter").head());

    assert_eq!(played.recorder.written(), b"");
    assert!(!played.recorder.is_ended());
}

// P-021
#[test]
fn an_announced_length_over_the_maximum_is_told_before_any_data_and_ends_the_connection() {
    let receiver = |handler| Int16StringReceiver::new(handler).max_length(5);
    for length in 1..=7 {
        let (exact, is_ended) = received(receiver, &pieces(b"\0\x0512345", &[length]));
        assert_eq!(exact, ["string 12345"]);
        assert!(!is_ended);
    }

    for text in [&b"\0\x06"[..], b"\0\x06123456", b"\0\x06123456\0\x01x"] {
        for length in 1..=text.len() {
            let (notes, is_ended) = received(receiver, &pieces(text, &[length]));
            assert_eq!(notes, ["refused 6 > 5"]);
            assert!(is_ended);
        }
    }
}

// P-021
#[test]
fn the_maximum_is_99999_unless_it_is_set() {
    let good = [&99_999_u32.to_be_bytes()[..], &[b'x'; 99_999]].concat();
    let bad = 100_000_u32.to_be_bytes();
    let text = [&good[..], &bad].concat();

    let (notes, is_ended) = received(Int32StringReceiver::new, &pieces(&text, &[65_536]));

    assert_eq!(notes.len(), 2);
    assert_eq!(notes[0].len(), "string ".len() + 99_999);
    assert_eq!(notes[1], "refused 100000 > 99999");
    assert!(is_ended);
}

// P-021
#[test]
fn a_handler_that_does_not_end_the_connection_gets_the_string_after_the_long_one() {
    let text = b"\x06123456\x01a\x051234\x05\x07\x01\x02\x03\x04\x05\x06\x07\x00";
    for length in 1..=text.len() {
        let notes = Notes::default();
        let handler = Scripted::noting(&notes).going_on();
        let mut played = Played::new(Int8StringReceiver::new(handler).max_length(5));

        for piece in pieces(text, &[length]) {
            played.receive(&piece);
        }

        notes.assert(&[
            "refused 6 > 5",
            "string a",
            "string 1234\x05",
            "refused 7 > 5",
            "string",
        ]);
    }
}

// P-021
#[test]
fn the_longest_length_of_all_is_only_too_long() {
    let receiver = |handler| Int32StringReceiver::new(handler).max_length(usize::MAX);

    let (notes, is_ended) = received(receiver, &[b"\xff\xff\xff\xffabc"]);
    assert_eq!((&notes[..], is_ended), (&[][..], false));

    let (notes, is_ended) = received(Int32StringReceiver::new, &[b"\xff\xff\xff\xffabc"]);
    assert_eq!(notes, ["refused 4294967295 > 99999"]);
    assert!(is_ended);
}

/// Strings of three bytes: a framing that this crate does not know.
struct Triples;

impl Framing for Triples {
    type Refusal = StringError;

    fn scan(&mut self, held: &[u8], bytes: &[u8]) -> Scan<StringError> {
        if held.len() + bytes.len() < 3 {
            return Scan::Incomplete;
        }
        Scan::Frame {
            taken: 3,
            content: 0..3,
        }
    }
}

impl StringFraming for Triples {
    fn up_to(_max_length: usize) -> Self {
        Self
    }

    fn envelope(length: usize) -> Result<Envelope, StringTooLong> {
        match length {
            3 => Ok(Envelope::new(b"", b"")),
            _ => Err(StringTooLong { length, most: 3 }),
        }
    }
}

#[test]
fn a_framing_can_be_written_elsewhere() {
    come_whole::<Triples>(
        b"onetwosixten",
        &["string one", "string two", "string six", "string ten"],
    );
    let echo = |strings: &Strings, string: &[u8]| {
        strings.send_string(string).expect("it came as one");
    };
    let handler = Scripted::default().on_string(echo);
    let mut played = Played::new(StringReceiver::<Triples, _>::new(handler));

    played.receive(b"one two");

    assert_eq!(played.recorder.written(), b"one tw");
}
