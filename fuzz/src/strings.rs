//! Netstrings and counted strings.

use protocols::strings::{
    Counted, Netstring, StringError, StringFraming, StringHandler, StringReceiver, Strings,
};

use crate::recording::Notes;
use crate::{Kept, Setting, act};

/// Receives an input as netstrings.
pub fn netstrings(input: &[u8]) {
    if let Some(setting) = Setting::of(input) {
        compare::<Netstring>(&setting);
    }
}

/// Receives an input as counted strings.
pub fn counted(input: &[u8]) {
    let Some(setting) = Setting::of(input) else {
        return;
    };
    match setting.kind % 3 {
        0 => compare::<Counted<1>>(&setting),
        1 => compare::<Counted<2>>(&setting),
        _ => compare::<Counted<4>>(&setting),
    }
}

fn compare<F: StringFraming>(setting: &Setting<'_>) {
    setting.compare(|notes, kept| {
        let handler = Handler {
            notes: notes.clone(),
            kept: kept.clone(),
            ends: setting.ends,
        };
        StringReceiver::<F, _>::new(handler).max_length(setting.max_length)
    });
}

/// Does what the first byte of each string tells.
struct Handler {
    notes: Notes,
    kept: Kept,
    ends: bool,
}

impl StringHandler for Handler {
    fn string_received(&mut self, strings: &Strings, string: &[u8]) {
        self.notes
            .add("string", format!("{string:02x?}").as_bytes());
        if let Some(byte) = string.first() {
            act(*byte, &strings.transport(), &self.kept);
        }
    }

    fn string_refused(&mut self, strings: &Strings, why: &StringError) {
        self.notes.add("refused", format!("{why:?}").as_bytes());
        if self.ends {
            strings.lose_connection();
        }
    }
}
