//! Two protocols joined over memory, TCP and UNIX sockets: the same comes of it.

mod common;

use std::cell::RefCell;
use std::env;
use std::process;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

use common::{Bytes, Kept, Log, Script, name_of, on_every_backend, run, stop_soon};
use protocols::reactor::Reactor;
use protocols::testing::{
    Chunking, Loopback, PairOptions, StrictPushProducer, StrictState, StringTransport, TenTimes,
};
use protocols::{Factory, ListenError, Producer, Transport};

on_every_backend!(
    a_client_greets,
    a_server_greets,
    a_greeting_may_be_a_sequence,
    a_long_dialogue_ends_in_order,
    the_peers_hidden_doom_is_no_error,
    pull_producers_work,
    push_producers_work,
    host_and_peer_answer,
    what_cannot_be_joined_fails,
);

/// All ways to join two protocols.
fn ways() -> Vec<Loopback> {
    static SOCKETS: AtomicU32 = AtomicU32::new(0);
    let number = SOCKETS.fetch_add(1, Ordering::Relaxed);
    let path = env::temp_dir().join(format!("loopback-{}-{number}", process::id()));
    let memory = |chunking| Loopback::Memory(PairOptions::new().chunking(chunking));
    vec![
        memory(Chunking::AsWritten),
        memory(Chunking::AllInOne),
        memory(Chunking::Bytewise),
        memory(Chunking::Random(7)),
        Loopback::Tcp,
        Loopback::Unix(path),
    ]
}

/// Joins the protocols of these scripts, runs until both have ended, and says why they have.
#[track_caller]
fn ends(way: Loopback, reactor: &Reactor, client: Script, server: Script) -> [String; 2] {
    let reasons = Rc::new(RefCell::new(None));
    let (seen, stop) = (Rc::clone(&reasons), reactor.clone());
    let peer = StringTransport::new().peer();
    let client = Rc::new(client)
        .build_protocol(&peer)
        .expect("it declines nobody");
    let server = Rc::new(server)
        .build_protocol(&peer)
        .expect("it declines nobody");
    way.join(reactor, client, server)
        .add_both(move |ends| {
            *seen.borrow_mut() = Some(ends);
            stop_soon(&stop);
        })
        .ignore();

    run(reactor);

    let ends = reasons.take().expect("it has fired");
    let (client, server) = ends.expect("they are joined");
    [name_of(&client), name_of(&server)]
}

const DONE: [&str; 2] = ["ConnectionDone", "ConnectionDone"];

/// Plays with each of the two ends as the one that greets, and gives what the other one got.
fn greeted(reactor: &Reactor, by_client: bool, greet: fn(&Rc<dyn Transport>)) {
    for way in ways() {
        let log = Log::default();
        let greeter = Script::unnoted().on_made(greet);
        let greeted = Script::new("it", &log);
        let reasons = if by_client {
            ends(way, reactor, greeter, greeted)
        } else {
            ends(way, reactor, greeted, greeter)
        };
        assert_eq!(reasons, DONE);
        log.assert(&[
            "it built",
            "it made",
            "it data hello world",
            "it lost ConnectionDone",
        ]);
    }
}

/// Says hello and closes.
fn hello(transport: &Rc<dyn Transport>) {
    transport.write(b"hello ");
    transport.write(b"world");
    transport.lose_connection();
}

// Z-029
fn a_client_greets(reactor: &Reactor) {
    greeted(reactor, true, hello);
}

// Z-029
fn a_server_greets(reactor: &Reactor) {
    greeted(reactor, false, hello);
}

// Z-029
fn a_greeting_may_be_a_sequence(reactor: &Reactor) {
    for by_client in [true, false] {
        greeted(reactor, by_client, |transport| {
            transport.write_vectored(&[b"hello", b" ", b"world"]);
            transport.lose_connection();
        });
    }
}

// Z-029
fn a_long_dialogue_ends_in_order(reactor: &Reactor) {
    const ROUNDS: usize = 500;
    for way in ways() {
        let at_client = Bytes::default();
        let count = at_client.clone();
        let client = Script::unnoted()
            .on_made(|transport| {
                transport.write(b"x");
            })
            .on_data(move |transport, data| {
                count.add(data);
                if count.len() == ROUNDS {
                    transport.lose_connection();
                } else {
                    transport.write(data);
                }
            });
        let server = Script::unnoted().on_data(|transport, data| {
            transport.write(data);
        });

        assert_eq!(ends(way, reactor, client, server), DONE);

        assert_eq!(at_client.len(), ROUNDS);
    }
}

