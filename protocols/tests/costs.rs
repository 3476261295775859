//! What connections cost, in counts that no noise of the machine can change.

mod common;
#[path = "../../deferred/tests/counting/mod.rs"]
mod counting;

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream, UdpSocket};
use std::rc::Rc;
use std::thread;

use common::child::{in_a_process_of_its_own, open_descriptors};
use common::peers::pattern;
use common::{
    LIMIT, Script, listen, on_every_backend, peer_of, read_all, run, stop_at_call, stop_soon,
};
use counting::Asked;
use protocols::datagram::{
    DatagramProtocol, DatagramTransport, Delivery, ReactorUdp, UdpOptions, UdpPort,
};
use protocols::reactor::Reactor;
use protocols::{Address, Factory, ListenOptions, Port, Protocol, ReactorTcp, Transport};

on_every_backend!(
    an_echoed_message_allocates_nothing,
    an_accepted_connection_allocates_twice,
    an_idle_connection_costs_at_most_360_bytes,
    a_connection_costs_one_descriptor,
    a_very_large_write_is_copied_once,
    what_is_shared_is_not_copied,
    an_echoed_datagram_allocates_nothing,
    an_idle_udp_port_costs_at_most_450_bytes,
);

/// Sends everything back.
struct Echo;

impl Protocol for Echo {
    fn data_received(&mut self, transport: &Rc<dyn Transport>, data: &[u8]) {
        transport.write(data);
    }
}

/// What the thread has asked for at the messages or connections of interest.
#[derive(Default)]
struct Marks {
    so_far: Cell<usize>,
    first: Cell<Asked>,
    last: Cell<Asked>,
}

impl Marks {
    /// Notes one more; at the first and the last of interest, also what was asked for until then.
    fn note(&self, first: usize, last: usize) -> bool {
        self.so_far.set(self.so_far.get() + 1);
        if self.so_far.get() == first {
            self.first.set(Asked::so_far());
        }
        if self.so_far.get() == last {
            self.last.set(Asked::so_far());
        }
        self.so_far.get() == last
    }

    /// What was asked for from the first to the last of interest.
    fn between(&self) -> Asked {
        self.last.get().since(self.first.get())
    }
}

/// Makes protocols that send everything back, and marks messages.
struct MarkedEcho {
    marks: Marks,
    first: usize,
    last: usize,
    stop: Reactor,
}

impl Factory for MarkedEcho {
    type Protocol = Marked;

    fn build_protocol(self: &Rc<Self>, _: &Address) -> Option<Marked> {
        Some(Marked(Rc::clone(self)))
    }
}

/// The protocol of a [`MarkedEcho`].
struct Marked(Rc<MarkedEcho>);

impl Protocol for Marked {
    fn data_received(&mut self, transport: &Rc<dyn Transport>, data: &[u8]) {
        transport.write(data);
        let factory = &self.0;
        if factory.marks.note(factory.first, factory.last) {
            stop_soon(&factory.stop);
        }
    }
}

fn echo(peer: &mut TcpStream, text: &[u8]) {
    let mut answer = vec![0; text.len()];
    peer.write_all(text).unwrap();
    peer.read_exact(&mut answer).unwrap();
    assert_eq!(answer, text);
}

// N-031
fn an_echoed_message_allocates_nothing(reactor: &Reactor) {
    const MESSAGES: usize = 1000;
    let factory = Rc::new(MarkedEcho {
        marks: Marks::default(),
        first: 100,
        last: MESSAGES,
        stop: reactor.clone(),
    });
    let options = ListenOptions::new(0).interface(Ipv4Addr::LOCALHOST.into());
    let port = reactor
        .listen_tcp_with(options, Rc::clone(&factory))
        .unwrap();
    let mut peer = peer_of(&port);
    let client = thread::spawn(move || {
        for _ in 0..MESSAGES {
            echo(&mut peer, &[b'x'; 200]);
        }
    });

    run(reactor);

    client.join().unwrap();
    let allocations = factory.marks.between().times;
    println!(
        "measured: {allocations} allocations for {} messages",
        MESSAGES - 100
    );
    assert_eq!(allocations, 0);
}

/// Makes protocols of no size, and marks the first and the last of interest.
struct Idle {
    marks: Marks,
    first: usize,
    last: usize,
    stop: Reactor,
}

