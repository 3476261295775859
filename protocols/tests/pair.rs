//! Two protocols joined in memory: what moves when, and what is lost where the test says so.

mod common;

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use common::peers::pattern;
use common::{Log, Ownership, Script, lose_write, name_of};
use protocols::deferred::testing::success_result_of;
use protocols::testing::{
    Chunking, Collected, Collector, Loss, MemoryReactor, Pair, PairOptions, Side,
    StrictPushProducer, StrictState, TenTimes,
};
use protocols::{ConnectionClosed, Producer};

const SECOND: Duration = Duration::from_secs(1);

/// A pair of collectors that stands.
struct Ends {
    pair: Pair<Collector, Collector>,
    at_client: Collected,
    at_server: Collected,
}

impl Ends {
    fn new(options: PairOptions) -> Self {
        let ((client, at_client), (server, at_server)) = (Collector::new(), Collector::new());
        let pair = options.join(client, server);
        pair.pump();
        Self {
            pair,
            at_client,
            at_server,
        }
    }

    /// The names of the reasons of both ends.
    fn reasons(&self) -> [Option<String>; 2] {
        [&self.at_client, &self.at_server].map(|it| it.reason().map(|reason| name_of(&reason)))
    }
}

fn both(reason: &str) -> [Option<String>; 2] {
    [Some(reason.to_owned()), Some(reason.to_owned())]
}

// Z-023
#[test]
fn one_pump_gives_each_what_the_other_has_written() {
    let ends = Ends::new(PairOptions::new());
    ends.pair.client().write(b"to the server");
    ends.pair.server().write(b"to the client");
    assert_eq!(ends.at_server.data(), b"");

    ends.pair.pump();
    ends.pair.pump();

    assert_eq!(ends.at_server.data(), b"to the server");
    assert_eq!(ends.at_client.data(), b"to the client");
}

// Z-023
#[test]
fn the_first_pump_makes_the_connection() {
    let ((client, at_client), (server, at_server)) = (Collector::new(), Collector::new());
    let pair = Pair::join(client, server);
    assert!(at_client.transport().is_none());

    pair.pump();

    success_result_of(at_client.made());
    success_result_of(at_server.made());
}

// Z-023
#[test]
fn factories_are_joined_by_what_they_build() {
    let log = Log::default();
    let reactor = MemoryReactor::new();
    let client = Rc::new(Script::new("client", &log).on_made(|it| it.lose_connection()));
    let server = Rc::new(Script::new("server", &log));

    let pair = PairOptions::new().join_factories(&reactor, &client, &server);
    pair.expect("both build").flush();

    let declines = Rc::new(Script::unnoted().on_build(|_| false));
    assert!(
        PairOptions::new()
            .join_factories(&reactor, &client, &declines)
            .is_none()
    );
    assert_eq!(log.count("server lost ConnectionDone"), 1);
}

// Z-024
#[test]
fn each_connection_has_its_number_and_its_addresses() {
    let (one, other) = (Ends::new(PairOptions::new()), Ends::new(PairOptions::new()));

    assert_ne!(one.pair.serial(), other.pair.serial());
    assert_ne!(one.pair.client().host(), other.pair.client().host());
    assert_eq!(one.pair.client().peer(), one.pair.server().host());
    let (client, server) = (one.pair.client().host(), one.pair.server().host());
    let given = Ends::new(PairOptions::new().addresses(client.clone(), server.clone()));
    assert_eq!(given.pair.client().host(), client);
    assert_eq!(given.pair.client().peer(), server);
}

// Z-026
#[test]
fn a_pump_runs_calls_without_delay() {
    let ends = Ends::new(PairOptions::new());
    let called = Rc::new(Cell::new(false));
    let call = Rc::clone(&called);
    ends.pair
        .reactor()
        .call_later(Duration::ZERO, move |_| call.set(true));

    ends.pair.pump();

    assert!(called.get());
}

