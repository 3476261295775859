//! mio: as its `tcp_server` example is written, edge-triggered, until the system refuses.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use super::{Listening, Programs, READ_SIZE};

/// A poll, and a map of connections.
pub(super) struct Mio;

const LISTENER: Token = Token(0);

impl Programs for Mio {
    fn echo(&self, listening: Listening<'_>) -> io::Result<()> {
        let mut buffer = vec![0; READ_SIZE];
        serve(listening, Vec::new, |stream, unsent, event| {
            echo(stream, unsent, event, &mut buffer)
        })
    }

    fn poems(&self, poem: Vec<u8>, listening: Listening<'_>) -> io::Result<()> {
        serve(
            listening,
            || 0,
            |stream, sent, _| {
                *sent += send_some(stream, &poem[*sent..])?;
                Ok(*sent < poem.len())
            },
        )
    }

    fn fetch(&self, from: SocketAddr, poems: u64, at_once: usize) -> io::Result<u64> {
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(1024);
        let mut streams = HashMap::new();
        let mut buffer = vec![0; READ_SIZE];
        let (mut begun, mut finished, mut bytes) = (0, 0, 0);
        while finished < poems {
            while streams.len() < at_once && begun < poems {
                begun += 1;
                let mut stream = TcpStream::connect(from)?;
                stream.set_nodelay(true)?;
                let token = Token(begun as usize);
                poll.registry()
                    .register(&mut stream, token, Interest::READABLE)?;
                streams.insert(token, stream);
            }
            wait(&mut poll, &mut events)?;
            for event in &events {
                let Some(stream) = streams.get_mut(&event.token()) else {
                    continue;
                };
                if receive(stream, &mut buffer, |piece| bytes += piece.len() as u64)? {
                    streams.remove(&event.token());
                    finished += 1;
                }
            }
        }
        Ok(bytes)
    }
}

/// Accepts connections, each with a state of its own, and calls `go_on` for what is ready, until that says no.
fn serve<S>(
    listening: Listening<'_>,
    new: impl Fn() -> S,
    mut go_on: impl FnMut(&mut TcpStream, &mut S, &Event) -> io::Result<bool>,
) -> io::Result<()> {
    let mut listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0).into())?;
    let mut poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    listening(listener.local_addr()?);
    let mut events = Events::with_capacity(1024);
    let mut connections = HashMap::new();
    let mut next = Token(LISTENER.0 + 1);
    loop {
        wait(&mut poll, &mut events)?;
        for event in &events {
            if event.token() == LISTENER {
                accept(&listener, &poll, &mut next, |token, stream| {
                    connections.insert(token, (stream, new()));
                })?;
            } else if let Some((stream, state)) = connections.get_mut(&event.token())
                && !go_on(stream, state, event).unwrap_or(false)
            {
                connections.remove(&event.token());
            }
        }
    }
}

fn accept(
    listener: &TcpListener,
    poll: &Poll,
    next: &mut Token,
    mut accepted: impl FnMut(Token, TcpStream),
) -> io::Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        stream.set_nodelay(true)?;
        let both = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut stream, *next, both)?;
        accepted(*next, stream);
        next.0 += 1;
    }
}

fn wait(poll: &mut Poll, events: &mut Events) -> io::Result<()> {
    match poll.poll(events, None) {
        Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
        done => done,
    }
}

/// Sends back what has come, and whether the connection stays.
fn echo(
    stream: &mut TcpStream,
    unsent: &mut Vec<u8>,
    event: &Event,
    buffer: &mut [u8],
) -> io::Result<bool> {
    if !unsent.is_empty() {
        let sent = send_some(stream, unsent)?;
        unsent.drain(..sent);
    }
    if !unsent.is_empty() || !(event.is_readable() || event.is_writable()) {
        return Ok(true);
    }
    loop {
        let count = match stream.read(buffer) {
            Ok(0) => return Ok(false),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error),
        };
        let sent = send_some(stream, &buffer[..count])?;
        if sent < count {
            unsent.extend_from_slice(&buffer[sent..count]);
            return Ok(true);
        }
    }
}

/// Gives `take` all that has come, and says whether that was the end.
fn receive(
    stream: &mut TcpStream,
    buffer: &mut [u8],
    mut take: impl FnMut(&[u8]),
) -> io::Result<bool> {
    loop {
        match stream.read(buffer) {
            Ok(0) => return Ok(true),
            Ok(count) => take(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

/// Sends until the system refuses, and says how much it took.
fn send_some(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut sent = 0;
    while sent < bytes.len() {
        match stream.write(&bytes[sent..]) {
            Ok(count) => sent += count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(sent)
}
