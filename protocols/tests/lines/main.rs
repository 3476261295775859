//! Line receivers, in memory: what the handler is called with, in which order, and when not.

#[path = "../common/recording.rs"]
mod recording;

mod handlers;
mod limits;
mod modes;
mod properties;
mod waiting;

use handlers::{Scripted, all_cuttings, received};
use protocols::line::{LineOnlyHandler, LineOnlyReceiver, LineReceiver, LinesOnly};
use recording::{Notes, Played, pieces};

const POEM: &[u8] = b"one\r\ntwo\r\n\r\nthree\r\rfour\r\nfi\nve\r\n";

// P-001
#[test]
fn lines_come_without_their_delimiters() {
    let lines = received(LineReceiver::new, &[POEM]);

    assert_eq!(
        lines,
        [
            "line one",
            "line two",
            "line",
            "line three\r\rfour",
            "line fi\nve"
        ]
    );
}

// P-001
#[test]
fn lines_are_the_same_however_their_bytes_are_cut() {
    let whole = received(LineReceiver::new, &[POEM]);

    for cutting in all_cuttings(POEM) {
        assert_eq!(received(LineReceiver::new, &cutting), whole, "{cutting:?}");
    }
    for length in 1..POEM.len() {
        let cutting = pieces(POEM, &[length]);
        assert_eq!(received(LineReceiver::new, &cutting), whole, "{length}");
    }
}

// P-001
#[test]
fn a_line_without_an_end_does_not_come() {
    let lines = received(LineReceiver::new, &[b"whole\r\npart\r"]);

    assert_eq!(lines, ["line whole"]);
}

// P-001
#[test]
fn a_delimiter_may_be_anything_and_may_begin_like_itself() {
    let receiver = |handler| LineReceiver::new(handler).delimiter(b"aab");
    let text = b"1aab2aaab3aaaaabaabab4aab";

    for length in 1..text.len() {
        let lines = received(receiver, &pieces(text, &[length]));
        assert_eq!(
            lines,
            ["line 1", "line 2a", "line 3aaa", "line", "line ab4"]
        );
    }
}

#[test]
#[should_panic(expected = "a delimiter has one byte at least")]
fn an_empty_delimiter_is_refused() {
    drop(LineReceiver::new(Scripted::default()).delimiter(b""));
}

// P-008
#[test]
fn a_line_is_sent_with_the_delimiter_after_it() {
    let handler = Scripted::default().on_line(|lines, line| {
        lines.send_line(line);
        lines.send_line(b"");
    });
    let mut played = Played::new(LineReceiver::new(handler).delimiter(b"\n"));

    played.receive(b"hello\n");

    assert_eq!(played.recorder.written(), b"hello\n\n");
}

#[test]
fn a_handle_writes_to_the_transport_and_knows_its_ends() {
    let handler = Scripted::default().on_line(|lines, _| {
        lines.write(b"raw ");
        lines.write_vectored(&[b"and ", b"raw"]);
        assert_ne!(lines.peer(), lines.host());
    });
    let mut played = Played::new(LineReceiver::new(handler));

    played.receive(b"go\r\n");

    assert_eq!(played.recorder.written(), b"raw and raw");
}

/// Notes lines, and says goodbye to the last one.
struct Guest(Notes);

impl LineOnlyHandler for Guest {
    fn connection_made(&mut self, lines: &LinesOnly) {
        lines.send_line(b"hello");
    }

    fn line_received(&mut self, lines: &LinesOnly, line: &[u8]) {
        self.0.add("line", line);
        if line == b"bye" {
            lines.send_line(b"goodbye");
            lines.lose_connection();
        }
    }
}

// P-001, P-005, P-008
#[test]
fn a_line_only_receiver_receives_and_sends_lines_until_it_ends_the_connection() {
    for length in 1..20 {
        let notes = Notes::default();
        let mut played = Played::new(LineOnlyReceiver::new(Guest(notes.clone())));

        for piece in pieces(b"one\r\ntwo\r\nbye\r\nfour\r\n", &[length]) {
            played.receive_all_the_same(&piece);
        }

        notes.assert(&["line one", "line two", "line bye"]);
        assert_eq!(played.recorder.written(), b"hello\r\ngoodbye\r\n");
    }
}
