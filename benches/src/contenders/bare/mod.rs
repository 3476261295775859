//! The limit: nothing but a loop over epoll, or over the backend `polling`, without an allocation for a message.

mod waits;

use std::io;
use std::marker::PhantomData;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use rustix::io::{Errno, read};
use rustix::net::{SendFlags, SocketFlags, accept_with, send, sockopt::set_tcp_nodelay};

use super::{Listening, Programs, READ_SIZE};
use crate::sockets;

pub(super) use waits::{Epoll, Polling};

use waits::{For, Waits, key_of};

/// System calls, and an array of connections.
pub(super) struct Bare<W>(PhantomData<W>);

impl<W> Bare<W> {
    pub(super) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<W: Waits> Programs for Bare<W> {
    fn echo(&self, listening: Listening<'_>) -> io::Result<()> {
        let mut server = W::new()?;
        let listener = listen(&mut server, listening)?;
        let mut echoes = Connections::default();
        let mut buffer = vec![0; READ_SIZE];
        loop {
            server.wait()?;
            let mut found = 0;
            while let Some((key, has_room)) = server.ready(found) {
                found += 1;
                if key == LISTENER {
                    let Some(socket) = accept(&listener)? else {
                        continue;
                    };
                    server.watch(socket.as_fd(), key_of(&socket), For::Bytes)?;
                    echoes.insert(Echo {
                        socket,
                        unsent: Vec::new(),
                    });
                } else if let Some(echo) = echoes.get(key)
                    && !echo.go_on(has_room, &mut buffer, &mut server)
                {
                    server.unwatch(&echo.socket);
                    echoes.remove(key);
                }
            }
        }
    }

    fn poems(&self, poem: Vec<u8>, listening: Listening<'_>) -> io::Result<()> {
        let mut server = W::new()?;
        let listener = listen(&mut server, listening)?;
        let mut readers = Connections::default();
        loop {
            server.wait()?;
            let mut found = 0;
            while let Some((key, _)) = server.ready(found) {
                found += 1;
                if key == LISTENER {
                    let Some(socket) = accept(&listener)? else {
                        continue;
                    };
                    let mut reader = Reader { socket, sent: 0 };
                    if reader.go_on(&poem) {
                        let socket = &reader.socket;
                        server.watch(socket.as_fd(), key_of(socket), For::Room)?;
                        readers.insert(reader);
                    }
                } else if let Some(reader) = readers.get(key)
                    && !reader.go_on(&poem)
                {
                    server.unwatch(&reader.socket);
                    readers.remove(key);
                }
            }
        }
    }

    fn fetch(&self, from: SocketAddr, poems: u64, at_once: usize) -> io::Result<u64> {
        let mut client = W::new()?;
        let mut poets = Connections::default();
        let mut buffer = vec![0; READ_SIZE];
        let at_once = poems.min(at_once as u64);
        let (mut to_begin, mut to_finish, mut bytes) = (poems - at_once, poems, 0);
        for _ in 0..at_once {
            poets.insert(begin(from, &mut client)?);
        }
        while to_finish > 0 {
            client.wait()?;
            let mut found = 0;
            while let Some((key, _)) = client.ready(found) {
                found += 1;
                let Some(poet) = poets.get(key) else { continue };
                let count = read(&*poet, &mut buffer[..])?;
                bytes += count as u64;
                if count == 0 {
                    client.unwatch(poet);
                    poets.remove(key);
                    to_finish -= 1;
                    if to_begin > 0 {
                        to_begin -= 1;
                        poets.insert(begin(from, &mut client)?);
                    }
                }
            }
        }
        Ok(bytes)
    }
}

/// No descriptor that is opened later has the number of the standard input.
const LISTENER: usize = 0;

fn listen(server: &mut impl Waits, listening: Listening<'_>) -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    server.watch(listener.as_fd(), LISTENER, For::Bytes)?;
    listening(listener.local_addr()?);
    Ok(listener)
}

/// Connections by the numbers of their descriptors.
struct Connections<C>(Vec<Option<C>>);

impl<C> Default for Connections<C> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<C: AsRawFd> Connections<C> {
    fn insert(&mut self, connection: C) {
        let key = connection.as_raw_fd() as usize;
        if key >= self.0.len() {
            self.0.resize_with(key + 1, || None);
        }
        self.0[key] = Some(connection);
    }

    fn get(&mut self, key: usize) -> Option<&mut C> {
        self.0.get_mut(key)?.as_mut()
    }

    fn remove(&mut self, key: usize) {
        self.0[key] = None;
    }
}

/// The next connection, unless it has gone already.
fn accept(listener: &TcpListener) -> io::Result<Option<OwnedFd>> {
    match accept_with(listener, SocketFlags::CLOEXEC | SocketFlags::NONBLOCK) {
        Ok(socket) => {
            set_tcp_nodelay(&socket, true)?;
            Ok(Some(socket))
        }
        Err(Errno::AGAIN | Errno::CONNABORTED) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Begins to connect, and to watch for what comes.
fn begin(server: SocketAddr, client: &mut impl Waits) -> io::Result<OwnedFd> {
    let socket = OwnedFd::from(sockets::begin_to_connect(server)?);
    client.watch(socket.as_fd(), key_of(&socket), For::Bytes)?;
    Ok(socket)
}

/// Sends, and says how much the system took; nothing, if the connection is broken.
fn send_some(socket: &OwnedFd, bytes: &[u8]) -> Option<usize> {
    match send(socket, bytes, SendFlags::NOSIGNAL) {
        Ok(count) => Some(count),
        Err(Errno::AGAIN | Errno::INTR) => Some(0),
        Err(_) => None,
    }
}

/// A connection that sends back what it gets.
struct Echo {
    socket: OwnedFd,
    /// What the system did not take; until it does, nothing is read.
    unsent: Vec<u8>,
}

impl Echo {
    /// Does what can be done, and whether the connection stays.
    fn go_on(&mut self, has_room: bool, buffer: &mut [u8], server: &mut impl Waits) -> bool {
        if self.unsent.is_empty() {
            self.send_back(buffer, server)
        } else if has_room {
            self.send_rest(server)
        } else {
            true
        }
    }

    fn send_back(&mut self, buffer: &mut [u8], server: &mut impl Waits) -> bool {
        let count = match read(&self.socket, &mut *buffer) {
            Ok(0) => return false,
            Ok(count) => count,
            Err(Errno::AGAIN | Errno::INTR) => return true,
            Err(_) => return false,
        };
        let Some(sent) = send_some(&self.socket, &buffer[..count]) else {
            return false;
        };
        if sent == count {
            return true;
        }
        self.unsent.extend_from_slice(&buffer[sent..count]);
        server.watch_instead(&self.socket, For::Room).is_ok()
    }

    fn send_rest(&mut self, server: &mut impl Waits) -> bool {
        let Some(sent) = send_some(&self.socket, &self.unsent) else {
            return false;
        };
        self.unsent.drain(..sent);
        !self.unsent.is_empty() || server.watch_instead(&self.socket, For::Bytes).is_ok()
    }
}

impl AsRawFd for Echo {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// A connection that is sent the poem.
struct Reader {
    socket: OwnedFd,
    /// So much of the poem the system has taken.
    sent: usize,
}

impl Reader {
    /// Sends what the system takes, and whether something is left.
    fn go_on(&mut self, poem: &[u8]) -> bool {
        match send_some(&self.socket, &poem[self.sent..]) {
            Some(count) => self.sent += count,
            None => return false,
        }
        self.sent < poem.len()
    }
}

impl AsRawFd for Reader {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}
