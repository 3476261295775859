//! Lines, and raw data between them.

use std::fmt;
use std::ops::Deref;
use std::rc::Rc;

use deferred::Failure;

use crate::framing::{Event, Inlet, Receiver};
use crate::protocol::short_name;
use crate::{Flow, HalfCloseable, Protocol, Transport};

use super::delimited::{AfterRefusal, Delimited};

/// What is done with the lines of one connection, and with the data that stands between them.
///
/// A [`LineReceiver`] calls it, one method at a time and never from inside a call on its [`Lines`].
pub trait LineHandler: 'static {
    /// Called once, before anything else.
    fn connection_made(&mut self, lines: &Lines) {
        let _ = lines;
    }

    /// Called for each line, without its delimiter.
    fn line_received(&mut self, lines: &Lines, line: &[u8]);

    /// Called in raw mode, when bytes have come; how they are cut into pieces has no meaning.
    ///
    /// What is not wanted of them is handed back with [`Lines::set_line_mode`].
    fn raw_data_received(&mut self, lines: &Lines, data: &[u8]);

    /// Called for a line that is too long, as soon as it is; `start` is one byte more of it than is allowed.
    ///
    /// This loses the connection, unless it is written anew. Then the rest of the line is dropped, and the next
    /// one is received; in raw mode, what comes after `start` is.
    ///
    /// *Twisted's `lineLengthExceeded`, which is given all that has come.*
    fn line_length_exceeded(&mut self, lines: &Lines, start: &[u8]) {
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

/// A handle to a connection on which lines are spoken: where they go out, and how those that come are received.
///
/// Clones are handles to the same connection, to be used later, from anywhere on the reactor's thread. Everything
/// that a [`Transport`] can do is done to it directly: `lines.write(…)`, `lines.lose_connection()`.
/// While it is paused nothing is delivered, what has come already included. Once it is stopped, or its connection is
/// being ended from here, nothing is any more. No method calls the handler.
#[derive(Clone)]
pub struct Lines {
    pub(super) inlet: Rc<Inlet>,
    pub(super) delimiter: Rc<[u8]>,
}

impl Lines {
    /// Sends a line: `line`, and the delimiter after it.
    ///
    /// Nothing looks for delimiters within `line`; with one in it, it is two lines.
    pub fn send_line(&self, line: &[u8]) -> Flow {
        self.inlet.write_vectored(&[line, &self.delimiter])
    }

    /// Has what comes next delivered as it comes, to [`LineHandler::raw_data_received`].
    ///
    /// In a callback for a line, that begins with the byte after the line.
    pub fn set_raw_mode(&self) {
        self.inlet.set_raw_mode();
    }

    /// Has what comes next delivered as lines, and before all that has come, `rest`: what was received as raw
    /// data, and is none.
    ///
    /// The loop delivers it when the callback that runs now has returned; in line mode, `rest` comes then too, as if it
    /// had been received. If it is the end of the data that a callback was given, it is not copied.
    ///
    /// *Twisted's `setLineMode`, which calls `lineReceived` from inside this call.*
    pub fn set_line_mode(&self, rest: &[u8]) {
        self.inlet.set_frame_mode(rest);
    }

    /// The connection, as something that others may write to, or, as a producer, slow down.
    #[must_use]
    pub fn transport(&self) -> Rc<dyn Transport> {
        Rc::clone(&self.inlet) as _
    }
}

impl Deref for Lines {
    type Target = dyn Transport;

    fn deref(&self) -> &Self::Target {
        &*self.inlet
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines")
            .field("peer", &self.inlet.peer())
            .finish_non_exhaustive()
    }
}

/// A protocol that receives lines, and in raw mode bytes, and gives them to its handler.
///
/// A line ends at the first delimiter, `\r\n` unless it is set otherwise, and is at most 16,384 bytes long, unless
/// that is. However the bytes come in pieces, the handler is called in the same way for the same bytes, but for the
/// pieces of raw data.
///
/// *Twisted's `LineReceiver`.*
pub struct LineReceiver<H> {
    handler: H,
    receiver: Receiver<Delimited>,
    /// There is one from the beginning of the connection on.
    lines: Option<Lines>,
}

impl<H: LineHandler> LineReceiver<H> {
    /// A receiver for one connection.
    pub fn new(handler: H) -> Self {
        Self {
            handler,
            receiver: Receiver::new(Delimited::new(AfterRefusal::NextLine)),
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
                Event::Raw(data) => handler.raw_data_received(lines, data),
            });
    }
}

impl<H: LineHandler> Protocol for LineReceiver<H> {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        let lines = self.lines.insert(Lines {
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

impl<H: LineHandler> HalfCloseable for LineReceiver<H> {
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

impl<H> fmt::Debug for LineReceiver<H> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineReceiver")
            .field("lines", &self.lines)
            .finish_non_exhaustive()
    }
}
