//! Connections that are passed on to others.

mod common;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use common::peers::{pattern, port_without_listener, reset};
use common::{after_turns, listener, on_every_backend, peer_of, read_all, run};
use protocols::endpoints::ClientEndpoint;
use protocols::reactor::{Reactor, RemoteHandle};
use protocols::relay::PortForward;
use protocols::{ConnectOptions, ListenOptions, Port, ReactorTcp};

on_every_backend!(
    bytes_are_passed_on_both_ways,
    much_is_passed_on_to_a_slow_reader_complete,
    what_a_client_sends_before_the_other_connection_stands_is_passed_on,
    a_client_is_closed_when_there_is_nothing_behind,
    the_end_of_the_server_behind_ends_the_client,
    the_end_of_the_client_ends_the_server_behind,
    an_end_of_one_direction_is_passed_on_alone,
    a_client_that_leaves_at_once_leaves_nothing_behind,
);

fn forward(reactor: &Reactor, to: u16) -> Port {
    let to = ClientEndpoint::tcp(reactor, "127.0.0.1", to, ConnectOptions::new());
    let options = ListenOptions::new(0).interface(Ipv4Addr::LOCALHOST.into());
    reactor
        .listen_tcp_with(options, Rc::new(PortForward::new(to)))
        .expect("there is a free port")
}

/// Runs the server behind and the client, each on a thread of its own, until both have returned.
#[track_caller]
fn between<A: Send + 'static, B: Send + 'static>(
    reactor: &Reactor,
    client: impl FnOnce(TcpStream) -> A + Send + 'static,
    server: impl FnOnce(TcpStream) -> B + Send + 'static,
) -> (A, B) {
    let (behind, number) = listener();
    let port = forward(reactor, number);
    let peer = peer_of(&port);
    let stop = Arc::new(Stop(reactor.remote_handle()));
    let client = on_thread(&stop, move || client(peer));
    let server = on_thread(&stop, move || server(common::accepted(&behind)));
    drop(stop);

    run(reactor);

    (client.join().unwrap(), server.join().unwrap())
}

/// Stops the reactor when nobody owns it any more.
struct Stop(RemoteHandle);

impl Drop for Stop {
    fn drop(&mut self) {
        let stopped = self.0.call_from_thread(common::stop_soon);
        stopped.expect("the reactor runs");
    }
}

/// Runs `f` on a thread that owns `stop` until it has ended.
fn on_thread<T: Send + 'static>(
    stop: &Arc<Stop>,
    f: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let stop = Arc::clone(stop);
    thread::spawn(move || {
        let _stop = stop;
        f()
    })
}

// P-029
fn bytes_are_passed_on_both_ways(reactor: &Reactor) {
    let (answer, question) = between(
        reactor,
        |mut client| {
            client.write_all(b"who is there?").unwrap();
            let mut answer = [0; 9];
            client.read_exact(&mut answer).unwrap();
            answer
        },
        |mut server| {
            let mut question = [0; 13];
            server.read_exact(&mut question).unwrap();
            server.write_all(b"only echo").unwrap();
            question
        },
    );

    assert_eq!(&question, b"who is there?");
    assert_eq!(&answer, b"only echo");
}

// P-029, S-018
fn much_is_passed_on_to_a_slow_reader_complete(reactor: &Reactor) {
    const MUCH: usize = 24 * 1024 * 1024;
    let ((), received) = between(
        reactor,
        |mut client| client.write_all(&pattern(MUCH)).unwrap(),
        |mut server| {
            let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
            loop {
                match server.read(&mut buffer).unwrap() {
                    0 => return received,
                    count => received.extend_from_slice(&buffer[..count]),
                }
            }
        },
    );

    assert!(received == pattern(MUCH));
}

// P-029
fn what_a_client_sends_before_the_other_connection_stands_is_passed_on(reactor: &Reactor) {
    let ((), received) = between(
        reactor,
        |mut client| {
            client.write_all(b"already here").unwrap();
            client.shutdown(Shutdown::Write).unwrap();
        },
        |server| read_all(&server).unwrap(),
    );

    assert_eq!(received, b"already here");
}

// P-029
fn a_client_is_closed_when_there_is_nothing_behind(reactor: &Reactor) {
    let (_taken, number) = port_without_listener();
    let port = forward(reactor, number);
    let peer = peer_of(&port);
    let stop = Arc::new(Stop(reactor.remote_handle()));
    let client = on_thread(&stop, move || read_all(&peer));
    drop(stop);

    run(reactor);

    assert_eq!(client.join().unwrap().unwrap(), b"");
}

// P-029
fn the_end_of_the_server_behind_ends_the_client(reactor: &Reactor) {
    let (received, ()) = between(
        reactor,
        |client| read_all(&client).unwrap(),
        |mut server| server.write_all(b"goodbye").unwrap(),
    );

    assert_eq!(received, b"goodbye");
}

// P-029
fn the_end_of_the_client_ends_the_server_behind(reactor: &Reactor) {
    let ((), result) = between(reactor, reset, |server| read_all(&server));

    // It is told of an end, whichever.
    assert!(result.is_ok_and(|received| received.is_empty()));
}

fn an_end_of_one_direction_is_passed_on_alone(reactor: &Reactor) {
    let (answer, ()) = between(
        reactor,
        |mut client| {
            client.write_all(b"a question").unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            read_all(&client).unwrap()
        },
        |mut server| {
            let question = read_all(&server).unwrap();
            server.write_all(b"an answer to ").unwrap();
            server.write_all(&question).unwrap();
        },
    );

    assert_eq!(answer, b"an answer to a question");
}

fn a_client_that_leaves_at_once_leaves_nothing_behind(reactor: &Reactor) {
    let (behind, number): (TcpListener, u16) = listener();
    let port = forward(reactor, number);
    drop(peer_of(&port));
    let handle = reactor.remote_handle();
    let server = thread::spawn(move || {
        let received = read_all(&common::accepted(&behind));
        handle
            .call_from_thread(|reactor| after_turns(reactor, 5, common::stop_soon))
            .unwrap();
        received
    });

    run(reactor);

    assert_eq!(server.join().unwrap().unwrap(), b"");
    port.stop_listening().ignore();
    assert!(reactor.readers().is_empty() && reactor.writers().is_empty());
}
