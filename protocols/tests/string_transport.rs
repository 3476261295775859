//! Transports that keep what is written: what they note, and what they tell the protocol on them.

mod common;

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use common::{Log, Ownership, Reports, Script, lose_write, name_of};
use protocols::deferred::testing::{assert_no_result, success_result_of};
use protocols::testing::{
    Collector, Producing, StrictPushProducer, StrictState, StringConnection, StringTransport,
};
use protocols::{
    Address, ConnectionClosed, Consumer, Factory, Flow, Producer, ProducerError, Transport,
};

/// A transport, and the handle to it that a protocol has.
fn transport() -> (Rc<StringTransport>, Rc<dyn Transport>) {
    let transport = StringTransport::new();
    (Rc::clone(&transport), transport)
}

/// A connection whose protocol is this script's.
fn connection(script: Script) -> StringConnection<<Script as Factory>::Protocol> {
    let transport = StringTransport::new();
    let protocol = Rc::new(script).build_protocol(&transport.peer());
    StringConnection::on(transport, protocol.expect("scripts decline nothing"))
}

fn push() -> (Rc<StrictPushProducer>, Producer) {
    let producer = StrictPushProducer::new();
    (Rc::clone(&producer), Producer::Push(producer))
}

// Z-008, Z-009, Z-032
#[test]
fn what_is_written_can_be_read_back_until_it_is_cleared() {
    let (transport, handle) = transport();

    handle.write(b"one ");
    handle.write_vectored(&[b"two ", b"three"]);
    assert_eq!(transport.value(), b"one two three");
    assert_eq!(transport.value(), b"one two three");
    transport.clear();

    assert_eq!(transport.value(), b"");
    handle.write(b"four");
    assert_eq!(transport.take(), b"four");
    assert_eq!(transport.value(), b"");
}

// Z-010
#[test]
fn a_second_producer_is_refused_and_the_first_one_stays() {
    let (transport, handle) = transport();
    let ((_, first), (_, second)) = (push(), push());

    assert_eq!(handle.register_producer(first), Ok(()));
    let refused = handle.register_producer(second);

    assert_eq!(refused, Err(ProducerError::AlreadyRegistered));
    assert!(matches!(transport.producer(), Some(Producer::Push(_))));
    handle.unregister_producer();
    assert!(transport.producer().is_none());
}

// Z-010
#[test]
#[should_panic(expected = "no producer is registered")]
fn to_unregister_no_producer_is_a_mistake() {
    let (_, handle) = transport();
    handle.unregister_producer();
}

// Z-011
#[test]
fn it_shows_whether_it_was_told_to_produce_pause_or_stop() {
    let (transport, handle) = transport();
    assert_eq!(transport.producing(), Producing::On);

    handle.pause_producing();
    assert_eq!(transport.producing(), Producing::Paused);
    handle.resume_producing();
    assert_eq!(transport.producing(), Producing::On);
    handle.stop_producing();

    assert_eq!(transport.producing(), Producing::Stopped);
    assert!(transport.is_disconnecting());
    handle.resume_producing();
    assert_eq!(transport.producing(), Producing::Stopped);
}

// Z-012
#[test]
fn lose_connection_is_only_noted() {
    let (transport, handle) = transport();
    let lost = handle.when_lost();
    assert!(!transport.is_disconnecting());

    handle.lose_connection_within(Duration::from_secs(3));

    assert!(transport.is_disconnecting());
    assert!(!transport.is_aborting());
    assert_eq!(transport.limit(), Some(Duration::from_secs(3)));
    assert_no_result(lost).ignore();
}

// Z-015
#[test]
fn abort_connection_is_noted_apart() {
    let (transport, handle) = transport();

    handle.abort_connection();
    handle.lose_connection();

    assert!(transport.is_aborting());
    assert!(transport.is_disconnecting());
}

#[test]
fn the_end_of_writing_is_noted() {
    let (transport, handle) = transport();
    assert!(!transport.is_half_closed());

    lose_write(&handle);

    assert!(transport.is_half_closed());
    assert!(!transport.is_disconnecting());
}

// N-028, N-029, N-048
#[test]
fn what_is_written_after_an_end_is_dropped() {
    let ends: [fn(&Rc<dyn Transport>); 3] = [
        |it| it.lose_connection(),
        |it| it.abort_connection(),
        lose_write,
    ];
    for end in ends {
        let (transport, handle) = transport();
        handle.write(b"before");
        end(&handle);
        handle.write(b"after");
        assert_eq!(transport.value(), b"before");
    }
}

// N-028
#[test]
fn what_a_producer_writes_until_it_is_done_is_kept() {
    let (transport, handle) = transport();
    let (_, producer) = push();
    handle.register_producer(producer).expect("there is none");
    handle.lose_connection();

    handle.write(b"producer's");
    handle.unregister_producer();
    handle.write(b"not kept");

    assert_eq!(transport.value(), b"producer's");
}

