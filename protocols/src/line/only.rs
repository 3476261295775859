//! Lines, and nothing else.

use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use deferred::Failure;

use crate::framing::{Event, Inlet, Receiver};
use crate::protocol::short_name;
use crate::{Flow, HalfCloseable, Protocol, Transport};

use super::delimited::{AfterRefusal, Delimited};

/// What is done with the lines of one connection that speaks nothing but lines.
///
/// A [`LineOnlyReceiver`] calls it, one method at a time and never from inside a call on its [`LinesOnly`].
pub trait LineOnlyHandler: 'static {
    /// Called once, before anything else.
    fn connection_made(&mut self, lines: &LinesOnly) {
        let _ = lines;
    }

    /// Called for each line, without its delimiter.
    fn line_received(&mut self, lines: &LinesOnly, line: &[u8]);

    /// Called for a line that is too long, as soon as it is; `start` is one byte more of it than is allowed.
    ///
    /// Nothing is received after it. This loses the connection, unless it is written anew, to say something before
    /// that, for example.
    fn line_length_exceeded(&mut self, lines: &LinesOnly, start: &[u8]) {
        let _ = start;
        lines.lose_connection();
    }

    /// Called once, at the end. What was held back by then is not received any more.
    fn connection_lost(&mut self, reason: Failure) {
        let _ = reason;
    }

    /// Itself, if it wants to hear of each direction's end, as a [`Protocol`] does.
    fn half_closeable(&mut self) -> Option<&mut dyn HalfCloseable> {
        None
    }
}

/// A handle to a connection on which nothing but lines is spoken.
///
/// Like [`Lines`](super::Lines), without the raw mode.
#[derive(Clone)]
pub struct LinesOnly {
    inlet: Rc<Inlet>,
    delimiter: Rc<[u8]>,
}

impl LinesOnly {
    /// Sends a line: `line`, and the delimiter after it.
    ///
    /// Nothing looks for delimiters within `line`; with one in it, it is two lines.
    pub fn send_line(&self, line: &[u8]) -> Flow {
        self.inlet.write_vectored(&[line, &self.delimiter])
    }

    /// The connection, as something that others may write to, or, as a producer, slow down.
    #[must_use]
    pub fn transport(&self) -> Rc<dyn Transport> {
        Rc::clone(&self.inlet) as _
    }
}

impl Deref for LinesOnly {
    type Target = dyn Transport;

    fn deref(&self) -> &Self::Target {
        &*self.inlet
    }
}

impl fmt::Debug for LinesOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LinesOnly")
            .field("peer", &self.inlet.peer())
            .finish_non_exhaustive()
    }
}

/// A protocol that receives lines, and gives them to its handler.
///
/// A line ends at the first delimiter, `\r\n` unless it is set otherwise, and is at most 16,384 bytes long, unless
/// that is. After a longer one, ended or not, nothing is kept and nothing more is received.
///
/// *Twisted's `LineOnlyReceiver`.*
pub struct LineOnlyReceiver<H> {
    handler: H,
    receiver: Receiver<Delimited>,
    /// There is one from the beginning of the connection on.
    lines: Option<LinesOnly>,
}

impl<H: LineOnlyHandler> LineOnlyReceiver<H> {
    /// A receiver for one connection.
    pub fn new(handler: H) -> Self {
        Self {
            handler,
            receiver: Receiver::new(Delimited::new(AfterRefusal::Nothing)),
            lines: None,
        }
    }

    /// Has lines end with `delimiter`, and sends it after each.
    ///
    /// # Panics
    ///
    /// If it is empty.
    #[must_use]
    pub fn delimiter(mut self, delimiter: &[u8]) -> Self {
        self.receiver = self.receiver.map(|framing| framing.parted_by(delimiter));
        self
    }

    /// Has lines be at most this long, without their delimiter.
    #[must_use]
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.receiver = self.receiver.map(|framing| framing.up_to(bytes));
        self
    }

    /// What the lines are given to.
    pub const fn handler(&self) -> &H {
        &self.handler
    }

    /// What the lines are given to.
    pub const fn handler_mut(&mut self) -> &mut H {
        &mut self.handler
    }

    /// Gives the handler what is in `data`, and what has waited.
    fn receive(&mut self, data: &[u8]) {
        let (handler, Some(lines)) = (&mut self.handler, &self.lines) else {
            return;
        };
        self.receiver
            .receive(&lines.inlet, data, |event| match event {
                Event::Frame(line) => handler.line_received(lines, line),
                Event::Refused(start, _) => handler.line_length_exceeded(lines, start),
                // There is no way into raw mode.
                Event::Raw(_) => {}
            });
    }
}

impl<H: LineOnlyHandler> Protocol for LineOnlyReceiver<H> {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        let lines = self.lines.insert(LinesOnly {
            inlet: Inlet::new(transport),
            delimiter: Rc::clone(self.receiver.framing().delimiter()),
        });
        self.handler.connection_made(lines);
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, data: &[u8]) {
        self.receive(data);
    }

    fn woken(&mut self, _transport: &Rc<dyn Transport>) {
        self.receive(&[]);
    }

    fn connection_lost(&mut self, reason: Failure) {
        self.handler.connection_lost(reason);
    }

    fn half_closeable(&mut self) -> Option<&mut dyn HalfCloseable> {
        let can = self.handler.half_closeable().is_some();
        can.then_some(self as _)
    }

    fn log_prefix(&self) -> String {
        short_name::<H>()
    }
}

impl<H: LineOnlyHandler> HalfCloseable for LineOnlyReceiver<H> {
    fn read_connection_lost(&mut self, _transport: &Rc<dyn Transport>) {
        if let (Some(lines), Some(handler)) = (&self.lines, self.handler.half_closeable()) {
            handler.read_connection_lost(&lines.transport());
        }
    }

    fn write_connection_lost(&mut self, _transport: &Rc<dyn Transport>) {
        if let (Some(lines), Some(handler)) = (&self.lines, self.handler.half_closeable()) {
            handler.write_connection_lost(&lines.transport());
        }
    }
}

impl<H> fmt::Debug for LineOnlyReceiver<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineOnlyReceiver")
            .field("lines", &self.lines)
            .finish_non_exhaustive()
    }
}
