//! What receivers cost, in counts that no noise of the machine can change: bytes that are looked at, kept and copied.

#[path = "../../deferred/tests/counting/mod.rs"]
mod counting;
#[path = "common/recording.rs"]
mod recording;

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::rc::Rc;

use counting::Asked;
use protocols::framing::{Framing, Scan};
use protocols::line::{
    LineHandler, LineOnlyHandler, LineOnlyReceiver, LineReceiver, Lines, LinesOnly,
};
use protocols::strings::{
    Counted, Envelope, Int32StringReceiver, Netstring, StringError, StringFraming, StringHandler,
    StringReceiver, StringTooLong, Strings,
};
use recording::Played;

/// Counts what it is called with, without asking for any memory.
#[derive(Default)]
struct Counter {
    frames: Rc<Cell<usize>>,
    bytes: Rc<Cell<usize>>,
    refusals: Rc<Cell<usize>>,
    /// The handle of a receiver that has paused itself.
    paused: Rc<RefCell<Option<Lines>>>,
    /// Where frames must lie that were not copied.
    chunk: Rc<RefCell<Range<usize>>>,
    /// How many of them lie elsewhere.
    copied: Rc<Cell<usize>>,
}

impl Counter {
    fn note(&self, frame: &[u8]) {
        self.frames.set(self.frames.get() + 1);
        self.bytes.set(self.bytes.get() + frame.len());
        if !self.chunk.borrow().contains(&frame.as_ptr().addr()) {
            self.copied.set(self.copied.get() + 1);
        }
    }

    fn refuse(&self) {
        self.refusals.set(self.refusals.get() + 1);
    }

    fn shared(&self) -> Self {
        Self {
            frames: Rc::clone(&self.frames),
            bytes: Rc::clone(&self.bytes),
            refusals: Rc::clone(&self.refusals),
            paused: Rc::clone(&self.paused),
            chunk: Rc::clone(&self.chunk),
            copied: Rc::clone(&self.copied),
        }
    }

    /// Has frames lie in this chunk from now on.
    fn expects(&self, chunk: &[u8]) {
        let start = chunk.as_ptr().addr();
        // An empty frame may lie at its end.
        *self.chunk.borrow_mut() = start..start + chunk.len() + 1;
    }
}

impl LineHandler for Counter {
    fn line_received(&mut self, lines: &Lines, line: &[u8]) {
        self.note(line);
        match line {
            b"raw" => lines.set_raw_mode(),
            b"pause" => {
                lines.pause_producing();
                *self.paused.borrow_mut() = Some(lines.clone());
            }
            _ => {}
        }
    }

    /// Takes three bytes.
    fn raw_data_received(&mut self, lines: &Lines, data: &[u8]) {
        lines.set_line_mode(&data[3..]);
    }

    fn line_length_exceeded(&mut self, _lines: &Lines, _start: &[u8]) {
        self.refuse();
    }
}

impl LineOnlyHandler for Counter {
    fn line_received(&mut self, _lines: &LinesOnly, line: &[u8]) {
        self.note(line);
    }

    fn line_length_exceeded(&mut self, _lines: &LinesOnly, _start: &[u8]) {
        self.refuse();
    }
}

impl StringHandler for Counter {
    fn string_received(&mut self, _strings: &Strings, string: &[u8]) {
        self.note(string);
    }

    fn string_refused(&mut self, _strings: &Strings, _why: &StringError) {
        self.refuse();
    }
}

thread_local! {
    static SCANS: Cell<usize> = const { Cell::new(0) };
    static SCANNED: Cell<usize> = const { Cell::new(0) };
}

/// Counts how often, and with how many bytes that it has not seen before, a framing is asked.
struct Watched<F>(F);

impl<F: StringFraming> Framing for Watched<F> {
    type Refusal = StringError;

    fn scan(&mut self, held: &[u8], bytes: &[u8]) -> Scan<StringError> {
        let scan = self.0.scan(held, bytes);
        let seen = match &scan {
            Scan::Frame { taken, .. } | Scan::Nothing { taken } => taken.saturating_sub(held.len()),
            _ => bytes.len(),
        };
        SCANS.set(SCANS.get() + 1);
        SCANNED.set(SCANNED.get() + seen);
        scan
    }
}

impl<F: StringFraming> StringFraming for Watched<F> {
    fn up_to(max_length: usize) -> Self {
        Self(F::up_to(max_length))
    }

    fn envelope(length: usize) -> Result<Envelope, StringTooLong> {
        F::envelope(length)
    }
}

// P-023
#[test]
fn many_short_strings_in_one_piece_are_neither_copied_nor_looked_at_twice() {
    for (string, count) in [(&b"\0\0\0\x03abc"[..], 100_000), (b"\0\0\0\0", 100_000)] {
        let text = string.repeat(count);
        let counter = Counter::default();
        counter.expects(&text);
        let receiver = StringReceiver::<Watched<Counted<4>>, _>::new(counter.shared());
        let mut played = Played::new(receiver);
        let (scans, scanned) = (SCANS.get(), SCANNED.get());

        let spent = Asked::by(|| played.receive(&text));

        assert_eq!(counter.frames.get(), count);
        assert_eq!((counter.copied.get(), spent.times), (0, 0));
        assert_eq!(SCANS.get() - scans, count);
        assert_eq!(SCANNED.get() - scanned, text.len());
    }
}

