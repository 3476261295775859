//! Messages that go to and fro on connections that stay.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use rustix::net::sockopt::set_socket_linger;

use super::poller::Poller;
use super::{Load, payload, wrong};

/// So much is read or written at once at the most.
const BUFFER: usize = 64 * 1024;

/// What goes to and fro.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Exchange {
    /// The number of connections.
    pub(crate) connections: usize,
    /// The bytes of a message.
    pub(crate) message: usize,
    /// How many messages are under way on a connection at the most.
    pub(crate) in_flight: u64,
}

/// Connections to an echo server.
pub(crate) struct Exchanges {
    poller: Poller,
    connections: Vec<Connection>,
    message: usize,
    in_flight: u64,
    /// A message, and again, so that from any place in it a whole buffer follows.
    expected: Vec<u8>,
    buffer: Vec<u8>,
}

struct Connection {
    stream: TcpStream,
    /// Bytes that were sent, of all messages.
    sent: usize,
    /// Bytes that are to be sent.
    unsent: usize,
    /// Bytes that have come back.
    received: usize,
}

impl Exchanges {
    /// Connects, and has the first message of each connection come back: then the server has accepted it.
    pub(crate) fn connect(server: SocketAddr, exchange: Exchange) -> io::Result<Self> {
        let message = payload(exchange.message);
        let poller = Poller::new()?;
        let connections = (0..exchange.connections)
            .map(|index| {
                let connection = Connection::greet(server, &message)?;
                poller.add(&connection.stream, index)?;
                Ok(connection)
            })
            .collect::<io::Result<_>>()?;
        let expected = message.iter().cycle().take(exchange.message + BUFFER);
        Ok(Self {
            poller,
            connections,
            message: exchange.message,
            in_flight: exchange.in_flight,
            expected: expected.copied().collect(),
            buffer: vec![0; BUFFER],
        })
    }

    /// Has the connections reset when they are dropped, so that none of the machine's ports stays taken for a minute.
    pub(crate) fn reset_at_the_end(&self) -> io::Result<()> {
        for connection in &self.connections {
            set_socket_linger(&connection.stream, Some(Duration::ZERO))?;
        }
        Ok(())
    }
}

impl Load for Exchanges {
    fn run(&mut self, operations: u64) -> io::Result<()> {
        let (mut to_begin, mut to_finish) = (operations, operations);
        let mut begin = |connection: &mut Connection, messages: u64| {
            let messages = messages.min(to_begin);
            to_begin -= messages;
            connection.unsent += messages as usize * self.message;
            connection.send(&self.expected, self.message)
        };
        for connection in &mut self.connections {
            begin(connection, self.in_flight)?;
        }
        let mut ready = Vec::new();
        while to_finish > 0 {
            self.poller.wait(&mut ready)?;
            for &index in &ready {
                let connection = &mut self.connections[index];
                let before = connection.received / self.message;
                connection.receive(&mut self.buffer, &self.expected, self.message)?;
                let finished = (connection.received / self.message - before) as u64;
                to_finish -= finished;
                begin(connection, finished)?;
            }
        }
        Ok(())
    }
}

impl Connection {
    /// Connects, sends one message, and waits until it has come back.
    fn greet(server: SocketAddr, message: &[u8]) -> io::Result<Self> {
        let mut stream = TcpStream::connect(server)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.write_all(message)?;
        let mut answer = vec![0; message.len()];
        stream.read_exact(&mut answer)?;
        if answer != message {
            return Err(wrong("what came back is not what was sent"));
        }
        stream.set_nonblocking(true)?;
        Ok(Self {
            stream,
            sent: message.len(),
            unsent: 0,
            received: message.len(),
        })
    }

    /// Sends what the system takes of that which is to be sent.
    fn send(&mut self, expected: &[u8], message: usize) -> io::Result<()> {
        while self.unsent > 0 {
            let start = self.sent % message;
            let end = start + self.unsent.min(BUFFER);
            match self.stream.write(&expected[start..end]) {
                Ok(count) => {
                    self.sent += count;
                    self.unsent -= count;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Takes what has come, and sees whether it is what was sent.
    fn receive(&mut self, buffer: &mut [u8], expected: &[u8], message: usize) -> io::Result<()> {
        loop {
            let count = match self.stream.read(buffer) {
                Ok(0) => return Err(wrong("the server has closed a connection")),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let start = self.received % message;
            if buffer[..count] != expected[start..start + count] {
                return Err(wrong("what came back is not what was sent"));
            }
            self.received += count;
            if self.received > self.sent {
                return Err(wrong("more came back than was sent"));
            }
            if count < buffer.len() {
                return Ok(());
            }
        }
    }
}
