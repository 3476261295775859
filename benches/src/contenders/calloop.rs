//! calloop: a source for each connection, with a callback that goes on until the system refuses.

use std::cell::Cell;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;

use calloop::generic::Generic;
use calloop::{EventLoop, Interest, LoopHandle, LoopSignal, Mode, PostAction};

use super::{Listening, Programs, READ_SIZE};
use crate::sockets;

/// A loop of callbacks over `polling`.
pub(super) struct Calloop;

/// What all callbacks of a loop are given.
struct Shared {
    handle: LoopHandle<'static, Self>,
    buffer: Vec<u8>,
}

impl Programs for Calloop {
    fn echo(&self, listening: Listening<'_>) -> io::Result<()> {
        serve(listening, |stream, shared| {
            let mut unsent = Vec::new();
            let source = Generic::new(stream, Interest::BOTH, Mode::Edge);
            let inserted = shared
                .handle
                .insert_source(source, move |_, stream, shared| {
                    let goes_on = echo(stream, &mut unsent, &mut shared.buffer);
                    Ok(after(goes_on.unwrap_or(false)))
                });
            inserted.map(drop).map_err(|error| error.error.into())
        })
    }

    fn poems(&self, poem: Vec<u8>, listening: Listening<'_>) -> io::Result<()> {
        let poem: Rc<[u8]> = poem.into();
        serve(listening, move |stream, shared| {
            let (poem, mut sent) = (Rc::clone(&poem), 0);
            let source = Generic::new(stream, Interest::WRITE, Mode::Edge);
            let inserted = shared.handle.insert_source(source, move |_, stream, _| {
                let Ok(count) = send_some(stream, &poem[sent..]) else {
                    return Ok(PostAction::Remove);
                };
                sent += count;
                Ok(after(sent < poem.len()))
            });
            inserted.map(drop).map_err(|error| error.error.into())
        })
    }

    fn fetch(&self, from: SocketAddr, poems: u64, at_once: usize) -> io::Result<u64> {
        let mut event_loop = EventLoop::try_new()?;
        let fetching = Rc::new(Fetching {
            from,
            to_begin: Cell::new(poems),
            to_finish: Cell::new(poems),
            bytes: Cell::default(),
            stop: event_loop.get_signal(),
        });
        let mut shared = Shared::new(&event_loop);
        for _ in 0..at_once {
            begin(&fetching, &shared)?;
        }
        event_loop.run(None, &mut shared, |_| {})?;
        Ok(fetching.bytes.get())
    }
}

impl Shared {
    fn new(event_loop: &EventLoop<'static, Self>) -> Self {
        Self {
            handle: event_loop.handle(),
            buffer: vec![0; READ_SIZE],
        }
    }
}

/// Accepts connections for ever, and gives each to `accepted`.
fn serve(
    listening: Listening<'_>,
    accepted: impl Fn(TcpStream, &Shared) -> io::Result<()> + 'static,
) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    listening(listener.local_addr()?);
    let mut event_loop = EventLoop::try_new()?;
    let mut shared = Shared::new(&event_loop);
    let source = Generic::new(listener, Interest::READ, Mode::Level);
    let inserted = shared
        .handle
        .insert_source(source, move |_, listener, shared| {
            let (stream, _) = listener.accept()?;
            stream.set_nonblocking(true)?;
            stream.set_nodelay(true)?;
            accepted(stream, shared)?;
            Ok(PostAction::Continue)
        });
    inserted.map_err(|error| io::Error::from(error.error))?;
    Ok(event_loop.run(None, &mut shared, |_| {})?)
}

fn after(goes_on: bool) -> PostAction {
    if goes_on {
        PostAction::Continue
    } else {
        PostAction::Remove
    }
}

/// Sends back what has come, and whether the connection stays.
fn echo(mut stream: &TcpStream, unsent: &mut Vec<u8>, buffer: &mut [u8]) -> io::Result<bool> {
    if !unsent.is_empty() {
        let sent = send_some(stream, unsent)?;
        unsent.drain(..sent);
    }
    while unsent.is_empty() {
        let count = match stream.read(buffer) {
            Ok(0) => return Ok(false),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        };
        let sent = send_some(stream, &buffer[..count])?;
        unsent.extend_from_slice(&buffer[sent..count]);
    }
    Ok(true)
}

/// Sends until the system refuses, and says how much it took.
fn send_some(mut stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
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

/// How far a client is.
struct Fetching {
    from: SocketAddr,
    to_begin: Cell<u64>,
    to_finish: Cell<u64>,
    bytes: Cell<u64>,
    stop: LoopSignal,
}

/// Begins to get a poem, if there is one that nobody gets yet.
fn begin(fetching: &Rc<Fetching>, shared: &Shared) -> io::Result<()> {
    if fetching.to_begin.get() == 0 {
        return Ok(());
    }
    fetching.to_begin.set(fetching.to_begin.get() - 1);
    let stream = sockets::begin_to_connect(fetching.from)?;
    let source = Generic::new(stream, Interest::READ, Mode::Level);
    let fetching = Rc::clone(fetching);
    let inserted = shared
        .handle
        .insert_source(source, move |_, stream, shared| {
            let mut stream: &TcpStream = stream;
            let count = stream.read(&mut shared.buffer)?;
            fetching.bytes.set(fetching.bytes.get() + count as u64);
            if count > 0 {
                return Ok(PostAction::Continue);
            }
            fetching.to_finish.set(fetching.to_finish.get() - 1);
            if fetching.to_finish.get() == 0 {
                fetching.stop.stop();
            }
            begin(&fetching, shared)?;
            Ok(PostAction::Remove)
        });
    inserted.map(drop).map_err(|error| error.error.into())
}
