//! The limit: an echo server that is nothing but a loop over epoll, for small messages only.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::AsRawFd;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::io::{Errno, read};
use rustix::net::{SendFlags, send};

pub(crate) fn serve(listening: fn(SocketAddr)) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    listener.set_nonblocking(true)?;
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    epoll::add(&epoll, &listener, EventData::new_u64(0), EventFlags::IN)?;
    listening(listener.local_addr()?);

    // A connection's key is its descriptor's number, which is never that of the listener's key.
    let mut connections = HashMap::new();
    let mut buffer = vec![0; 64 * 1024];
    let mut ready = Vec::with_capacity(1024);
    loop {
        ready.clear();
        match epoll::wait(&epoll, spare_capacity(&mut ready), None) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &ready {
            let data = event.data;
            match connections.get(&data.u64()) {
                None => {
                    let (stream, _) = listener.accept()?;
                    stream.set_nonblocking(true)?;
                    let key = stream.as_raw_fd() as u64;
                    epoll::add(&epoll, &stream, EventData::new_u64(key), EventFlags::IN)?;
                    connections.insert(key, stream);
                }
                Some(stream) => {
                    let count = read(stream, &mut buffer[..]).unwrap_or(0);
                    if count == 0 {
                        epoll::delete(&epoll, stream)?;
                        connections.remove(&data.u64());
                    } else {
                        send(stream, &buffer[..count], SendFlags::NOSIGNAL)?;
                    }
                }
            }
        }
    }
}
