//! What every transport does, whatever it is made of: the same checks over TCP, over UNIX sockets and in memory.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/joined.rs"]
mod joined;
#[path = "../common/paths.rs"]
mod paths;

mod acting;
mod callbacks;
mod directions;
mod ends;
mod flow;
mod play;
mod producers;

use std::cell::Cell;
use std::rc::Rc;

use common::peers::pattern;
use common::{Bytes, Kept, Log, calling, lose_write, stop_soon};
use joined::{Join, assert_told, on_every_transport};
use play::{Noting, Play, collect};
use protocols::{Producer, Transport};

on_every_transport!(
    callbacks_come_in_order_and_nothing_after_the_end,
    data_comes_complete_and_in_order_both_ways,
    a_sequence_is_its_parts_in_order,
    nothing_is_called_from_inside_a_call,
    both_ends_know_both_addresses,
);

// N-040, Z-023, Z-029
fn callbacks_come_in_order_and_nothing_after_the_end(join: &Join<'_>) {
    let received = Bytes::default();
    let play = Play::new(join)
        .client(|script| {
            script.on_made(|transport| {
                transport.write(b"hello");
            })
        })
        .server(|script| {
            script.on_data(collect(&received, 5, |transport| {
                transport.write(b"and goodbye");
                transport.lose_connection();
            }))
        });

    let (client, server) = play.over(join);

    assert_told(
        &client,
        &["made", "data and goodbye", "lost ConnectionDone"],
    );
    assert_told(&server, &["made", "data hello", "lost ConnectionDone"]);
}

// N-022, N-033, Z-023, Z-025
fn data_comes_complete_and_in_order_both_ways(join: &Join<'_>) {
    const LEN: usize = 300_000;
    let (at_client, at_server) = (Bytes::default(), Bytes::default());
    let write = |transport: &Rc<dyn Transport>| {
        for part in pattern(LEN).chunks(777) {
            transport.write(part);
        }
    };
    let ends = Rc::new(Cell::new(0));
    let end = move |transport: &Rc<dyn Transport>| {
        ends.set(ends.get() + 1);
        if ends.get() == 2 {
            transport.lose_connection();
        }
    };
    let play = Play::new(join)
        .client(|script| {
            script
                .on_made(write)
                .on_data(collect(&at_client, LEN, end.clone()))
        })
        .server(|script| script.on_made(write).on_data(collect(&at_server, LEN, end)));

    play.over(join);

    assert!(at_client.take() == pattern(LEN));
    assert!(at_server.take() == pattern(LEN));
}

// N-023, Z-025
fn a_sequence_is_its_parts_in_order(join: &Join<'_>) {
    let play = Play::new(join).server(|script| {
        script.on_made(|transport| {
            transport.write(b"one ");
            transport.write_vectored(&[b"two ", b"", b"three "]);
            transport.write_vectored(&[]);
            transport.write(b"four");
            transport.lose_connection();
        })
    });

    let (client, _) = play.over(join);

    let told = ["made", "data one two three four", "lost ConnectionDone"];
    assert_told(&client, &told);
}

// N-041
fn nothing_is_called_from_inside_a_call(join: &Join<'_>) {
    let play = Play::new(join)
        .client(|script| {
            script.on_made(|transport| {
                transport.write(&pattern(10_000));
            })
        })
        .server(|script| {
            let log = Log::default();
            script
                .on_made(move |transport| {
                    let producer = Rc::new(Noting(log.clone()));
                    calling(|| {
                        transport.pause_producing();
                        transport.resume_producing();
                        transport
                            .register_producer(Producer::Push(producer))
                            .expect("there is none");
                        transport.write(&pattern(200_000));
                    });
                })
                .on_data(|transport, _| {
                    calling(|| {
                        transport.unregister_producer();
                        lose_write(transport);
                        transport.lose_connection();
                        transport.abort_connection();
                    });
                })
        });

    let (client, server) = play.over(join);

    for log in [client, server] {
        let notes = log.notes();
        assert!(
            !notes.iter().any(|note| note.contains("inside a call")),
            "{notes:?}"
        );
    }
}

// Z-024, Z-031
fn both_ends_know_both_addresses(join: &Join<'_>) {
    let (client, server) = (Kept::default(), Kept::default());
    let (keep_client, keep_server) = (client.clone(), server.clone());
    let stop = join.reactor().clone();
    let play = Play::new(join)
        .client(|script| {
            script.on_made(move |transport| {
                keep_client.keep(transport);
                transport.host();
            })
        })
        .server(|script| {
            script.on_made(move |transport| {
                keep_server.keep(transport);
                transport.host();
                stop_soon(&stop);
            })
        });

    play.over(join);

    assert_eq!(client.get().host(), server.get().peer());
    assert_eq!(server.get().host(), client.get().peer());
    assert_ne!(client.get().host(), server.get().host());
}
