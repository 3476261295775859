//! The cache of the book, over real connections and over connections in memory.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use docs::cache::{self, CacheServer, Client};
use protocols::deferred::{Deferred, Failure, gather, testing};
use protocols::endpoints::ClientEndpoint;
use protocols::reactor::task::AddTimeout;
use protocols::reactor::{ConnectionClosed, Reactor};
use protocols::testing::{Chunking, Loss, MemoryReactor, PairOptions, Side};
use protocols::{Address, ConnectOptions, Factory, ListenOptions, Protocol, ReactorTcp, Transport};

/// Longer than any of this takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(20);

// ANCHOR: talk
/// Runs a server and a client until what `talk` returns has fired, and returns its result.
fn result_with<F: Factory, T: 'static>(
    server: F,
    talk: impl FnOnce(Client) -> Deferred<T> + 'static,
) -> Result<T, Failure> {
    let reactor = Reactor::new().unwrap();
    let options = ListenOptions::new(0).interface([127, 0, 0, 1].into());
    let port = reactor.listen_tcp_with(options, Rc::new(server)).unwrap();
    let number = port.address().port().unwrap();
    let endpoint = ClientEndpoint::tcp(&reactor, "127.0.0.1", number, ConnectOptions::new());

    let (found, end) = (Rc::new(RefCell::new(None)), reactor.clone());
    let place = Rc::clone(&found);
    cache::connect(&endpoint)
        .add_callback(talk)
        .add_timeout(LIMIT, &reactor)
        .add_both(move |result| {
            *place.borrow_mut() = Some(result);
            end.stop().map_err(Failure::from)
        })
        .log_failure("No result");
    reactor.run().unwrap();
    found.take().expect("the reactor stops after the result")
}

#[test]
fn a_client_gets_what_it_has_stored() {
    let got = result_with(CacheServer::default(), |client| {
        let again = client.clone();
        client
            .set("river", b"waits on no one")
            .add_callback(move |()| again.get("river"))
    });

    assert_eq!(got.unwrap(), Some(b"waits on no one".to_vec()));
}
// ANCHOR_END: talk

#[test]
fn requests_may_be_sent_before_the_answers_to_others_have_come() {
    let got = result_with(CacheServer::default(), |client| {
        let large = vec![b'x'; 300_000];
        gather((client.set("a", &large), client.get("a"), client.get("b")))
    });

    let ((), a, b) = got.unwrap();
    assert_eq!(a.map(|value| value.len()), Some(300_000));
    assert_eq!(b, None);
}

#[test]
fn a_refusal_is_a_failure_of_that_request_alone() {
    let got = result_with(CacheServer::default(), |client| {
        let again = client.clone();
        client
            .get("two words")
            .add_errback(|failure| {
                failure.trap::<cache::CacheError>()?;
                Ok(Some(b"refused".to_vec()))
            })
            .add_callback(move |refused| again.get("a").map(move |missing| (refused, missing)))
    });

    assert_eq!(got.unwrap(), (Some(b"refused".to_vec()), None));
}

/// A server that says one thing, and closes.
struct Says(&'static [u8]);

impl Protocol for Says {
    fn data_received(&mut self, transport: &Rc<dyn Transport>, _data: &[u8]) {
        transport.write(self.0);
        transport.lose_connection();
    }
}

struct SaysOnly(&'static [u8]);

impl Factory for SaysOnly {
    type Protocol = Says;

    fn build_protocol(self: &Rc<Self>, _peer: &Address) -> Option<Says> {
        Some(Says(self.0))
    }
}

// ANCHOR: lost
#[test]
fn who_still_waits_when_the_server_goes_is_told_why() {
    let got = result_with(SaysOnly(b"END\r\n"), |client| {
        let (first, second) = (client.get("a"), client.get("b"));
        first.add_callback(move |_| second)
    });

    let failure = got.unwrap_err();
    assert!(failure.check::<ConnectionClosed>().unwrap().is_clean());
}
// ANCHOR_END: lost

#[test]
fn who_asks_again_when_the_server_is_gone_is_told_at_once() {
    let got = result_with(SaysOnly(b"END\r\n"), |client| {
        let again = client.clone();
        let (first, second) = (client.get("a"), client.get("b"));
        first
            .add_callback(move |_| second)
            .add_errback(move |_lost| again.get("b"))
    });

    let failure = got.unwrap_err();
    assert!(failure.check::<ConnectionClosed>().is_some(), "{failure}");
}

// ANCHOR: place
#[test]
fn a_request_that_is_given_up_keeps_its_place() {
    let got = result_with(CacheServer::default(), |client| {
        let river = client.set("river", b"waits");
        let (lamp, again) = (client.get("lamp"), client.get("river"));
        lamp.cancel();
        lamp.ignore();
        river.add_callback(move |()| again)
    });

    assert_eq!(got.unwrap(), Some(b"waits".to_vec()));
}
// ANCHOR_END: place

#[test]
fn a_server_that_talks_gibberish_is_given_up() {
    for said in [
        &b"VALUE a 0 many\r\n"[..],
        b"VALUE a 0 1\r\nx\r\nSTOP\r\n",
        b"VALUE a 0 99999999\r\n",
    ] {
        let got = result_with(SaysOnly(said), |client| client.get("a"));

        let failure = got.unwrap_err();
        assert!(failure.check::<cache::CacheError>().is_some(), "{failure}");
    }
}

// ANCHOR: memory
#[test]
fn a_conversation_is_the_same_byte_by_byte_and_seconds_later() {
    let reactor = MemoryReactor::new();
    let endpoint = ClientEndpoint::tcp(&reactor, "cache", 11211, ConnectOptions::new());
    let got = cache::connect(&endpoint).add_callback(|client| {
        let again = client.clone();
        client
            .set("river", b"waits")
            .add_callback(move |()| again.get("river"))
    });
    reactor.settle();
    let server = Rc::new(CacheServer::default());
    let server = server.build_protocol(&endpoint_address()).unwrap();
    let wire = PairOptions::new()
        .chunking(Chunking::Bytewise)
        .latency(Duration::from_secs(1));
    let pair = reactor.connects()[0].accept_by(wire, server).unwrap();

    // A question and an answer, twice: four seconds on the way.
    pair.advance(Duration::from_millis(3_999));
    let got = testing::assert_no_result(got);
    pair.flush();

    assert_eq!(testing::success_result_of(got), Some(b"waits".to_vec()));
    assert!(reactor.now() >= Duration::from_secs(4));
}
// ANCHOR_END: memory

// ANCHOR: broken
#[test]
fn who_waits_when_the_network_breaks_is_told_so() {
    for bytes in 0..ANSWER.len() {
        let reactor = MemoryReactor::new();
        let endpoint = ClientEndpoint::tcp(&reactor, "cache", 11211, ConnectOptions::new());
        let got = cache::connect(&endpoint).add_callback(|client| client.get("river"));
        reactor.settle();
        let pair = reactor.connects()[0]
            .accept_by(PairOptions::new(), Says(ANSWER))
            .unwrap();

        pair.lose_after(Side::Server, bytes, Loss::Reset);
        pair.flush();

        let failure = testing::failure_result_of::<ConnectionClosed, _>(got);
        assert!(failure.check::<ConnectionClosed>().unwrap().is_lost());
    }
}

/// What a server says to a `get`.
const ANSWER: &[u8] = b"VALUE river 0 5\r\nwaits\r\nEND\r\n";
// ANCHOR_END: broken

/// Where a client says that it is.
fn endpoint_address() -> Address {
    std::net::SocketAddr::from(([127, 0, 0, 1], 40_000)).into()
}
