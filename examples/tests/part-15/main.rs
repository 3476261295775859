//! Part 15: the tutorial's tests of its client and server, and what its exercises ask for beside them.
//!
//! There are no programs here, but two halves of one: the server of part 16's service and the client behind
//! `get-poetry`. Each test has a reactor of its own, so that nothing of one test is left in the next; it runs until
//! the test's Deferred has fired, which is what Twisted's `trial` does with a Deferred that a test returns. `doubled.rs` does
//! without all of that: a reactor whose network is a record, and the test for a peer.

#[allow(dead_code, reason = "what one part needs is not what another does")]
#[path = "../common/mod.rs"]
mod common;
mod doubled;
#[path = "../common/servers.rs"]
#[allow(dead_code, reason = "what one part needs is not what another does")]
mod servers;

use std::cell::{Cell, RefCell};
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use examples::{PoetryServerFactory, ServerAddress, Silent, get_poetry};
use protocols::deferred::{Deferred, Failure};
use protocols::reactor::{Reactor, Stopped, backend};
use protocols::{
    Address, ConnectError, ConnectionClosed, Factory, ListenOptions, Port, Protocol, ReactorTcp,
    Transport,
};

use common::PATIENCE;

/// Whoever counts its letters has fewer than it has bytes.
const TEST_POEM: &[u8] = "Two lines for the test,\nand then no more …".as_bytes();
/// More than goes out at once.
const LONG: usize = 16 << 20;

#[test]
fn the_poem_that_is_served_is_the_poem_that_comes() {
    on_every_backend(|reactor| {
        let port = listen(reactor, PoetryServerFactory::new(TEST_POEM));

        let poem = poem_from(reactor, &port);

        assert_eq!(result(reactor, poem).unwrap(), TEST_POEM);
    });
}

#[test]
fn an_empty_poem_comes_as_one() {
    on_every_backend(|reactor| {
        let port = listen(reactor, PoetryServerFactory::default());

        let poem = poem_from(reactor, &port);

        assert_eq!(result(reactor, poem).unwrap(), b"");
    });
}

#[test]
fn a_long_poem_comes_in_pieces_that_are_all_of_it() {
    on_every_backend(|reactor| {
        let sent: Vec<u8> = (0..=255).cycle().take(LONG).collect();
        let port = listen(reactor, PoetryServerFactory::new(sent.clone()));
        let (pieces, came) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let (count, sum) = (Rc::clone(&pieces), Rc::clone(&came));

        let poem = get_poetry(reactor, &address_of(&port), PATIENCE, move |bytes, _| {
            count.set(count.get() + 1);
            sum.set(sum.get() + bytes);
        });

        assert!(result(reactor, poem).unwrap() == sent);
        assert!(pieces.get() > 1);
        assert_eq!(came.get(), sent.len());
    });
}

#[test]
fn the_failure_is_a_connect_error_where_no_one_listens() {
    let (_socket, refusing) = servers::refusing();
    on_every_backend(|reactor| {
        let server = refusing.parse().unwrap();

        let poem = get_poetry(reactor, &server, PATIENCE, |_, _| {});

        let failure = result(reactor, poem).unwrap_err();
        let error = failure.check::<ConnectError>();
        assert!(
            matches!(error, Some(ConnectError::ConnectionRefused(..))),
            "{failure}"
        );
    });
}

#[test]
fn the_server_knows_whom_it_serves_and_when_that_is_over() {
    on_every_backend(|reactor| {
        let factory = Rc::new(PoetryServerFactory::new(vec![b'o'; LONG]));
        let port = reactor
            .listen_tcp_with(local(), Rc::clone(&factory))
            .unwrap();
        let most = Rc::new(Cell::new(0));
        let (seen, serving) = (Rc::clone(&most), Rc::clone(&factory));

        let poem = get_poetry(reactor, &address_of(&port), PATIENCE, move |_, _| {
            seen.set(seen.get().max(serving.clients()));
        });
        let finishing = Rc::clone(&factory);
        let finished = poem.add_callback(move |_| finishing.finish_within(PATIENCE));

        result(reactor, finished).unwrap();
        assert_eq!((most.get(), factory.clients()), (1, 0));
    });
}

#[test]
fn a_server_without_clients_has_finished() {
    on_every_backend(|reactor| {
        let finished = PoetryServerFactory::default().finish_within(PATIENCE);

        assert!(finished.has_result());
        result(reactor, finished).unwrap();
    });
}