// Z-027
#[test]
fn a_push_producer_is_not_asked_by_the_pump_and_a_pull_producer_is() {
    let ends = Ends::new(PairOptions::new());
    let (push, pull) = (
        StrictPushProducer::new(),
        TenTimes::new(&ends.pair.server()),
    );
    let (client, server) = (ends.pair.client(), ends.pair.server());
    client
        .register_producer(Producer::Push(push.clone()))
        .expect("there is none");
    server
        .register_producer(Producer::Pull(pull.clone()))
        .expect("there is none");
    assert_eq!(pull.written(), 0, "it is asked by the loop");

    ends.pair.pump();
    let written = pull.written();
    ends.pair.flush();

    assert!(written > 0);
    assert!(pull.is_done());
    assert_eq!(push.state(), StrictState::Running);
    assert_eq!(ends.at_client.data(), b"12345678910");
}

// Z-027, S-006, S-008
#[test]
fn a_push_producer_is_paused_and_resumed_for_want_of_room_only() {
    let ends = Ends::new(PairOptions::new().room(1000));
    let producer = StrictPushProducer::new();
    let (client, server) = (ends.pair.client(), ends.pair.server());
    client
        .register_producer(Producer::Push(producer.clone()))
        .expect("there is none");
    server.pause_producing();

    client.write(&pattern(100_000));
    ends.pair.flush();
    assert_eq!(producer.state(), StrictState::Paused);
    server.resume_producing();
    ends.pair.flush();

    assert_eq!(producer.state(), StrictState::Running);
    assert!(ends.at_server.data() == pattern(100_000));
}

// Z-030
#[test]
fn the_chunking_decides_in_how_many_pieces_data_comes() {
    let pieces = |chunking| {
        let ends = Ends::new(PairOptions::new().chunking(chunking));
        ends.pair.client().write(b"one");
        ends.pair.client().write_vectored(&[b"t", b"w", b"o"]);
        ends.pair.client().write(b"three");
        ends.pair.flush();
        assert_eq!(ends.at_server.data(), b"onetwothree");
        ends.at_server.pieces()
    };

    assert_eq!(pieces(Chunking::AsWritten), 3);
    assert_eq!(pieces(Chunking::AllInOne), 1);
    assert_eq!(pieces(Chunking::Bytewise), 11);
}

#[test]
fn what_is_sent_takes_its_time() {
    let ends = Ends::new(PairOptions::new().latency(SECOND));
    ends.pair.client().write(b"hello");
    ends.pair.pump();

    ends.pair.advance(SECOND - Duration::from_millis(1));
    assert_eq!(ends.at_server.data(), b"");
    ends.pair.advance(Duration::from_millis(1));

    assert_eq!(ends.at_server.data(), b"hello");
    assert_eq!(ends.pair.reactor().now(), SECOND);
}

#[test]
fn a_flush_lets_the_time_pass_that_things_are_on_their_way() {
    let ends = Ends::new(PairOptions::new().latency(SECOND));
    ends.pair.client().write(b"hello");
    ends.pair.client().lose_connection();

    ends.pair.flush();

    assert_eq!(ends.at_server.data(), b"hello");
    assert!(ends.pair.is_over());
    assert_eq!(ends.pair.reactor().now(), SECOND);
}

#[test]
#[should_panic(expected = "there is still something to do")]
fn a_flush_that_has_no_end_says_so() {
    let echo = || {
        Script::unnoted().on_data(|transport, data| {
            transport.write(data);
        })
    };
    let reactor = MemoryReactor::new();
    let client = Rc::new(echo().on_made(|transport| {
        transport.write(b"ping");
    }));
    let pair = PairOptions::new().join_factories(&reactor, &client, &Rc::new(echo()));

    pair.expect("both build").flush();
}

#[test]
fn a_connection_is_broken_after_so_many_bytes() {
    for bytes in [0, 1, 5, 6] {
        let ends = Ends::new(PairOptions::new());
        ends.pair.lose_after(Side::Client, bytes, Loss::Reset);

        ends.pair.client().write(b"one");
        ends.pair.client().write(b"two!");
        ends.pair.flush();

        assert_eq!(ends.at_server.data(), &b"onetwo!"[..bytes]);
        assert_eq!(ends.reasons(), both("ConnectionLost"));
    }
}

#[test]
fn one_direction_ends_after_so_many_bytes() {
    let ends = Ends::new(PairOptions::new());
    ends.pair.lose_after(Side::Server, 2, Loss::HalfClose);

    ends.pair.server().write(b"hello");
    ends.pair.flush();

    assert_eq!(ends.at_client.data(), b"he");
    assert_eq!(ends.reasons(), both("ConnectionDone"));
}