impl Factory for Idle {
    type Protocol = Echo;

    fn build_protocol(self: &Rc<Self>, _: &Address) -> Option<Echo> {
        if self.marks.note(self.first, self.last) {
            stop_soon(&self.stop);
        }
        Some(Echo)
    }
}

fn idle(reactor: &Reactor, first: usize, last: usize) -> (Port, Rc<Idle>) {
    let factory = Rc::new(Idle {
        marks: Marks::default(),
        first,
        last,
        stop: reactor.clone(),
    });
    let options = ListenOptions::new(0)
        .interface(Ipv4Addr::LOCALHOST.into())
        .backlog(2000);
    let port = reactor
        .listen_tcp_with(options, Rc::clone(&factory))
        .unwrap();
    (port, factory)
}

// L-012
fn an_idle_connection_costs_at_most_360_bytes(reactor: &Reactor) {
    // Tables grow with the numbers of descriptors, so nobody else may have any meanwhile.
    in_a_process_of_its_own(
        reactor,
        "an_idle_connection_costs_at_most_360_bytes",
        || {
            // Both are the last ones before tables double, so that these are as full at one as at the other.
            const FIRST: usize = 250;
            const LAST: usize = 1000;
            let (port, factory) = idle(reactor, FIRST, LAST);
            let _peers: Vec<_> = (0..LAST).map(|_| peer_of(&port)).collect();

            run(reactor);

            let each = factory.marks.between().kept / (LAST - FIRST).cast_signed();
            println!("measured: {each} bytes for each idle connection");
            assert!(each > 0);
            assert!(each <= 360, "{each} bytes");
        },
    );
}

/// One for the connection with its protocol, and one for what is gone as soon as its socket is closed.
fn an_accepted_connection_allocates_twice(reactor: &Reactor) {
    in_a_process_of_its_own(reactor, "an_accepted_connection_allocates_twice", || {
        // Between these, no table grows.
        const FIRST: usize = 300;
        const LAST: usize = 400;
        let (port, factory) = idle(reactor, FIRST, LAST);
        let _peers: Vec<_> = (0..LAST).map(|_| peer_of(&port)).collect();

        run(reactor);

        let allocations = factory.marks.between().times;
        println!(
            "measured: {allocations} allocations for {} connections",
            LAST - FIRST
        );
        assert_eq!(allocations, 2 * (LAST - FIRST));
    });
}

// L-012, N-042
#[cfg(target_os = "linux")]
fn a_connection_costs_one_descriptor(reactor: &Reactor) {
    in_a_process_of_its_own(reactor, "a_connection_costs_one_descriptor", || {
        const CONNECTIONS: usize = 50;
        let (made, open) = (stop_at_call(CONNECTIONS, reactor), Rc::new(Cell::new(0)));
        let (seen, last) = (Rc::clone(&open), Cell::new(0));
        let script = Script::unnoted().on_made(move |_| {
            last.set(last.get() + 1);
            if last.get() == CONNECTIONS {
                seen.set(open_descriptors());
            }
            made();
        });
        let port = listen(reactor, script);
        let _peers: Vec<_> = (0..CONNECTIONS).map(|_| peer_of(&port)).collect();
        let before = open_descriptors();

        run(reactor);

        // What signals are taken by comes and goes with the run.
        let of_the_run = open.get() - before - CONNECTIONS;
        println!("measured: {CONNECTIONS} connections, and {of_the_run} descriptors for the run");
        assert!(of_the_run <= 2, "{of_the_run}");
    });
}

// N-024
fn a_very_large_write_is_copied_once(reactor: &Reactor) {
    const LEN: usize = 60 * 1024 * 1024;
    let (text, begun) = (pattern(LEN), Rc::<Cell<Asked>>::default());
    let (before, stop) = (Rc::clone(&begun), reactor.clone());
    let script = Script::unnoted()
        .on_made(move |transport| {
            before.set(Asked::so_far());
            transport.write(&text);
            transport.write(b"small");
        })
        .on_data(move |_, _| stop.stop().unwrap_or_default());
    let port = listen(reactor, script);
    let mut peer = peer_of(&port);
    let reader = thread::spawn(move || {
        let mut received = vec![0; LEN + 5];
        peer.read_exact(&mut received).unwrap();
        peer.write_all(b"all read").unwrap();
        received.ends_with(b"small")
    });

    run(reactor);

    assert!(reader.join().unwrap());
    let allocated = Asked::so_far().since(begun.get()).bytes;
    println!("measured: {allocated} bytes allocated to send {LEN}");
    assert!(allocated < LEN + 1024 * 1024, "{allocated}");
}

