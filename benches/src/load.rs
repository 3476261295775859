//! The load: connections on each of which one message at a time goes to and fro.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, EventData, EventFlags};

/// The size of a message.
const MESSAGE: usize = 64;

/// Connections to an echo server.
pub(crate) struct Load {
    epoll: OwnedFd,
    connections: Vec<Connection>,
}

struct Connection {
    stream: TcpStream,
    /// How much of the message that is under way has come back.
    received: usize,
}

impl Load {
    pub(crate) fn connect(server: SocketAddr, connections: usize) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let connections = (0..connections)
            .map(|index| {
                let stream = TcpStream::connect(server)?;
                stream.set_nodelay(true)?;
                stream.set_nonblocking(true)?;
                epoll::add(
                    &epoll,
                    &stream,
                    EventData::new_u64(index as u64),
                    EventFlags::IN,
                )?;
                Ok(Connection {
                    stream,
                    received: 0,
                })
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { epoll, connections })
    }

    /// Sends this many messages, one at a time on each connection, and waits until all have come back.
    pub(crate) fn exchange(&mut self, messages: u64) -> io::Result<()> {
        let (mut to_send, mut to_receive) = (messages, messages);
        for connection in &mut self.connections {
            connection.send(&mut to_send)?;
        }
        let mut ready = Vec::with_capacity(1024);
        while to_receive > 0 {
            ready.clear();
            epoll::wait(&self.epoll, spare_capacity(&mut ready), None)?;
            for event in &ready {
                let data = event.data;
                let connection = &mut self.connections[data.u64() as usize];
                connection.received += connection.stream.read(&mut [0; MESSAGE])?;
                if connection.received >= MESSAGE {
                    connection.received -= MESSAGE;
                    to_receive -= 1;
                    connection.send(&mut to_send)?;
                }
            }
        }
        Ok(())
    }
}

impl Connection {
    fn send(&mut self, to_send: &mut u64) -> io::Result<()> {
        if *to_send > 0 {
            *to_send -= 1;
            self.stream.write_all(&[b'x'; MESSAGE])?;
        }
        Ok(())
    }
}
