//! What messages and connections ask of the system, in counts that no noise of the machine can change.

#![cfg(target_os = "linux")]

mod common;
#[path = "../../reactor/tests/tracing/mod.rs"]
mod tracing;

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::rc::Rc;

use common::{Script, on_every_backend, peer_of, recorded, run};
use protocols::reactor::{Reactor, RemoteHandle};
use protocols::{ListenOptions, Port, ReactorTcp};
use tracing::{Calls, begin, end, system_calls};

on_every_backend!(
    a_message_on_one_busy_connection_is_a_wait_a_read_and_a_write,
    messages_on_many_busy_connections_share_a_wait,
);

/// How many messages go to and fro on each connection.
const ROUNDS: usize = 100;

const MESSAGE: usize = 64;

fn a_message_on_one_busy_connection_is_a_wait_a_read_and_a_write(reactor: &Reactor) {
    let Some(calls) = echoing(reactor, 1) else {
        return;
    };

    let each = per_message(&calls, ROUNDS);
    println!("measured: {each:.2} system calls a message on one connection: {calls:?}");
    assert_eq!(calls["sendto"], ROUNDS);
    assert!(each <= 2.01 + of_a_wait(reactor), "{calls:?}");
}

fn messages_on_many_busy_connections_share_a_wait(reactor: &Reactor) {
    const CONNECTIONS: usize = 64;
    let Some(calls) = echoing(reactor, CONNECTIONS) else {
        return;
    };

    let messages = ROUNDS * CONNECTIONS;
    let each = per_message(&calls, messages);
    println!("measured: {each:.2} system calls a message on {CONNECTIONS} connections: {calls:?}");
    assert_eq!(calls["sendto"], messages);
    assert!(each <= 2.1, "{calls:?}");
}

fn per_message(calls: &Calls, messages: usize) -> f64 {
    calls.values().sum::<usize>() as f64 / messages as f64
}

/// How many system calls a wait takes.
fn of_a_wait(reactor: &Reactor) -> f64 {
    match reactor.backend_name() {
        // It arms a timer and its own way to be woken up, each anew.
        "polling" => 5.0,
        _ => 1.0,
    }
}

/// The system calls of a server that sends everything back, while each of so many connections has one message under way.
fn echoing(reactor: &Reactor, connections: usize) -> Option<Calls> {
    let (reactor, waits) = recorded(reactor);
    system_calls(|| {
        let echoed = Rc::new(Cell::new(0));
        let counting = Rc::clone(&echoed);
        let script = Script::unnoted().on_data(move |transport, data| {
            assert_eq!(data.len(), MESSAGE);
            transport.write(data);
            counting.set(counting.get() + 1);
        });
        let options = ListenOptions::new(0)
            .interface(Ipv4Addr::LOCALHOST.into())
            .backlog(200);
        let port = reactor.listen_tcp_with(options, Rc::new(script)).unwrap();
        let mut load = Load::new(&port, connections, echoed, reactor.remote_handle());
        waits.before_each(move || load.goes_on());
        run(&reactor);
    })
}

/// Clients that do all that they do in the moment before the server waits, so that it finds all of it in one wait.
struct Load {
    peers: Vec<TcpStream>,
    rounds: usize,
    echoed: Rc<Cell<usize>>,
    stop: RemoteHandle,
}

impl Load {
    fn new(port: &Port, connections: usize, echoed: Rc<Cell<usize>>, stop: RemoteHandle) -> Self {
        Self {
            peers: (0..connections).map(|_| peer_of(port)).collect(),
            rounds: 0,
            echoed,
            stop,
        }
    }

    /// Reads all the answers and sends all the next messages, once the server has answered all.
    fn goes_on(&mut self) {
        if self.echoed.get() < self.rounds * self.peers.len() {
            return;
        }
        end();
        if self.rounds > 0 {
            self.read_answers();
        }
        self.rounds += 1;
        match self.rounds {
            // With the first message, the server accepts the connection.
            1 => self.send_messages(),
            rounds if rounds <= ROUNDS + 1 => {
                self.send_messages();
                begin();
            }
            _ => self.stop.stop().expect("the reactor runs"),
        }
    }

    fn send_messages(&mut self) {
        for peer in &mut self.peers {
            peer.write_all(&[b'x'; MESSAGE])
                .expect("the server listens");
        }
    }

    fn read_answers(&mut self) {
        for peer in &mut self.peers {
            peer.read_exact(&mut [0; MESSAGE])
                .expect("the server answers");
        }
    }
}
