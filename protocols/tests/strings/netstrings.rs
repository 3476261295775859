//! Netstrings, good ones and bad ones.

use protocols::strings::{Netstring, NetstringReceiver};

use crate::handlers::{Scripted, received, sent};
use crate::recording::{Notes, Played, pieces};

// P-014
#[test]
fn netstrings_come_whole_however_their_bytes_are_cut() {
    let text = b"0:,1:a,5:hello,11:5:inner,4:x,3:,,,,10:0123456789,";
    let expected = [
        "string",
        "string a",
        "string hello",
        "string 5:inner,4:x",
        "string ,,,",
        "string 0123456789",
    ];

    for length in 1..=text.len() {
        let (notes, is_ended) = received(NetstringReceiver::new, &pieces(text, &[length]));
        assert_eq!(notes, expected, "{length}");
        assert!(!is_ended);
    }
    for at in 0..=text.len() {
        let (first, second) = text.split_at(at);
        let (notes, _) = received(NetstringReceiver::new, &[first, second]);
        assert_eq!(notes, expected, "{at}");
    }
}

// P-014
#[test]
fn a_part_of_a_netstring_does_not_come() {
    let text = b"5:hello";
    for length in 0..=text.len() {
        let (notes, is_ended) = received(NetstringReceiver::new, &[&text[..length]]);

        assert_eq!(notes, [""; 0]);
        assert!(!is_ended);
    }
}

// P-015
#[test]
fn what_is_no_netstring_ends_the_connection_and_none_of_it_comes() {
    let bad = [
        (&b"hello,"[..], "refused no length"),
        (b":hello,", "refused no length"),
        (b"5hello,", "refused no length"),
        (b"5 :hello,", "refused no length"),
        (b" 5:hello,", "refused no length"),
        (b"-5:hello,", "refused no length"),
        (b"+5:hello,", "refused no length"),
        (b"05:hello,", "refused no length"),
        (b"00:,", "refused no length"),
        (b",", "refused no length"),
        (b"\0", "refused no length"),
        (b"5:hello!", "refused no comma after 5"),
        (b"5:hello world,", "refused no comma after 5"),
        (b"0:a,", "refused no comma after 0"),
    ];
    for (text, why) in bad {
        // After a good one, and before one that would be.
        let text = [b"3:abc,", text, b"3:def,"].concat();
        for length in 1..=text.len() {
            let (notes, is_ended) = received(NetstringReceiver::new, &pieces(&text, &[length]));

            assert_eq!(notes, ["string abc", why], "{text:?} by {length}");
            assert!(is_ended);
        }
    }
}

// P-015
#[test]
fn nothing_comes_after_what_is_no_netstring_even_if_the_connection_goes_on() {
    for length in 1..20 {
        let notes = Notes::default();
        let handler = Scripted::noting(&notes).going_on();
        let mut played = Played::new(NetstringReceiver::new(handler));

        for piece in pieces(b"1:a,bad3:def,5:", &[length]) {
            played.receive(&piece);
        }

        notes.assert(&["string a", "refused no length"]);
        assert!(!played.recorder.is_ended());
    }
}

// P-016
#[test]
fn a_length_over_the_maximum_ends_the_connection_before_the_data_comes() {
    let receiver = |handler| NetstringReceiver::new(handler).max_length(12);

    let (exact, is_ended) = received(receiver, &[b"12:0123456789ab,"]);
    assert_eq!(
        (&exact[..], is_ended),
        (&["string 0123456789ab".to_owned()][..], false)
    );

    for text in [&b"13"[..], b"13:", b"13:0123456789abc,"] {
        let (notes, is_ended) = received(receiver, &[text]);
        assert_eq!(notes, ["refused 13 > 12"]);
        assert!(is_ended);
    }
}

// P-016
#[test]
fn the_maximum_is_99999_unless_it_is_set() {
    let text = [b"99999:", &[b'x'; 99_999][..], b",100000:"].concat();

    let (notes, is_ended) = received(NetstringReceiver::new, &pieces(&text, &[4096]));

    assert_eq!(notes.len(), 2);
    assert_eq!(notes[0].len(), "string ".len() + 99_999);
    assert_eq!(notes[1], "refused 100000 > 99999");
    assert!(is_ended);
}

// P-016
#[test]
fn a_length_without_an_end_is_refused_whatever_the_maximum_is() {
    for limit in [0, 1, 99_999, usize::MAX] {
        let receiver = |handler| NetstringReceiver::new(handler).max_length(limit);

        let (notes, is_ended) = received(receiver, &[[b'9'; 1000]]);

        assert_eq!(notes.len(), 1);
        assert!(is_ended);
    }
}

// P-014, P-019
#[test]
fn a_netstring_is_sent_between_its_length_and_a_comma() {
    let long = vec![b'x'; 12_345];

    let written = sent::<Netstring>(&[&b"hello"[..], b"", &long]);

    assert_eq!(written, [b"5:hello,0:,12345:", &long[..], b","].concat());
}
