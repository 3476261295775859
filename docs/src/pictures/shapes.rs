//! The pictures of how things are built.

use std::fs;

use super::runs;
use super::svg::{Align, Sheet, Tone};
use crate::tables::root;

/// One turn of the loop, and where it calls the program.
#[must_use]
pub(super) fn turn() -> String {
    const STEPS: [(&str, Tone, &str); 6] = [
        (
            "take signals, calls from threads",
            Tone::Plain,
            "calls sent by other threads",
        ),
        ("run jobs left for this turn", Tone::Plain, "jobs"),
        (
            "run delayed calls that are due",
            Tone::Plain,
            "what call_later was given",
        ),
        (
            "told to stop? then end",
            Tone::Plain,
            "what is to be done at the end",
        ),
        ("wait", Tone::Loop, ""),
        (
            "tell the descriptors that are ready",
            Tone::Plain,
            "do_read, do_write",
        ),
    ];
    let title =
        "One turn of the loop: it waits in one place, and calls the program from the others";
    let mut sheet = Sheet::new(720, 372, title);
    sheet.text(212, 30, Align::Middle, "head", "the loop");
    sheet.text(560, 30, Align::Middle, "head", "your callbacks");
    let (left, width, height) = (76, 272, 34);
    let top = |row: i32| 48 + row * 52;
    for (row, (step, tone, calls)) in (0..).zip(STEPS) {
        let (y, middle) = (top(row), top(row) + height / 2);
        sheet.rect(left, y, width, height, tone);
        sheet.text(left + width / 2, middle + 4, Align::Middle, "", step);
        sheet.text(
            left + 14,
            middle + 4,
            Align::Middle,
            "small",
            &(row + 1).to_string(),
        );
        if row < 5 {
            sheet.arrow(&[(212, y + height), (212, top(row + 1))], Tone::Plain);
        }
        if !calls.is_empty() {
            sheet.arrow(&[(348, middle - 5), (458, middle - 5)], Tone::Callback);
            sheet.arrow(&[(458, middle + 5), (348, middle + 5)], Tone::Callback);
            sheet.rect(458, y, 206, height, Tone::Callback);
            sheet.text(561, middle + 4, Align::Middle, "", calls);
        }
    }
    let back = [(76, 325), (40, 325), (40, 65), (76, 65)];
    sheet.arrow(&back, Tone::Loop);
    let (x, y) = (560, top(4) + 21);
    sheet.text(
        x,
        y,
        Align::Middle,
        "small",
        "the only place where the thread stands still",
    );
    sheet.finish()
}

/// A factory, and for each connection a protocol with its transport.
#[must_use]
pub(super) fn trio() -> String {
    let title =
        "A factory builds a protocol for each connection; each has a transport, which has a socket";
    let mut sheet = Sheet::new(800, 260, title);
    sheet.rect(20, 84, 160, 92, Tone::Callback);
    sheet.text(100, 112, Align::Middle, "head", "Factory");
    sheet.text(100, 134, Align::Middle, "small", "one for all connections:");
    sheet.text(100, 152, Align::Middle, "small", "what they share");
    sheet.text(233, 122, Align::Middle, "mono", "build_protocol");
    for (y, number) in [(30, 1), (150, 2)] {
        let middle = y + 40;
        let way = [(180, 130), (286, 130), (286, middle), (300, middle)];
        sheet.arrow(&way, Tone::Plain);
        sheet.rect(300, y, 160, 80, Tone::Callback);
        sheet.text(
            380,
            y + 26,
            Align::Middle,
            "head",
            &format!("Protocol {number}"),
        );
        sheet.text(380, y + 47, Align::Middle, "small", "what is spoken:");
        sheet.text(
            380,
            y + 64,
            Align::Middle,
            "small",
            "state of one connection",
        );

        sheet.arrow(&[(596, y + 26), (460, y + 26)], Tone::Loop);
        sheet.text(528, y + 20, Align::Middle, "mono", "data_received");
        sheet.arrow(&[(460, y + 60), (596, y + 60)], Tone::Callback);
        sheet.text(528, y + 54, Align::Middle, "mono", "write");

        sheet.rect(596, y, 130, 80, Tone::Loop);
        sheet.text(
            661,
            y + 26,
            Align::Middle,
            "head",
            &format!("Transport {number}"),
        );
        sheet.text(661, y + 47, Align::Middle, "small", "how bytes travel:");
        sheet.text(661, y + 64, Align::Middle, "small", "socket, buffer");
        sheet.line(&[(726, middle), (780, middle)], Tone::Loop);
        sheet.text(754, middle - 8, Align::Middle, "small", "peer");
    }
    sheet.finish()
}