// S-006
#[test]
fn it_is_full_until_it_is_cleared() {
    let (transport, handle) = transport();
    handle.set_water_marks(4, 0);

    assert_eq!(handle.write(b"four"), Flow::Open);
    assert_eq!(handle.write(b"!"), Flow::Full);
    transport.clear();
    assert_eq!(handle.write(b"four"), Flow::Open);
}

// Z-013
#[test]
fn host_and_peer_are_those_that_were_given_or_some() {
    let address = |text: &str| Address::from(text.parse::<SocketAddr>().expect("it is one"));
    let (host, peer) = (address("127.0.0.1:1"), address("127.0.0.1:2"));

    let transport = StringTransport::between(host.clone(), peer.clone());
    assert_eq!((transport.host(), transport.peer()), (host, peer));

    let default = StringTransport::new();
    assert_ne!(default.host(), default.peer());
    assert!(default.host().port().is_some());
}

// Z-014
#[test]
fn a_protocol_is_told_once_of_the_loss_that_it_asked_for() {
    let log = Log::default();
    let script = Script::new("it", &log).on_data(|transport, _| {
        transport.write(b"bye");
        common::calling(|| transport.lose_connection());
        transport.lose_connection();
    });
    let connection = connection(script);

    connection.receive(b"x");
    connection.receive(b"y");
    connection.lose(ConnectionClosed::ConnectionAborted);

    assert_eq!(connection.transport().value(), b"bye");
    log.assert(&["it built", "it made", "it data x", "it lost ConnectionDone"]);
    let reason = success_result_of(connection.transport().when_lost());
    assert_eq!(name_of(&reason), "ConnectionDone");
}

// Z-014, Z-015
#[test]
fn a_loss_that_is_asked_for_from_outside_comes_when_it_is_settled() {
    for (end, reason) in [
        (
            Transport::lose_connection as fn(&StringTransport),
            "it lost ConnectionDone",
        ),
        (Transport::abort_connection, "it lost ConnectionAborted"),
    ] {
        let log = Log::default();
        let connection = connection(Script::new("it", &log));

        end(connection.transport());
        log.assert(&["it built", "it made"]);
        connection.settle();

        log.assert(&["it built", "it made", reason]);
        assert!(connection.is_over());
    }
}

// Z-015
#[test]
fn an_abort_is_the_reason_and_stops_the_producer() {
    let log = Log::default();
    let connection = connection(Script::new("it", &log));
    let (producer, registered) = push();
    let handle = connection.transport();
    handle.register_producer(registered).expect("there is none");

    handle.lose_connection();
    connection.settle();
    assert!(!connection.is_over(), "the end waits for the producer");
    handle.abort_connection();
    connection.settle();

    assert_eq!(producer.state(), StrictState::Stopped);
    log.assert(&["it built", "it made", "it lost ConnectionAborted"]);
}

// Z-014, N-034
#[test]
fn a_panic_in_a_callback_is_reported_and_is_the_reason() {
    let (log, reports) = (Log::default(), Reports::collected());
    let script = Script::new("it", &log).on_data(|_, _| panic!("oh no"));
    let connection = connection(script);

    connection.receive(b"x");

    log.assert(&["it built", "it made", "it data x", "it lost panic: oh no"]);
    reports.assert(&[("Unhandled error in data_received", "panic: oh no")]);
}

// N-052, N-053
#[test]
fn an_end_of_reading_is_told_to_those_who_go_on_and_ends_the_others() {
    let log = Log::default();
    let goes_on = connection(Script::new("it", &log).half_closeable(|_| (), |_| ()));
    let ends = connection(Script::new("other", &log));

    goes_on.end_reading();
    ends.end_reading();

    assert!(!goes_on.is_over());
    let told = &log.notes()[4..];
    assert_eq!(told, ["it read ended", "other lost ConnectionDone"]);
}

#[test]
fn the_protocol_can_be_asked_and_its_wishes_are_done_then() {
    let (collector, collected) = Collector::new();
    let connection = StringConnection::new(collector);

    let answer = connection.with_protocol(|_, transport| {
        transport.lose_connection();
        42
    });

    assert_eq!(answer, Some(42));
    assert!(collected.reason().is_some());
    assert_eq!(connection.with_protocol(|_, _| 43), None);
}

#[test]
fn nothing_is_left_of_a_connection_that_is_over() {
    let (owned, ownership) = Ownership::new();
    let connection = connection(Script::unnoted().on_data(move |transport, _| {
        let _ = &owned;
        transport.abort_connection();
    }));

    connection.receive(b"x");

    assert!(ownership.is_over());
}