// N-022
fn what_is_shared_is_not_copied(reactor: &Reactor) {
    const LEN: usize = 20 * 1024 * 1024;
    const CLIENTS: usize = 3;
    let (text, begun) = (Rc::<[u8]>::from(pattern(LEN)), Rc::new(Cell::new(None)));
    let (before, stop) = (Rc::clone(&begun), stop_at_call(CLIENTS, reactor));
    let script = Script::unnoted()
        .on_made(move |transport| {
            before.set(before.get().or_else(|| Some(Asked::so_far())));
            transport.write_shared(Rc::clone(&text));
            transport.lose_connection();
        })
        .on_lost(move |_| stop());
    let port = listen(reactor, script);
    let readers = [(); CLIENTS].map(|()| {
        let peer = peer_of(&port);
        thread::spawn(move || read_all(&peer).unwrap().len())
    });

    run(reactor);

    let received = readers.map(|reader| reader.join().unwrap());
    assert_eq!(received, [LEN; CLIENTS]);
    let begun = begun.get().expect("the first client was there");
    let allocated = Asked::so_far().since(begun).bytes;
    println!("measured: {allocated} bytes allocated to send {LEN} to {CLIENTS} clients");
    assert!(allocated < 64 * 1024, "{allocated}");
}

/// Sends datagrams back, and marks them.
struct EchoedDatagrams(Rc<MarkedEcho>);

impl DatagramProtocol for EchoedDatagrams {
    fn datagram_received(&mut self, port: &Rc<UdpPort>, data: &[u8], from: &SocketAddr) {
        assert_eq!(port.send_to(data, from).unwrap(), Delivery::Sent);
        let marked = &self.0;
        if marked.marks.note(marked.first, marked.last) {
            stop_soon(&marked.stop);
        }
    }
}

/// Any UDP port of this machine.
fn local() -> UdpOptions {
    UdpOptions::new(0).interface(Ipv4Addr::LOCALHOST.into())
}

fn an_echoed_datagram_allocates_nothing(reactor: &Reactor) {
    const MESSAGES: usize = 1000;
    let marked = Rc::new(MarkedEcho {
        marks: Marks::default(),
        first: 100,
        last: MESSAGES,
        stop: reactor.clone(),
    });
    let port = reactor
        .listen_udp_with(local(), EchoedDatagrams(Rc::clone(&marked)))
        .unwrap();
    let peer = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    peer.set_read_timeout(Some(LIMIT)).unwrap();
    peer.connect(port.socket_address()).unwrap();
    let client = thread::spawn(move || {
        for _ in 0..MESSAGES {
            peer.send(&[b'x'; 200]).unwrap();
            assert_eq!(peer.recv(&mut [0; 300]).unwrap(), 200);
        }
    });

    run(reactor);

    client.join().unwrap();
    let allocations = marked.marks.between().times;
    println!(
        "measured: {allocations} allocations for {} datagrams",
        MESSAGES - 100
    );
    assert_eq!(allocations, 0);
}

/// Does nothing.
struct Deaf;

impl DatagramProtocol for Deaf {
    fn datagram_received(&mut self, _: &Rc<UdpPort>, _: &[u8], _: &SocketAddr) {}

    fn log_prefix(&self) -> String {
        "deaf".to_owned()
    }
}

fn an_idle_udp_port_costs_at_most_450_bytes(reactor: &Reactor) {
    const PORTS: usize = 100;
    let listen = |_| reactor.listen_udp_with(local(), Deaf).unwrap();
    // As many as these have made room in the tables, and are gone when the reactor has stopped.
    let first: [_; PORTS] = std::array::from_fn(listen);
    stop_soon(reactor);
    run(reactor);
    drop(first);

    let before = Asked::so_far();
    let _ports: [_; PORTS] = std::array::from_fn(listen);
    let each = Asked::so_far().since(before).kept / PORTS.cast_signed();

    println!("measured: {each} bytes for each idle UDP port");
    assert!(each > 0);
    assert!(each <= 450, "{each} bytes");
}