/// The states of a slot.
#[must_use]
pub(super) fn slot() -> String {
    let title = "The states of a slot: empty, then a link, a node to feed, a result, or closed";
    let mut sheet = Sheet::new(760, 330, title);
    let states = [
        (
            60,
            Tone::Callback,
            "Next(link)",
            "a link is added",
            "the link gets it, and is ready",
        ),
        (
            126,
            Tone::Loop,
            "Feeds(node)",
            "its chain was returned",
            "it goes into that node's slot",
        ),
        (192, Tone::Plain, "Result", "", "waits for the Deferred"),
        (
            258,
            Tone::Faint,
            "Closed",
            "the Deferred is dropped",
            "dropped, or reported",
        ),
    ];
    sheet.text(430, 34, Align::Middle, "head", "what is in the slot");
    sheet.text(640, 34, Align::Middle, "head", "and when the result comes");
    sheet.code_box(24, 150, 110, 40, Tone::Plain, "Empty");
    sheet.text(79, 140, Align::Middle, "small", "a new node");
    for (y, tone, state, before, after) in states {
        let middle = y + 20;
        sheet.arrow(
            &[(134, 170), (160, 170), (160, middle), (370, middle)],
            Tone::Plain,
        );
        let why = if before.is_empty() {
            "the result comes first"
        } else {
            before
        };
        sheet.text(265, middle - 7, Align::Middle, "small", why);
        sheet.code_box(370, y, 120, 40, tone, state);
        let (dash, words) = if before.is_empty() {
            (Tone::Faint, after)
        } else {
            (tone, after)
        };
        sheet.arrow(&[(490, middle), (530, middle)], dash);
        sheet.text(540, middle + 4, Align::Start, "small", words);
    }
    sheet.finish()
}

/// The poems of the three servers of the first chapters, and how many bytes of each are sent at a time.
const POEMS: [(&str, usize); 3] = [("river", 30), ("letter", 10), ("lamp", 10)];

/// How long a server needs for a poem that it sends in pieces, one each tenth of a second, in seconds.
fn seconds((name, piece): (&'static str, usize)) -> (&'static str, f64) {
    let poem = root().join(format!("examples/poems/{name}.txt"));
    let poem = fs::read(poem).expect("the poems are part of the project");
    let pieces = u32::try_from(poem.len().div_ceil(piece)).expect("no poem is so long");
    (name, f64::from(pieces) / 10.0)
}

/// How a client that blocks and one that does not spend their time.
#[must_use]
pub(super) fn poems() -> String {
    let title = "Three poems, one after the other and all at once";
    let mut sheet = Sheet::new(760, 286, title);
    let scale = |seconds: f64| 100 + whole(seconds * 26.0);
    let parts = [
        (false, 40, "one after the other"),
        (true, 158, "all at once"),
    ];
    for (at_once, y, head) in parts {
        sheet.text(24, y - 10, Align::Start, "head", head);
        let spans = runs::poems(POEMS.map(seconds), at_once);
        for (row, span) in (0..).zip(&spans) {
            let top = y + row * 30;
            sheet.text(88, top + 16, Align::End, "mono", span.name);
            let (from, to) = (scale(span.begin), scale(span.end));
            sheet.rect(from, top, to - from, 22, Tone::Callback);
            let took = format!("{:.1} s", span.end - span.begin);
            sheet.text((from + to) / 2, top + 15, Align::Middle, "small", &took);
        }
        let end = spans.iter().map(|span| span.end).fold(0.0, f64::max);
        let x = scale(end);
        sheet.line(&[(x, y - 4), (x, y + 88)], Tone::Loop);
        sheet.text(x + 6, y + 84, Align::Start, "head", &format!("{end:.1} s"));
    }
    let caption =
        "Each bar is time that is spent waiting. One thread can wait for three servers at once.";
    sheet.text(24, 270, Align::Start, "small", caption);
    sheet.finish()
}

/// The nearest whole number.
fn whole(number: f64) -> i32 {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a place on a sheet is small"
    )]
    let whole = number.round() as i32;
    whole
}