#[track_caller]
fn is_linear_in_small_pieces<F: StringFraming>() {
    const LENGTH: usize = 1_000_000;
    let string = vec![b'x'; LENGTH];
    let envelope = F::envelope(LENGTH).expect("it is short enough");
    let text = [envelope.head(), &string, envelope.tail()].concat();
    for size in [1, 2, 7, 1000] {
        let counter = Counter::default();
        let receiver = StringReceiver::<Watched<F>, _>::new(counter.shared()).max_length(LENGTH);
        let mut played = Played::new(receiver);
        let (scans, scanned) = (SCANS.get(), SCANNED.get());

        let spent = Asked::by(|| {
            for piece in text.chunks(size) {
                played.receive(piece);
            }
        });

        assert_eq!((counter.frames.get(), counter.bytes.get()), (1, LENGTH));
        assert_eq!(SCANS.get() - scans, text.len().div_ceil(size));
        assert_eq!(SCANNED.get() - scanned, text.len());
        // A buffer that doubles allocates twice its end in all, and that may be twice as long as what it holds.
        assert!(spent.bytes <= 4 * LENGTH + 4096, "{}", spent.bytes);
        assert!(spent.kept <= 1024, "{}", spent.kept);
    }
}

// P-023
#[test]
fn a_long_string_in_small_pieces_takes_linear_work() {
    is_linear_in_small_pieces::<Counted<4>>();
    is_linear_in_small_pieces::<Netstring>();
}

// P-021
#[test]
fn nothing_is_kept_of_a_string_that_is_too_long() {
    let counter = Counter::default();
    let mut played = Played::new(Int32StringReceiver::new(counter.shared()).max_length(1000));
    let text = vec![b'x'; 1_000_000];

    let spent = Asked::by(|| {
        played.receive(&1_000_000_u32.to_be_bytes());
        text.chunks(7).for_each(|piece| played.receive(piece));
        played.receive(b"\0\0\0\x02ok");
    });

    assert_eq!((counter.refusals.get(), counter.frames.get()), (1, 1));
    assert_eq!(spent.times, 0);
}

// P-001
#[test]
fn lines_in_one_piece_are_not_copied_and_one_across_two_pieces_is_alone() {
    let counter = Counter::default();
    let mut played = Played::new(LineReceiver::new(counter.shared()));
    let text = b"a line of twenty-two b\r\n".repeat(1000);
    let (first, second) = text.split_at(text.len() / 2 + 5);

    let spent = Asked::by(|| {
        counter.expects(first);
        played.receive(first);
        counter.expects(second);
        played.receive(second);
    });

    assert_eq!(counter.frames.get(), 1000);
    assert_eq!(counter.copied.get(), 1);
    assert!(spent.bytes <= 100, "{}", spent.bytes);
}

// P-013
#[test]
fn a_long_line_in_single_bytes_is_copied_once() {
    const LENGTH: usize = 100_000;
    let counter = Counter::default();
    let receiver = LineOnlyReceiver::new(counter.shared()).max_length(LENGTH);
    let mut played = Played::new(receiver);
    let text = [&vec![b'x'; LENGTH][..], b"\r\n"].concat();

    let spent = Asked::by(|| text.chunks(1).for_each(|piece| played.receive(piece)));

    assert_eq!(counter.frames.get(), 1);
    assert!(spent.bytes <= 4 * LENGTH, "{}", spent.bytes);
}

// P-013
#[test]
fn a_line_only_receiver_keeps_no_buffer_after_a_long_line() {
    const LENGTH: usize = 16_384;
    let counter = Counter::default();
    let mut played = Played::new(LineOnlyReceiver::new(counter.shared()));
    let refused = vec![b'x'; LENGTH + 10];

    let refusing = Asked::by(|| refused.chunks(100).for_each(|piece| played.receive(piece)));
    let deaf = Asked::by(|| {
        for _ in 0..1000 {
            played.receive(b"some more\r\nand more, which ends nowhere");
        }
    });

    assert_eq!((counter.refusals.get(), counter.frames.get()), (1, 0));
    assert_eq!(refusing.kept, 0);
    assert_eq!(deaf.times, 0);
}

// P-007
#[test]
fn a_line_without_an_end_never_fills_more_than_its_limit() {
    const LENGTH: usize = 16_384;
    for size in [1, 3, 1000, 65_536] {
        let counter = Counter::default();
        let mut played = Played::new(LineReceiver::new(counter.shared()));
        let endless = vec![b'x'; 1_000_000];
        let mut most = 0;

        let before = Asked::so_far();
        for piece in endless.chunks(size) {
            played.receive(piece);
            most = most.max(Asked::so_far().since(before).kept);
        }

        assert_eq!(counter.refusals.get(), 1);
        assert!(most <= 2 * LENGTH.cast_signed(), "{most}");
    }
}

// P-002
#[test]
fn bodies_in_one_piece_are_handed_back_without_copying() {
    let counter = Counter::default();
    let mut played = Played::new(LineReceiver::new(counter.shared()));
    let text = b"raw\r\nabc".repeat(100_000);

    let spent = Asked::by(|| played.receive(&text));

    assert_eq!(counter.frames.get(), 100_000);
    assert_eq!(spent.times, 0);
}

// P-003
#[test]
fn pausing_in_each_of_many_lines_copies_them_once() {
    let counter = Counter::default();
    let mut played = Played::new(LineReceiver::new(counter.shared()));
    let text = b"pause\r\n".repeat(10_000);

    let spent = Asked::by(|| {
        played.receive(&text);
        while let Some(lines) = counter.paused.take() {
            lines.resume_producing();
            played.turn();
        }
    });

    assert_eq!(counter.frames.get(), 10_000);
    assert!(spent.bytes <= text.len(), "{}", spent.bytes);
    assert_eq!(spent.kept, 0);
}
