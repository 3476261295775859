//! Services that say one thing and go.

use std::fmt;
use std::rc::Rc;

use crate::{Address, Factory, Protocol, Transport};

/// Sends an answer to everybody who connects, and closes.
pub struct AnswerFactory {
    answer: Box<dyn Fn() -> Vec<u8>>,
}

impl AnswerFactory {
    /// A factory whose connections send what `answer` returns when they begin.
    pub fn new(answer: impl Fn() -> Vec<u8> + 'static) -> Self {
        Self {
            answer: Box::new(answer),
        }
    }
}

impl fmt::Debug for AnswerFactory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerFactory").finish_non_exhaustive()
    }
}

impl Factory for AnswerFactory {
    type Protocol = Answer;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Answer> {
        Some(Answer(Rc::clone(self)))
    }
}

/// One connection of an [`AnswerFactory`].
#[derive(Debug)]
pub struct Answer(Rc<AnswerFactory>);

impl Protocol for Answer {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        transport.write(&(self.0.answer)());
        transport.lose_connection();
    }

    /// Nothing that is said to it matters.
    fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {}
}
