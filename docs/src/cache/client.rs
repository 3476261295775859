//! The client's half: a Deferred a request, fired in the order of the requests.

use std::cell::{OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use protocols::deferred::{Deferred, Failure, Firer};
use protocols::endpoints::ClientEndpoint;
use protocols::{Protocol, Transport};

use super::Input;

/// How large a value is believed to be.
const LARGEST_VALUE: usize = 1024 * 1024;

/// What a server has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A value, to a `get`; none, if there is none.
    Value(Option<Vec<u8>>),
    /// A word, to a command.
    Word(String),
}

/// A server has not answered as it should.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CacheError {
    /// It refused the command.
    #[error("the server refused: {0}")]
    Refused(String),
    /// It said what no server says.
    #[error("the server cannot be understood: {0}")]
    Gibberish(String),
}

// ANCHOR: client
/// Asks a server, over one connection. A clone asks over the same one.
#[derive(Clone)]
#[expect(missing_debug_implementations, reason = "a transport has none")]
pub struct Client {
    transport: Rc<dyn Transport>,
    asked: Rc<Asked>,
}

/// Those who have asked.
#[derive(Default)]
struct Asked {
    /// The one who waits longest is the first.
    firers: RefCell<VecDeque<Firer<Answer>>>,
    /// Why there will be no more answers.
    over: OnceCell<Failure>,
}

/// Connects to a server.
pub fn connect(server: &ClientEndpoint) -> Deferred<Client> {
    let asked = Rc::new(Asked::default());
    let protocol = ClientProtocol {
        asked: Rc::clone(&asked),
        input: Input::default(),
        expected: Expected::Line,
    };
    server.connect_protocol(protocol).map(|connected| Client {
        transport: Rc::clone(connected.transport()),
        asked,
    })
}

impl Client {
    /// Asks for the value of a key.
    pub fn get(&self, key: &str) -> Deferred<Option<Vec<u8>>> {
        let answer = self.ask(format!("get {key}\r\n").as_bytes());
        answer.add_callback(|answer| match answer {
            Answer::Value(value) => Ok(value),
            Answer::Word(word) => Err(CacheError::Refused(word).into()),
        })
    }

    /// Stores a value.
    pub fn set(&self, key: &str, value: &[u8]) -> Deferred<()> {
        let mut request = format!("set {key} 0 0 {}\r\n", value.len()).into_bytes();
        request.extend_from_slice(value);
        request.extend_from_slice(b"\r\n");
        let answer = self.ask(&request);
        answer.add_callback(|answer| match answer {
            Answer::Word(word) if word == "STORED" => Ok(()),
            other => Err(CacheError::Refused(format!("{other:?}")).into()),
        })
    }

    /// Sends a request; its answer comes when those to all requests before it have.
    fn ask(&self, request: &[u8]) -> Deferred<Answer> {
        if let Some(reason) = self.asked.over.get() {
            return Deferred::fail(reason.clone());
        }
        let (firer, answer) = Deferred::new();
        self.asked.firers.borrow_mut().push_back(firer);
        self.transport.write(request);
        answer
    }
}
// ANCHOR_END: client

// ANCHOR: protocol
struct ClientProtocol {
    asked: Rc<Asked>,
    input: Input,
    expected: Expected,
}

/// What the next bytes are.
enum Expected {
    Line,
    /// A value and the end of its line.
    Value(usize),
    /// The word `END` after this value.
    End(Vec<u8>),
}

impl Protocol for ClientProtocol {
    fn data_received(&mut self, transport: &Rc<dyn Transport>, data: &[u8]) {
        self.input.push(data);
        loop {
            match self.step() {
                Ok(Some(answer)) => self.answered(Ok(answer)),
                Ok(None) => break,
                Err(error) => {
                    self.answered(Err(error.into()));
                    transport.abort_connection();
                    break;
                }
            }
        }
    }

    fn connection_lost(&mut self, reason: Failure) {
        // First, for those who ask again as soon as they are told.
        let reason = self.asked.over.get_or_init(|| reason);
        while !self.asked.firers.borrow().is_empty() {
            self.answered(Err(reason.clone()));
        }
    }
}

impl ClientProtocol {
    /// Tells whoever waits longest.
    fn answered(&self, answer: Result<Answer, Failure>) {
        // The borrow ends here: whoever is told may ask again at once.
        let first = self.asked.firers.borrow_mut().pop_front();
        if let Some(firer) = first {
            firer.fire(answer);
        }
    }
}
// ANCHOR_END: protocol

impl ClientProtocol {
    /// Understands one more line or value, if it is there; gives an answer when one is complete.
    fn step(&mut self) -> Result<Option<Answer>, CacheError> {
        loop {
            if let Expected::Value(length) = self.expected {
                let Some(mut value) = self.input.block(length + 2) else {
                    return Ok(None);
                };
                value.truncate(length);
                self.expected = Expected::End(value);
            }
            let line = self.input.line();
            let line = line.map_err(|error| CacheError::Gibberish(error.to_string()))?;
            let Some(line) = line else { return Ok(None) };
            let line = String::from_utf8_lossy(&line).into_owned();
            match std::mem::replace(&mut self.expected, Expected::Line) {
                Expected::End(value) if line == "END" => {
                    return Ok(Some(Answer::Value(Some(value))));
                }
                Expected::End(_) => return Err(CacheError::Gibberish(line)),
                _ if line == "END" => return Ok(Some(Answer::Value(None))),
                _ if line.starts_with("VALUE ") => self.expected = value_of(&line)?,
                _ => return Ok(Some(Answer::Word(line))),
            }
        }
    }
}

/// How long the value is that this line announces.
fn value_of(line: &str) -> Result<Expected, CacheError> {
    let length = line.split(' ').nth(3).and_then(|word| word.parse().ok());
    match length {
        Some(length) if length <= LARGEST_VALUE => Ok(Expected::Value(length)),
        _ => Err(CacheError::Gibberish(line.to_owned())),
    }
}
