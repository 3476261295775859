//! Handlers that have a method for each state.

use protocols::strings::{
    NetstringReceiver, State, Stateful, StatefulHandler, StringError, Strings,
};

use crate::recording::{Notes, Played, pieces};

/// Asks for a name and a password, twice at most, and then takes one command.
struct Login {
    notes: Notes,
    tries: usize,
}

impl StatefulHandler for Login {
    const FIRST: State<Self> = State::then(Self::name);

    fn connection_made(&mut self, strings: &Strings) {
        strings.write(b"4:name,");
    }

    fn string_refused(&mut self, strings: &Strings, why: &StringError) {
        self.notes.add("refused", why.to_string().as_bytes());
        strings.abort_connection();
    }
}

impl Login {
    fn name(&mut self, _strings: &Strings, name: &[u8]) -> State<Self> {
        self.notes.add("name", name);
        State::then(Self::password)
    }

    fn password(&mut self, _strings: &Strings, password: &[u8]) -> State<Self> {
        self.notes.add("password", password);
        self.tries += 1;
        match password {
            b"sesame" => State::then(Self::command),
            _ if self.tries < 2 => State::then(Self::name),
            _ => State::DONE,
        }
    }

    fn command(&mut self, strings: &Strings, command: &[u8]) -> State<Self> {
        self.notes.add("command", command);
        strings.write(b"4:done,");
        State::DONE
    }
}

fn played(text: &[u8], length: usize) -> (Notes, Played<NetstringReceiver<Stateful<Login>>>) {
    let notes = Notes::default();
    let handler = Stateful::new(Login {
        notes: notes.clone(),
        tries: 0,
    });
    let mut played = Played::new(NetstringReceiver::new(handler));
    for piece in pieces(text, &[length]) {
        played.receive_all_the_same(&piece);
    }
    (notes, played)
}

// P-025
#[test]
fn each_string_goes_to_the_method_of_its_state_until_the_last_which_ends_the_connection() {
    for length in 1..60 {
        let text = b"2:me,3:one,2:me,6:sesame,2:go,5:never,";
        let (notes, played) = played(text, length);

        notes.assert(&[
            "name me",
            "password one",
            "name me",
            "password sesame",
            "command go",
        ]);
        assert_eq!(played.recorder.written(), b"4:name,4:done,");
        assert!(played.recorder.is_ended());
    }
}

// P-025
#[test]
fn a_method_may_end_the_connection_in_any_state() {
    let (notes, played) = played(b"2:me,3:one,2:me,3:two,6:sesame,", 7);

    notes.assert(&["name me", "password one", "name me", "password two"]);
    assert!(played.recorder.is_ended());
}

// P-025
#[test]
fn a_state_stays_while_no_string_comes_and_hears_of_what_is_none() {
    let (notes, played) = played(b"2:me,nonsense", 1);

    notes.assert(&[
        "name me",
        "refused a netstring does not begin with a length and a colon",
    ]);
    assert!(played.recorder.is_ended());
}
