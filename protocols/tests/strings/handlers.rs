//! A handler that notes what it is called with and does what a test wants.

use protocols::strings::{StringError, StringFraming, StringHandler, StringReceiver, Strings};

use crate::recording::{Notes, Played, Recorder};

type OnString = Box<dyn FnMut(&Strings, &[u8])>;

/// Notes everything, and does nothing unless it is given something to do.
#[derive(Default)]
pub(crate) struct Scripted {
    notes: Notes,
    on_string: Option<OnString>,
    goes_on: bool,
}

impl Scripted {
    pub(crate) fn noting(notes: &Notes) -> Self {
        Self {
            notes: notes.clone(),
            ..Self::default()
        }
    }

    pub(crate) fn on_string(mut self, f: impl FnMut(&Strings, &[u8]) + 'static) -> Self {
        self.on_string = Some(Box::new(f));
        self
    }

    /// Does not end the connection for what is refused.
    pub(crate) fn going_on(mut self) -> Self {
        self.goes_on = true;
        self
    }
}

impl StringHandler for Scripted {
    fn string_received(&mut self, strings: &Strings, string: &[u8]) {
        self.notes.add("string", string);
        if let Some(on_string) = &mut self.on_string {
            on_string(strings, string);
        }
    }

    fn string_refused(&mut self, strings: &Strings, why: &StringError) {
        let why = match why {
            StringError::TooLong { length, limit } => format!("{length} > {limit}"),
            StringError::NoLength => "no length".to_owned(),
            StringError::NoComma { length } => format!("no comma after {length}"),
            _ => "another reason".to_owned(),
        };
        self.notes.add("refused", why.as_bytes());
        if !self.goes_on {
            strings.lose_connection();
        }
    }
}

/// What a handler that does nothing notes of these pieces, and whether the connection is ended after them.
pub(crate) fn received<F: StringFraming>(
    receiver: impl FnOnce(Scripted) -> StringReceiver<F, Scripted>,
    pieces: &[impl AsRef<[u8]>],
) -> (Vec<String>, bool) {
    let notes = Notes::default();
    let mut played = Played::new(receiver(Scripted::noting(&notes)));
    for piece in pieces {
        played.receive_all_the_same(piece.as_ref());
    }
    (notes.take(), played.recorder.is_ended())
}

/// What such a receiver writes when its handler sends these strings.
pub(crate) fn sent<F: StringFraming>(strings: &[impl AsRef<[u8]>]) -> Vec<u8> {
    let recorder = sending::<F>(strings.iter().map(|string| string.as_ref().to_vec()));
    recorder.written()
}

fn sending<F: StringFraming>(strings: impl Iterator<Item = Vec<u8>>) -> std::rc::Rc<Recorder> {
    let handler = Sender(strings.collect());
    Played::new(StringReceiver::<F, _>::new(handler)).recorder
}

/// Sends strings at the beginning.
struct Sender(Vec<Vec<u8>>);

impl StringHandler for Sender {
    fn connection_made(&mut self, strings: &Strings) {
        for string in &self.0 {
            strings.send_string(string).expect("they are short enough");
        }
    }

    fn string_received(&mut self, _strings: &Strings, _string: &[u8]) {}
}
