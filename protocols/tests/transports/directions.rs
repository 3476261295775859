//! Connections whose two directions end apart.

use protocols::Producer;
use protocols::testing::TenTimes;

use crate::common::{Bytes, Script, lose_write};
use crate::joined::{Join, assert_told, on_every_transport};
use crate::play::{Play, collect};

on_every_transport!(
    one_direction_ends_and_the_other_goes_on,
    one_that_is_not_half_closeable_ends_with_its_peers_half,
    both_directions_ended_is_the_end,
    the_end_of_writing_waits_for_a_producer,
);

// N-051, N-052, N-055
// fault: the peer's half closed
fn one_direction_ends_and_the_other_goes_on(join: &Join<'_>) {
    let received = Bytes::default();
    let play = Play::new(join)
        .client(|script| {
            script
                .on_made(|transport| {
                    transport.write(b"question");
                    lose_write(transport);
                    transport.write(b"dropped");
                })
                .half_closeable(|transport| transport.lose_connection(), |_| ())
        })
        .server(|script| {
            script
                .half_closeable(
                    |transport| {
                        transport.write(b"answer");
                        lose_write(transport);
                    },
                    |_| (),
                )
                .on_data(collect(&received, usize::MAX, |_| ()))
        });

    let (client, server) = play.over(join);

    assert_eq!(received.take(), b"question");
    let told = [
        "made",
        "write ended",
        "data answer",
        "read ended",
        "lost ConnectionDone",
    ];
    assert_told(&client, &told);
    let told = [
        "made",
        "data question",
        "read ended",
        "write ended",
        "lost ConnectionDone",
    ];
    assert_told(&server, &told);
}

// N-053
// fault: the peer's half closed
fn one_that_is_not_half_closeable_ends_with_its_peers_half(join: &Join<'_>) {
    let play = Play::new(join).client(|script| {
        script.on_made(|transport| {
            transport.write(b"all of it");
            lose_write(transport);
        })
    });

    let (client, server) = play.over(join);

    assert_told(&server, &["made", "data all of it", "lost ConnectionDone"]);
    assert_told(&client, &["made", "lost ConnectionDone"]);
}

// N-056
// fault: our half closed
fn both_directions_ended_is_the_end(join: &Join<'_>) {
    let end = |script: Script| script.on_made(lose_write).half_closeable(|_| (), |_| ());
    let play = Play::new(join).client(end).server(end);

    let (client, server) = play.over(join);

    assert_eq!(client.count("client lost ConnectionDone"), 1);
    assert_eq!(server.count("server lost ConnectionDone"), 1);
}

// N-054
// fault: our half closed
fn the_end_of_writing_waits_for_a_producer(join: &Join<'_>) {
    let play = Play::new(join)
        .client(|script| script.half_closeable(|transport| transport.lose_connection(), |_| ()))
        .server(|script| {
            script
                .on_made(|transport| {
                    let producer = TenTimes::new(transport);
                    transport
                        .register_producer(Producer::Pull(producer.clone()))
                        .expect("there is none");
                    lose_write(transport);
                    // The transport does not own it before the callback has returned.
                    transport
                        .when_lost()
                        .add_callback(move |_| drop(producer))
                        .ignore();
                })
                .half_closeable(|_| (), |_| ())
        });

    let (client, server) = play.over(join);

    let told = [
        "made",
        "data 12345678910",
        "read ended",
        "lost ConnectionDone",
    ];
    assert_told(&client, &told);
    let told = ["made", "write ended", "read ended", "lost ConnectionDone"];
    assert_told(&server, &told);
}
