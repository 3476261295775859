//! smol's parts, `async-io` and an executor for one thread: a task for each connection.

use std::cell::Cell;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::rc::Rc;

use async_executor::LocalExecutor;
use async_io::{Async, block_on};
use futures_lite::{AsyncReadExt, AsyncWriteExt};

use super::{Listening, Programs, READ_SIZE};

/// An executor over `polling`.
pub(super) struct Smol;

impl Programs for Smol {
    fn echo(&self, listening: Listening<'_>) -> io::Result<()> {
        let executor = LocalExecutor::new();
        block_on(executor.run(async {
            let listener = listen(listening)?;
            loop {
                let (stream, _) = listener.accept().await?;
                executor.spawn(echo(stream)).detach();
            }
        }))
    }

    fn poems(&self, poem: Vec<u8>, listening: Listening<'_>) -> io::Result<()> {
        let poem: Rc<[u8]> = poem.into();
        let executor = LocalExecutor::new();
        block_on(executor.run(async {
            let listener = listen(listening)?;
            loop {
                let (mut stream, _) = listener.accept().await?;
                let poem = Rc::clone(&poem);
                let send = async move {
                    stream.get_ref().set_nodelay(true)?;
                    stream.write_all(&poem).await
                };
                executor.spawn(send).detach();
            }
        }))
    }

    fn fetch(&self, from: SocketAddr, poems: u64, at_once: usize) -> io::Result<u64> {
        let executor = LocalExecutor::new();
        block_on(executor.run(async {
            let to_begin = Rc::new(Cell::new(poems));
            let tasks: Vec<_> = (0..at_once)
                .map(|_| executor.spawn(fetch_some(from, Rc::clone(&to_begin))))
                .collect();
            let mut bytes = 0;
            for task in tasks {
                bytes += task.await?;
            }
            Ok(bytes)
        }))
    }
}

fn listen(listening: Listening<'_>) -> io::Result<Async<TcpListener>> {
    let listener = Async::<TcpListener>::bind((Ipv4Addr::LOCALHOST, 0))?;
    listening(listener.get_ref().local_addr()?);
    Ok(listener)
}

async fn echo(mut stream: Async<TcpStream>) -> io::Result<()> {
    stream.get_ref().set_nodelay(true)?;
    let mut buffer = vec![0; READ_SIZE];
    loop {
        let count = stream.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..count]).await?;
    }
}

/// Gets poems one after the other, as long as there is one that nobody gets yet, and counts the bytes.
async fn fetch_some(from: SocketAddr, to_begin: Rc<Cell<u64>>) -> io::Result<u64> {
    let mut buffer = vec![0; READ_SIZE];
    let mut bytes = 0;
    while to_begin.get() > 0 {
        to_begin.set(to_begin.get() - 1);
        let mut stream = Async::<TcpStream>::connect(from).await?;
        stream.get_ref().set_nodelay(true)?;
        loop {
            let count = stream.read(&mut buffer).await?;
            if count == 0 {
                break;
            }
            bytes += count as u64;
        }
    }
    Ok(bytes)
}