#[test]
fn what_is_sent_into_silence_is_never_heard_of() {
    let ends = Ends::new(PairOptions::new());
    ends.pair.lose_after(Side::Client, 2, Loss::Silence);

    ends.pair.client().write(&pattern(1_000_000));
    ends.pair.client().lose_connection();
    ends.pair.server().write(b"is anybody there?");
    ends.pair.advance(1000 * SECOND);

    assert_eq!(ends.at_server.data(), &pattern(2)[..]);
    assert_eq!(ends.reasons(), [Some("ConnectionDone".into()), None]);
}

#[test]
fn a_reset_is_noticed_by_one_that_is_paused_when_it_writes() {
    let ends = Ends::new(PairOptions::new());
    ends.pair.client().pause_producing();
    ends.pair.server().abort_connection();
    ends.pair.flush();
    assert!(ends.at_client.reason().is_none());

    ends.pair.client().write(b"x");
    ends.pair.flush();

    let reason = ends.at_client.reason().expect("it has noticed");
    assert!(matches!(
        reason.check(),
        Some(ConnectionClosed::ConnectionLost(_))
    ));
}

#[test]
fn one_that_goes_on_writing_to_a_peer_that_is_gone_hears_of_it() {
    let log = Log::default();
    let reactor = MemoryReactor::new();
    let client = Rc::new(Script::new("client", &log).half_closeable(|_| (), |_| ()));
    let server = Rc::new(Script::unnoted().on_made(|transport| transport.lose_connection()));
    let pair = PairOptions::new().join_factories(&reactor, &client, &server);
    let pair = pair.expect("both build");
    pair.flush();
    assert_eq!(
        log.notes().last().map(String::as_str),
        Some("client read ended")
    );

    for _ in 0..3 {
        pair.client().write(b"hello?");
        pair.flush();
    }

    assert_eq!(
        log.notes().last().map(String::as_str),
        Some("client lost ConnectionLost")
    );
}

#[test]
fn the_protocols_can_be_asked() {
    let ends = Ends::new(PairOptions::new());

    ends.pair
        .with_client(|_, transport| transport.write(b"from the test"));
    ends.pair.flush();
    assert_eq!(ends.at_server.data(), b"from the test");
    ends.pair.server().lose_connection();
    ends.pair.flush();

    assert_eq!(ends.pair.with_server(|_, _| ()), None);
}

#[test]
fn what_is_larger_than_the_room_comes_in_parts_and_complete() {
    let ends = Ends::new(PairOptions::new().room(10));

    ends.pair.client().write(b"four");
    ends.pair.client().write(&pattern(25));
    lose_write(&ends.pair.client());
    ends.pair.flush();

    assert_eq!(ends.at_server.data(), [&b"four"[..], &pattern(25)].concat());
    assert_eq!(ends.at_server.pieces(), 4);
    assert_eq!(ends.reasons(), both("ConnectionDone"));
}

#[test]
fn nothing_is_left_of_a_pair_whose_reactor_is_dropped() {
    let (owned, ownership) = Ownership::new();
    let (reactor, log) = (MemoryReactor::new(), Log::default());
    let keeps = Rc::new(Script::new("client", &log).on_made(move |transport| {
        let (owned, own) = (owned.clone(), Rc::clone(transport));
        transport
            .when_lost()
            .add_callback(move |_| drop((owned, own)))
            .ignore();
    }));
    let other = Rc::new(Script::unnoted());
    let pair = PairOptions::new().join_factories(&reactor, &keeps, &other);
    pair.as_ref().expect("both build").pump();
    drop(keeps);

    drop((pair, reactor));

    log.assert(&["client built", "client made", "client lost ReactorStopped"]);
    assert!(ownership.is_over());
}

#[test]
fn a_pair_that_never_began_ends_without_a_word() {
    let log = Log::default();
    let reactor = MemoryReactor::new();
    let (client, server) = (Script::new("client", &log), Script::new("server", &log));
    let pair = PairOptions::new().join_factories(&reactor, &Rc::new(client), &Rc::new(server));

    drop(reactor);

    log.assert(&["server built", "client built"]);
    assert!(pair.expect("both build").is_over());
}
