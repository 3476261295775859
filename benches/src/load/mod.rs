//! What the measured servers are put under: loops over epoll that check all that comes back.

mod exchanges;
mod poller;
mod visits;

use std::io;

pub(crate) use exchanges::{Exchange, Exchanges};
pub(crate) use visits::{Visit, Visits};

/// Work that can be given in portions.
pub(crate) trait Load {
    /// Does this many operations, and returns when the last one is complete.
    ///
    /// # Errors
    ///
    /// What the system says, and if anything comes back that should not.
    fn run(&mut self, operations: u64) -> io::Result<()>;
}

/// Bytes in which a gap, a repetition or a change of order shows.
pub(crate) fn payload(length: usize) -> Vec<u8> {
    // A prime number is no length of any buffer.
    (0..=250).cycle().take(length).collect()
}

/// An error for what a server should not have done.
fn wrong(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
    use std::thread;

    /// A server of as many connections as are needed, each of which is served by this.
    fn server(serve: fn(TcpStream)) -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        // It ends with the process of the test.
        thread::spawn(move || {
            listener
                .incoming()
                .for_each(|stream| serve(stream.unwrap()))
        });
        address
    }

    const EXCHANGE: Exchange = Exchange {
        connections: 1,
        message: 8,
        in_flight: 1,
    };

    fn visit(server: SocketAddr) -> io::Result<()> {
        let visit = Visit {
            at_once: 2,
            says: 0,
            gets: 8,
        };
        Visits::new(server, visit).run(3)
    }

    #[test]
    fn an_echo_that_changes_something_is_an_error() {
        let server = server(|mut stream| {
            let mut message = [0; 8];
            for answer in [payload(8), vec![7; 8]] {
                stream.read_exact(&mut message).unwrap();
                stream.write_all(&answer).unwrap();
            }
        });

        let error = Exchanges::connect(server, EXCHANGE)
            .unwrap()
            .run(1)
            .unwrap_err();

        assert_eq!(error.to_string(), "what came back is not what was sent");
    }

    #[test]
    fn an_echo_that_hangs_up_is_an_error() {
        let server = server(|mut stream| {
            let mut message = [0; 8];
            stream.read_exact(&mut message).unwrap();
            stream.write_all(&message).unwrap();
            stream.read_exact(&mut message).unwrap();
        });

        let error = Exchanges::connect(server, EXCHANGE)
            .unwrap()
            .run(1)
            .unwrap_err();

        assert_eq!(error.to_string(), "the server has closed a connection");
    }

    #[test]
    fn a_visitor_gets_all_and_sees_the_end() {
        let server = server(|mut stream| stream.write_all(&payload(8)).unwrap());

        visit(server).unwrap();
    }

    #[test]
    fn a_poem_that_ends_too_early_is_an_error() {
        let server = server(|mut stream| stream.write_all(&payload(5)).unwrap());

        let error = visit(server).unwrap_err();

        assert_eq!(error.to_string(), "it ended after 5 bytes");
    }

    #[test]
    fn a_poem_that_is_too_long_is_an_error() {
        let server = server(|mut stream| stream.write_all(&payload(9)).unwrap());

        let error = visit(server).unwrap_err();

        assert_eq!(error.to_string(), "what came is not what was to come");
    }
}
