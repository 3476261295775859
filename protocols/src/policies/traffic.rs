//! What goes over connections, written down.

use std::cell::{Cell, RefCell};
use std::fmt::{self, Debug};
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::rc::Rc;

use deferred::Failure;

use crate::Address;

use super::{Connection, Policy, Wire};

/// Writes down what happens on each connection, a line for each event: in a file of its own, or wherever the program
/// wants it.
///
/// ```text
/// 1 connected to 127.0.0.1:51312
/// 1 received "GET / HTTP/1.0\r\n\r\n"
/// 1 wrote "It works." "\n"
/// 1 lost: the connection was closed cleanly
/// ```
///
/// What cannot be opened or written is said in the log, once for each connection, which goes on.
///
/// *Twisted's `TrafficLoggingFactory`.*
pub struct TrafficLog {
    open: Open,
    connections: Cell<u64>,
}

type Open = Box<dyn Fn(u64) -> io::Result<Box<dyn Write>>>;

impl TrafficLog {
    /// Into the files `prefix-1`, `prefix-2` and so on.
    pub fn to_files(prefix: impl Into<PathBuf>) -> Self {
        let prefix = prefix.into();
        Self::new(move |number| {
            let mut name = prefix.clone().into_os_string();
            name.push(format!("-{number}"));
            Ok(Box::new(File::create(name)?))
        })
    }

    /// To what `open` opens for each connection, which are numbered from 1.
    pub fn new(open: impl Fn(u64) -> io::Result<Box<dyn Write>> + 'static) -> Self {
        Self {
            open: Box::new(open),
            connections: Cell::new(0),
        }
    }
}

impl Policy for TrafficLog {
    type Connection = Traffic;

    fn accept(&self, _peer: &Address) -> Option<Traffic> {
        let number = self.connections.get() + 1;
        self.connections.set(number);
        let log = (self.open)(number).inspect_err(|error| complain(number, error));
        Some(Traffic {
            number,
            log: RefCell::new(log.ok()),
        })
    }
}

impl Debug for TrafficLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TrafficLog({} connections)", self.connections.get())
    }
}

fn complain(connection: u64, error: &io::Error) {
    log::error!(target: "protocols", "cannot write down connection {connection}: {error}");
}

/// One connection of those that are written down.
pub struct Traffic {
    number: u64,
    /// Gone when writing has failed.
    log: RefCell<Option<Box<dyn Write>>>,
}

impl Traffic {
    fn note(&self, what: fmt::Arguments<'_>) {
        let mut log = self.log.borrow_mut();
        if let Some(lines) = &mut *log
            && let Err(error) =
                writeln!(lines, "{} {what}", self.number).and_then(|()| lines.flush())
        {
            complain(self.number, &error);
            *log = None;
        }
    }
}

impl Connection for Traffic {
    fn connection_made(&self, wire: &Rc<Wire>) {
        self.note(format_args!("connected to {}", wire.transport().peer()));
    }

    fn data_received(&self, data: &[u8]) {
        self.note(format_args!("received \"{}\"", data.escape_ascii()));
    }

    fn written(&self, parts: &[&[u8]]) {
        let mut what = String::from("wrote");
        for part in parts {
            what += &format!(" \"{}\"", part.escape_ascii());
        }
        self.note(format_args!("{what}"));
    }

    fn connection_lost(&self, reason: &Failure) {
        self.note(format_args!("lost: {}", reason.error()));
    }
}

impl Debug for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Traffic({})", self.number)
    }
}
