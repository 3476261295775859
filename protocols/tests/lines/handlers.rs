//! A handler that notes what it is called with and does what a test wants.

use protocols::line::{LineHandler, LineReceiver, Lines};

use crate::recording::{Notes, Played};

type OnData = Box<dyn FnMut(&Lines, &[u8])>;

/// Notes everything, and does nothing unless it is given something to do.
#[derive(Default)]
pub(crate) struct Scripted {
    pub(crate) notes: Notes,
    on_line: Option<OnData>,
    on_raw: Option<OnData>,
    on_exceeded: Option<OnData>,
}

impl Scripted {
    pub(crate) fn noting(notes: &Notes) -> Self {
        Self {
            notes: notes.clone(),
            ..Self::default()
        }
    }

    pub(crate) fn on_line(mut self, f: impl FnMut(&Lines, &[u8]) + 'static) -> Self {
        self.on_line = Some(Box::new(f));
        self
    }

    pub(crate) fn on_raw(mut self, f: impl FnMut(&Lines, &[u8]) + 'static) -> Self {
        self.on_raw = Some(Box::new(f));
        self
    }

    /// Instead of what is done unless it is written anew.
    pub(crate) fn on_exceeded(mut self, f: impl FnMut(&Lines, &[u8]) + 'static) -> Self {
        self.on_exceeded = Some(Box::new(f));
        self
    }
}

impl LineHandler for Scripted {
    fn line_received(&mut self, lines: &Lines, line: &[u8]) {
        self.notes.add("line", line);
        if let Some(on_line) = &mut self.on_line {
            on_line(lines, line);
        }
    }

    fn raw_data_received(&mut self, lines: &Lines, data: &[u8]) {
        self.notes.add("raw", data);
        if let Some(on_raw) = &mut self.on_raw {
            on_raw(lines, data);
        }
    }

    fn line_length_exceeded(&mut self, lines: &Lines, start: &[u8]) {
        self.notes.add("exceeded", start);
        match &mut self.on_exceeded {
            Some(on_exceeded) => on_exceeded(lines, start),
            None => lines.lose_connection(),
        }
    }
}

/// What a handler that does nothing notes of these pieces.
pub(crate) fn received(
    receiver: impl FnOnce(Scripted) -> LineReceiver<Scripted>,
    pieces: &[impl AsRef<[u8]>],
) -> Vec<String> {
    let notes = Notes::default();
    let mut played = Played::new(receiver(Scripted::noting(&notes)));
    for piece in pieces {
        played.receive_all_the_same(piece.as_ref());
    }
    notes.take()
}

/// The data in two pieces, cut at every place.
pub(crate) fn all_cuttings(data: &[u8]) -> Vec<[&[u8]; 2]> {
    let cut = |at| {
        let (first, second) = data.split_at(at);
        [first, second]
    };
    (0..=data.len()).map(cut).collect()
}
