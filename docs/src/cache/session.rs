//! The server's half of one conversation, without a network.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::Input;

/// How large a value may be, as in memcached.
const LARGEST_VALUE: usize = 1024 * 1024;
/// How long a key may be, as in memcached.
const LONGEST_KEY: usize = 250;

/// What is stored under a key: the client's flags, and the value.
type Entry = (u32, Vec<u8>);

/// The values that all sessions share.
#[derive(Debug, Clone, Default)]
pub struct Store(Rc<RefCell<HashMap<Vec<u8>, Entry>>>);

// ANCHOR: session
/// One client's conversation: bytes in, bytes out.
#[derive(Debug, Default)]
pub struct Session {
    store: Store,
    input: Input,
    expected: Expected,
}

/// What the next bytes are.
#[derive(Debug, Default)]
enum Expected {
    #[default]
    Command,
    /// The value of a `set`, and the end of line behind it. Without an entry to make, it is read over.
    Value {
        length: usize,
        entry: Option<(Vec<u8>, u32)>,
    },
    /// Nothing that could be understood.
    Nothing,
}

impl Session {
    /// A conversation about these values.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        Self {
            store: store.clone(),
            ..Self::default()
        }
    }

    /// Takes a piece of what the client says, and returns the answers to all that is complete by it.
    pub fn receive(&mut self, piece: &[u8]) -> Vec<u8> {
        self.input.push(piece);
        let mut answers = Vec::new();
        while let Some(answer) = self.step() {
            answers.extend_from_slice(&answer);
        }
        answers
    }

    /// Whether the client has said something after which nothing can be understood.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.expected, Expected::Nothing)
    }

    /// Understands one more line or value, if it is there.
    fn step(&mut self) -> Option<Vec<u8>> {
        match &mut self.expected {
            Expected::Command => match self.input.line() {
                Ok(line) => Some(self.command(&line?)),
                Err(error) => Some(self.give_up(&error.to_string())),
            },
            Expected::Value { length, entry } => {
                let value = self.input.block(*length + 2)?;
                let entry = entry.take();
                self.expected = Expected::Command;
                Some(self.value(value, entry))
            }
            Expected::Nothing => None,
        }
    }
}
// ANCHOR_END: session

// ANCHOR: commands
impl Session {
    fn command(&mut self, line: &[u8]) -> Vec<u8> {
        let words: Vec<_> = line.split(|&byte| byte == b' ').collect();
        match words[..] {
            [b"get", key] => self.get(key),
            [b"set", key, flags, expiry, length] => self.set(key, flags, expiry, length),
            [b"delete", key] => match self.store.0.borrow_mut().remove(key) {
                Some(_) => b"DELETED\r\n".to_vec(),
                None => b"NOT_FOUND\r\n".to_vec(),
            },
            _ => b"ERROR\r\n".to_vec(),
        }
    }

    fn get(&self, key: &[u8]) -> Vec<u8> {
        let store = self.store.0.borrow();
        let Some((flags, value)) = store.get(key) else {
            return b"END\r\n".to_vec();
        };
        let key = String::from_utf8_lossy(key);
        let mut answer = format!("VALUE {key} {flags} {}\r\n", value.len()).into_bytes();
        answer.extend_from_slice(value);
        answer.extend_from_slice(b"\r\nEND\r\n");
        answer
    }

    /// Begins a `set`, whose value is still to come.
    fn set(&mut self, key: &[u8], flags: &[u8], expiry: &[u8], length: &[u8]) -> Vec<u8> {
        let Some(length) = number(length).filter(|length| *length <= LARGEST_VALUE) else {
            // Where the value ends is not known, or too far away.
            return self.give_up("bad length");
        };
        let flags = number(flags);
        let fault = match flags {
            None => Some("CLIENT_ERROR bad flags\r\n"),
            _ if !is_key(key) => Some("CLIENT_ERROR bad key\r\n"),
            _ if expiry != b"0" => Some("SERVER_ERROR nothing expires here\r\n"),
            _ => None,
        };
        let entry = flags
            .filter(|_| fault.is_none())
            .map(|flags| (key.to_vec(), flags));
        self.expected = Expected::Value { length, entry };
        fault.unwrap_or_default().into()
    }

    /// Ends a `set`, whose value has come.
    fn value(&mut self, mut value: Vec<u8>, entry: Option<(Vec<u8>, u32)>) -> Vec<u8> {
        if !value.ends_with(b"\r\n") {
            return self.give_up("bad data chunk");
        }
        value.truncate(value.len() - 2);
        let Some((key, flags)) = entry else {
            // That was answered when the command came.
            return Vec::new();
        };
        self.store.0.borrow_mut().insert(key, (flags, value));
        b"STORED\r\n".to_vec()
    }

    fn give_up(&mut self, why: &str) -> Vec<u8> {
        self.expected = Expected::Nothing;
        format!("CLIENT_ERROR {why}\r\n").into_bytes()
    }
}
// ANCHOR_END: commands

fn number<N: std::str::FromStr>(word: &[u8]) -> Option<N> {
    str::from_utf8(word).ok()?.parse().ok()
}

fn is_key(key: &[u8]) -> bool {
    (1..=LONGEST_KEY).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &[u8] = b"set river 7 0 4\r\na\r\nb\r\nget river\r\ndelete river\r\nget river\r\n";
    const ANSWERED: &[u8] = b"STORED\r\nVALUE river 7 4\r\na\r\nb\r\nEND\r\nDELETED\r\nEND\r\n";

    #[test]
    fn a_value_that_was_stored_is_got_and_deleted() {
        let mut session = Session::default();

        assert_eq!(session.receive(SAID), ANSWERED);
    }

    // ANCHOR: cut
    #[test]
    fn it_makes_no_difference_where_the_bytes_are_cut() {
        for cut in 0..=SAID.len() {
            let (first, second) = SAID.split_at(cut);
            let mut session = Session::default();

            let mut answered = session.receive(first);
            answered.extend(session.receive(second));

            assert_eq!(answered, ANSWERED, "cut after {cut} bytes");
        }
    }
    // ANCHOR_END: cut

    #[test]
    fn sessions_share_what_is_stored() {
        let store = Store::default();
        Session::new(&store).receive(b"set a 0 0 1\r\n1\r\n");

        assert_eq!(
            Session::new(&store).receive(b"get a\r\n"),
            b"VALUE a 0 1\r\n1\r\nEND\r\n"
        );
    }

    #[test]
    fn a_refused_value_is_read_over_and_the_conversation_goes_on() {
        let mut session = Session::default();

        let answered = session.receive(b"set a 0 60 3\r\nget\r\nget a\r\n");

        assert_eq!(answered, b"SERVER_ERROR nothing expires here\r\nEND\r\n");
        assert!(!session.is_over());
    }

    #[test]
    fn an_unknown_command_is_an_error_and_the_conversation_goes_on() {
        let mut session = Session::default();

        assert_eq!(session.receive(b"sing\r\nget a\r\n"), b"ERROR\r\nEND\r\n");
    }

    #[test]
    fn a_client_that_cannot_be_understood_is_told_once() {
        for said in [
            &b"set a 0 0 many\r\n"[..],
            b"set a 0 0 99999999999999999999\r\n",
            b"set a 0 0 1048577\r\n",
            b"set a 0 0 1\r\n123get a\r\n",
            &[b'x'; 600],
        ] {
            let mut session = Session::default();

            let answered = session.receive(said);

            assert!(answered.starts_with(b"CLIENT_ERROR "));
            assert!(session.is_over());
            assert_eq!(session.receive(b"get a\r\n"), b"");
        }
    }
}
