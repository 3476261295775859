//! Lines, with raw data between them.

use protocols::line::{
    LineHandler, LineOnlyHandler, LineOnlyReceiver, LineReceiver, Lines, LinesOnly,
};

use crate::recording::Notes;
use crate::{Kept, Setting, act};

/// Receives an input as lines.
pub fn lines(input: &[u8]) {
    let Some(setting) = Setting::of(input) else {
        return;
    };
    let delimiters: [&[u8]; 4] = [b"\r\n", b"\n", b"aab", b"\r\n\r\n"];
    let delimiter = delimiters[usize::from(setting.kind % 4)];
    let handler = |notes: &Notes, kept: &Kept| Handler {
        notes: notes.clone(),
        kept: kept.clone(),
        ends: setting.ends,
    };
    if setting.kind < 128 {
        setting.compare(|notes, kept| {
            LineReceiver::new(handler(notes, kept))
                .delimiter(delimiter)
                .max_length(setting.max_length)
        });
    } else {
        setting.compare(|notes, kept| {
            LineOnlyReceiver::new(handler(notes, kept))
                .delimiter(delimiter)
                .max_length(setting.max_length)
        });
    }
}

/// Does what the first byte of each line tells.
struct Handler {
    notes: Notes,
    kept: Kept,
    ends: bool,
}

impl LineHandler for Handler {
    fn line_received(&mut self, lines: &Lines, line: &[u8]) {
        self.notes.add("line", hex(line).as_bytes());
        match line.first() {
            Some(b'r') => lines.set_raw_mode(),
            Some(b'b') => lines.set_line_mode(b"before "),
            Some(other) => act(*other, &lines.transport(), &self.kept),
            None => {}
        }
    }

    /// Raw data ends with a `z`.
    fn raw_data_received(&mut self, lines: &Lines, data: &[u8]) {
        let end = data.iter().position(|byte| *byte == b'z');
        let (raw, rest) = data.split_at(end.map_or(data.len(), |end| end + 1));
        self.notes.add("raw", hex(raw).as_bytes());
        if end.is_some() {
            lines.set_line_mode(rest);
        }
    }

    fn line_length_exceeded(&mut self, lines: &Lines, start: &[u8]) {
        self.notes.add("exceeded", hex(start).as_bytes());
        if start.first() == Some(&b'r') {
            lines.set_raw_mode();
        } else if self.ends {
            lines.lose_connection();
        }
    }
}

impl LineOnlyHandler for Handler {
    fn line_received(&mut self, lines: &LinesOnly, line: &[u8]) {
        self.notes.add("line", hex(line).as_bytes());
        if let Some(byte) = line.first() {
            act(*byte, &lines.transport(), &self.kept);
        }
    }

    fn line_length_exceeded(&mut self, lines: &LinesOnly, start: &[u8]) {
        self.notes.add("exceeded", hex(start).as_bytes());
        if self.ends {
            lines.lose_connection();
        }
    }
}

/// Bytes in digits, so that no two texts look alike.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