// Z-029
fn the_peers_hidden_doom_is_no_error(reactor: &Reactor) {
    for way in ways() {
        let received = Bytes::default();
        let add = received.clone();
        let client = Script::unnoted().on_made(|transport| {
            transport.write(b"DOOM LURKS");
            transport.lose_connection();
        });
        let server = Script::unnoted().on_data(move |transport, data| {
            add.add(data);
            transport.lose_connection();
        });

        let [client, _] = ends(way, reactor, client, server);

        assert_eq!(client, "ConnectionDone");
        assert!(b"DOOM LURKS".starts_with(&received.take()));
    }
}

// Z-031
fn pull_producers_work(reactor: &Reactor) {
    for way in ways() {
        let log = Log::default();
        let producers: Rc<RefCell<Vec<Rc<TenTimes>>>> = Rc::default();
        let keep = Rc::clone(&producers);
        let client = Script::unnoted().on_made(move |transport| {
            let producer = TenTimes::new(transport);
            let registered = Producer::Pull(Rc::clone(&producer) as _);
            transport
                .register_producer(registered)
                .expect("there is none");
            transport.lose_connection();
            keep.borrow_mut().push(producer);
        });

        assert_eq!(ends(way, reactor, client, Script::new("it", &log)), DONE);

        assert_eq!(log.count("it data 12345678910"), 1);
        assert!(producers.borrow()[0].is_done());
    }
}

// Z-031
fn push_producers_work(reactor: &Reactor) {
    for way in ways() {
        let producer = StrictPushProducer::new();
        let (registered, received) = (Rc::clone(&producer), Bytes::default());
        let add = received.clone();
        let client = Script::unnoted().on_made(move |transport| {
            let registered = Producer::Push(Rc::clone(&registered) as _);
            transport
                .register_producer(registered)
                .expect("there is none");
            transport.write(&[b'x'; 100_000]);
        });
        let server = Script::unnoted().on_data(move |transport, data| {
            add.add(data);
            if add.len() == 100_000 {
                transport.lose_connection();
            }
        });

        assert_eq!(ends(way, reactor, client, server), DONE);

        assert_eq!(received.len(), 100_000);
        assert_eq!(producer.state(), StrictState::Stopped);
    }
}

// Z-024, Z-031
fn host_and_peer_answer(reactor: &Reactor) {
    for way in ways() {
        let is_named = !matches!(way, Loopback::Unix(_));
        let (client, server) = (Kept::default(), Kept::default());
        let (keep_client, keep_server) = (client.clone(), server.clone());
        let at_client = Script::unnoted().on_made(move |transport| {
            transport.host();
            keep_client.keep(transport);
        });
        let at_server = Script::unnoted().on_made(move |transport| {
            transport.host();
            keep_server.keep(transport);
            transport.lose_connection();
        });

        ends(way, reactor, at_client, at_server);

        assert_eq!(client.get().peer(), server.get().host());
        if is_named {
            assert_eq!(server.get().peer(), client.get().host());
        }
    }
}

// Z-029
fn what_cannot_be_joined_fails(reactor: &Reactor) {
    let path = env::temp_dir().join("no such folder").join("socket");
    let failed = Rc::new(RefCell::new(None));
    let (seen, stop) = (Rc::clone(&failed), reactor.clone());
    let protocol = |script: Script| {
        let peer = StringTransport::new().peer();
        Rc::new(script)
            .build_protocol(&peer)
            .expect("it declines nobody")
    };
    let log = Log::default();
    let client = protocol(Script::new("client", &log));
    let server = protocol(Script::unnoted());

    Loopback::Unix(path)
        .join(reactor, client, server)
        .add_both(move |ends| *seen.borrow_mut() = ends.err())
        .ignore();
    reactor.call_when_running(move |_| stop_soon(&stop));
    run(reactor);

    let failure = failed.take().expect("it has failed");
    assert!(failure.check::<ListenError>().is_some());
    log.assert(&["client built"]);
}
