//! The same two halves, each with the test for its peer: no sockets, and no time but the test's.

use std::cell::RefCell;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use examples::{PoetryServerFactory, PoetryServerProtocol, ServerAddress, Silent, get_poetry};
use protocols::deferred::{Deferred, Failure, testing};
use protocols::testing::{MemoryReactor, RecordedConnect, StringConnection};
use protocols::{Address, ConnectError, ConnectionClosed, Factory, Transport};

use crate::TEST_POEM;

const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn the_client_connects_to_where_it_was_told() {
    let (_reactor, connect, poem) = asked();

    assert_eq!(connect.destination().to_string(), "poetry.example:10000");
    poem.ignore();
}

#[test]
fn the_poem_is_all_that_comes_until_the_connection_ends_in_order() {
    let (_reactor, connect, poem) = asked();
    let connection = connect.accept().unwrap();

    // The last of these cuts a letter in two.
    for piece in TEST_POEM.chunks(TEST_POEM.len() - 1) {
        connection.receive(piece);
        assert!(!poem.has_result());
    }
    connection.lose(ConnectionClosed::ConnectionDone);

    assert_eq!(testing::success_result_of(poem), TEST_POEM);
    assert_eq!(connection.transport().value(), b"");
}

#[test]
fn each_piece_is_told_with_its_length_and_where_it_came_from() {
    let reactor = MemoryReactor::new();
    let pieces = Rc::new(RefCell::new(Vec::new()));
    let told = Rc::clone(&pieces);
    let poem = get_poetry(&reactor, &server(), PATIENCE, move |bytes, peer| {
        told.borrow_mut().push((bytes, peer.clone()));
    });
    let connection = connection_of(&reactor).accept().unwrap();
    let peer = connection.transport().peer();

    connection.receive(b"an o");
    connection.receive(b"de");

    assert_eq!(*pieces.borrow(), [(4, peer.clone()), (2, peer)]);
    poem.ignore();
}

#[test]
fn a_connection_that_is_refused_is_a_failure() {
    let (reactor, connect, poem) = asked();
    let address: SocketAddr = "127.0.0.1:10000".parse().unwrap();
    let refused = io::Error::from(io::ErrorKind::ConnectionRefused);

    assert!(connect.refuse(ConnectError::ConnectionRefused(address.into(), refused)));
    reactor.settle();

    testing::failure_result_of::<ConnectError, _>(poem);
}

#[test]
fn half_a_poem_is_a_failure() {
    let (_reactor, connect, poem) = asked();
    let connection = connect.accept().unwrap();
    let reset = io::Error::from(io::ErrorKind::ConnectionReset);

    connection.receive(&TEST_POEM[..9]);
    connection.lose(ConnectionClosed::ConnectionLost(reset));

    let failure = testing::failure_result_of::<ConnectionClosed, _>(poem);
    assert!(!is_clean(Some(failure)));
}

#[test]
fn each_piece_gives_the_server_its_time_anew() {
    let (reactor, connect, poem) = asked();
    let connection = connect.accept().unwrap();
    let nearly = PATIENCE - Duration::from_nanos(1);

    for _ in 0..3 {
        reactor.advance(nearly);
        connection.receive(b"oh ");
    }
    assert!(!poem.has_result());
    reactor.advance(PATIENCE);

    testing::failure_result_of::<Silent, _>(poem);
    assert!(connection.transport().is_aborting());
}

#[test]
fn a_poem_that_came_leaves_nothing_to_be_called() {
    let (reactor, connect, poem) = asked();

    let connection = connect.accept().unwrap();
    connection.lose(ConnectionClosed::ConnectionDone);

    assert_eq!(testing::success_result_of(poem), b"");
    assert!(reactor.delayed_calls().is_empty());
}

#[test]
fn the_server_sends_all_of_its_poem_and_closes() {
    let factory = Rc::new(PoetryServerFactory::new(TEST_POEM));

    let connection = served_by(&factory);

    assert_eq!(connection.transport().value(), TEST_POEM);
    assert!(is_clean(connection.reason()));
    assert_eq!(factory.clients(), 0);
}

#[test]
fn the_server_takes_no_requests() {
    let factory = Rc::new(PoetryServerFactory::new(TEST_POEM));
    let connection = served_by(&factory);

    connection.receive(b"GET / HTTP/1.1\r\n\r\n");

    assert_eq!(connection.transport().value(), TEST_POEM);
}

/// A client that has asked for a connection, and the poem that it will have.
fn asked() -> (MemoryReactor, RecordedConnect, Deferred<Vec<u8>>) {
    let reactor = MemoryReactor::new();
    let poem = get_poetry(&reactor, &server(), PATIENCE, |_, _| {});
    let connect = connection_of(&reactor);
    (reactor, connect, poem)
}

/// The one connection that was asked for.
#[track_caller]
fn connection_of(reactor: &MemoryReactor) -> RecordedConnect {
    // An attempt begins in the turn after it was asked for.
    reactor.settle();
    let mut connects = reactor.connects();
    assert_eq!(connects.len(), 1);
    connects.remove(0)
}

fn server() -> ServerAddress {
    "poetry.example:10000".parse().unwrap()
}

fn served_by(factory: &Rc<PoetryServerFactory>) -> StringConnection<PoetryServerProtocol> {
    StringConnection::new(factory.build_protocol(&some_address()).unwrap())
}

fn some_address() -> Address {
    Address::from("127.0.0.1:50000".parse::<SocketAddr>().unwrap())
}

fn is_clean(reason: Option<Failure>) -> bool {
    let reason = reason.expect("the connection is over");
    let closed = reason.check::<ConnectionClosed>();
    closed.is_some_and(ConnectionClosed::is_clean)
}
