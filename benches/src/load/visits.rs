//! Connections that come, get something, and go.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use super::poller::Poller;
use super::{Load, payload, wrong};
use crate::sockets;

/// What a visitor says and gets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Visit {
    /// How many visitors there are at a time.
    pub(crate) at_once: usize,
    /// The bytes that the visitor sends before it ends its direction; without any, it only listens.
    pub(crate) says: usize,
    /// The bytes that the server sends before it closes.
    pub(crate) gets: usize,
}

/// Visitors of a server, each of which is followed by another one.
pub(crate) struct Visits {
    server: SocketAddr,
    visit: Visit,
    expected: Vec<u8>,
    buffer: Vec<u8>,
}

impl Visits {
    pub(crate) fn new(server: SocketAddr, visit: Visit) -> Self {
        Self {
            server,
            visit,
            expected: payload(visit.gets.max(visit.says)),
            buffer: vec![0; 256 * 1024],
        }
    }
}

impl Load for Visits {
    fn run(&mut self, operations: u64) -> io::Result<()> {
        let mut poller = Poller::new()?;
        let at_once = operations.min(self.visit.at_once as u64);
        let mut to_begin = operations - at_once;
        let mut to_finish = operations;
        let mut visitors = (0..at_once as usize)
            .map(|index| Visitor::come(self.server, &poller, index).map(Some))
            .collect::<io::Result<Vec<_>>>()?;
        let mut ready = Vec::new();
        while to_finish > 0 {
            poller.wait(&mut ready)?;
            for &index in &ready {
                let place = &mut visitors[index];
                let Some(visitor) = place else { continue };
                if !visitor.go_on(self.visit, &self.expected, &mut self.buffer)? {
                    continue;
                }
                *place = None;
                to_finish -= 1;
                if to_begin > 0 {
                    to_begin -= 1;
                    *place = Some(Visitor::come(self.server, &poller, index)?);
                }
            }
        }
        Ok(())
    }
}

struct Visitor {
    stream: TcpStream,
    has_spoken: bool,
    /// How many bytes have come.
    received: usize,
}

impl Visitor {
    /// Begins to connect.
    fn come(server: SocketAddr, poller: &Poller, index: usize) -> io::Result<Self> {
        let socket = sockets::begin_to_connect(server)?;
        poller.add(&socket, index)?;
        Ok(Self {
            stream: socket,
            has_spoken: false,
            received: 0,
        })
    }

    /// Says or takes what there is, and whether the visit is over.
    fn go_on(&mut self, visit: Visit, expected: &[u8], buffer: &mut [u8]) -> io::Result<bool> {
        if !self.has_spoken && visit.says > 0 {
            match self.stream.write(&expected[..visit.says]) {
                Ok(count) if count == visit.says => self.has_spoken = true,
                Ok(_) => return Err(wrong("a new connection has no room")),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        loop {
            match self.stream.read(buffer) {
                Ok(0) if self.received == visit.gets => return Ok(true),
                Ok(0) => return Err(wrong(format!("it ended after {} bytes", self.received))),
                Ok(count) => self.take(&buffer[..count], visit, expected)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
    }

    fn take(&mut self, bytes: &[u8], visit: Visit, expected: &[u8]) -> io::Result<()> {
        let end = self.received + bytes.len();
        if expected.get(self.received..end) != Some(bytes) {
            return Err(wrong("what came is not what was to come"));
        }
        self.received = end;
        if visit.says > 0 && end == visit.gets {
            // It has what it came for: the server is to see that, and close in turn.
            self.stream.shutdown(Shutdown::Write)?;
        }
        Ok(())
    }
}
