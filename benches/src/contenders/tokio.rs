//! tokio: a task for each connection, all on one thread.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};

use super::{Listening, Programs, READ_SIZE};

/// The runtime for one thread.
pub(super) struct Tokio;

impl Programs for Tokio {
    fn echo(&self, listening: Listening<'_>) -> io::Result<()> {
        runtime()?.block_on(async {
            let listener = listen(listening).await?;
            loop {
                let (stream, _) = listener.accept().await?;
                tokio::spawn(echo(stream));
            }
        })
    }

    fn poems(&self, poem: Vec<u8>, listening: Listening<'_>) -> io::Result<()> {
        let poem: Arc<[u8]> = poem.into();
        runtime()?.block_on(async {
            let listener = listen(listening).await?;
            loop {
                let (mut stream, _) = listener.accept().await?;
                let poem = Arc::clone(&poem);
                tokio::spawn(async move {
                    stream.set_nodelay(true)?;
                    stream.write_all(&poem).await
                });
            }
        })
    }

    fn fetch(&self, from: SocketAddr, poems: u64, at_once: usize) -> io::Result<u64> {
        runtime()?.block_on(async {
            let to_begin = Arc::new(AtomicU64::new(poems));
            let tasks: Vec<_> = (0..at_once)
                .map(|_| tokio::spawn(fetch_some(from, Arc::clone(&to_begin))))
                .collect();
            let mut bytes = 0;
            for task in tasks {
                bytes += task.await??;
            }
            Ok(bytes)
        })
    }
}

fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_io().build()
}

async fn listen(listening: Listening<'_>) -> io::Result<TcpListener> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    listening(listener.local_addr()?);
    Ok(listener)
}

async fn echo(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = Vec::with_capacity(READ_SIZE);
    loop {
        buffer.clear();
        let count = stream.read_buf(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        stream.write_all(&buffer).await?;
    }
}

/// Gets poems one after the other, as long as there is one that nobody gets yet, and counts the bytes.
async fn fetch_some(from: SocketAddr, to_begin: Arc<AtomicU64>) -> io::Result<u64> {
    let mut buffer = Vec::with_capacity(READ_SIZE);
    let mut bytes = 0;
    let take = |left: u64| left.checked_sub(1);
    while to_begin
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
        .is_ok()
    {
        let mut stream = TcpStream::connect(from).await?;
        stream.set_nodelay(true)?;
        loop {
            buffer.clear();
            let count = stream.read_buf(&mut buffer).await?;
            if count == 0 {
                break;
            }
            bytes += count as u64;
        }
    }
    Ok(bytes)
}