#[test]
fn a_port_that_has_stopped_listening_can_be_taken_by_the_next_test() {
    on_every_backend(|reactor| {
        let port = listen(reactor, PoetryServerFactory::new(TEST_POEM));
        let number = port.address().port().unwrap();
        let (there, again) = (reactor.clone(), ListenOptions::new(number));

        let stopped = port.stop_listening().add_callback(move |()| {
            let again = again.interface(Ipv4Addr::LOCALHOST.into());
            let factory = Rc::new(PoetryServerFactory::new(TEST_POEM));
            Ok(there.listen_tcp_with(again, factory)?.address())
        });

        assert_eq!(result(reactor, stopped).unwrap(), port.address());
    });
}

#[test]
fn half_a_poem_is_a_failure() {
    on_every_backend(|reactor| {
        let double = Rc::new(Double::new(&TEST_POEM[..9]));
        let port = reactor
            .listen_tcp_with(local(), Rc::clone(&double))
            .unwrap();

        let poem = get_poetry(reactor, &address_of(&port), PATIENCE, move |bytes, _| {
            assert_eq!(bytes, 9);
            double
                .client
                .take()
                .expect("it sent them")
                .abort_connection();
        });

        let failure = result(reactor, poem).unwrap_err();
        let closed = failure.check::<ConnectionClosed>();
        assert!(closed.is_some_and(|closed| !closed.is_clean()), "{failure}");
    });
}

#[test]
fn a_server_that_says_nothing_is_given_up_after_the_time_for_it() {
    on_every_backend(|reactor| {
        let port = listen(reactor, Double::new(b""));
        let patience = Duration::from_millis(20);
        let began = reactor.now();

        let poem = get_poetry(reactor, &address_of(&port), patience, |_, _| {});

        let failure = result(reactor, poem).unwrap_err();
        assert!(failure.check::<Silent>().is_some(), "{failure}");
        assert!(reactor.now() - began >= patience);
    });
}

/// A double of the server: it sends this to a client, and leaves the end to the test.
struct Double {
    sends: &'static [u8],
    client: RefCell<Option<Rc<dyn Transport>>>,
}

impl Double {
    fn new(sends: &'static [u8]) -> Self {
        let client = RefCell::default();
        Self { sends, client }
    }
}

impl Factory for Double {
    type Protocol = DoubleProtocol;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<DoubleProtocol> {
        Some(DoubleProtocol(Rc::clone(self)))
    }
}

struct DoubleProtocol(Rc<Double>);

impl Protocol for DoubleProtocol {
    fn connection_made(&mut self, transport: &Rc<dyn Transport>) {
        transport.write(self.0.sends);
        *self.0.client.borrow_mut() = Some(Rc::clone(transport));
    }

    fn data_received(&mut self, _transport: &Rc<dyn Transport>, _data: &[u8]) {}
}

fn on_every_backend(test: impl Fn(&Reactor)) {
    for name in backend::NAMES {
        let backend = backend::from_name(name).unwrap();
        test(&Reactor::with_backend(backend).unwrap());
    }
}

fn listen<F: Factory>(reactor: &Reactor, factory: F) -> Port {
    reactor.listen_tcp_with(local(), Rc::new(factory)).unwrap()
}

/// Any free port of this machine.
fn local() -> ListenOptions {
    ListenOptions::new(0).interface(Ipv4Addr::LOCALHOST.into())
}

fn poem_from(reactor: &Reactor, port: &Port) -> Deferred<Vec<u8>> {
    get_poetry(reactor, &address_of(port), PATIENCE, |_, _| {})
}

fn address_of(port: &Port) -> ServerAddress {
    port.address().to_string().parse().unwrap()
}

/// Runs the reactor until there is a result, but not for ever.
#[track_caller]
fn result<T: 'static>(reactor: &Reactor, deferred: Deferred<T>) -> Result<T, Failure> {
    let (there, stopping) = (Rc::new(RefCell::new(None)), reactor.clone());
    let put = Rc::clone(&there);
    let noted = deferred.add_both(move |result| {
        *put.borrow_mut() = Some(result);
        stopping.call_when_running(|reactor| reactor.stop());
    });
    noted.ignore();
    let watchdog = reactor.call_later(PATIENCE, |reactor| reactor.crash());

    assert_eq!(reactor.run().unwrap(), Stopped::Asked, "there is a result");

    // A run that has ended has dropped it.
    let _ = watchdog.cancel();
    there.take().expect("there is a result")
}
