//! Much of everything: connections at once, and bytes for a reader that takes its time.

mod common;

use std::cell::Cell;
use std::fs;
use std::io::{self, Read};
use std::net::{IpAddr, Ipv4Addr};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use common::child::in_a_process_of_its_own;
use common::{Script, after_turns, listen, on_every_backend, peer_of, run_within, stop_at_call};
use protocols::files::send_file;
use protocols::reactor::Reactor;
use protocols::{ListenOptions, ReactorTcp, Transport};

on_every_backend!(
    five_thousand_connections_stand_at_once,
    a_gigabyte_for_a_slow_reader_takes_little_memory,
);

/// How long a busy machine may take for so much.
const LONG: Duration = Duration::from_secs(120);

/// How much memory the process has had at the most, in bytes.
fn peak_memory() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kib.and_then(|kib| kib.parse::<usize>().ok())
        .expect("it is a number")
        * 1024
}

// N-042, N-044
// fault: many at once
fn five_thousand_connections_stand_at_once(reactor: &Reactor) {
    in_a_process_of_its_own(reactor, "five_thousand_connections_stand_at_once", || {
        five_thousand(reactor);
    });
}

fn five_thousand(reactor: &Reactor) {
    const MANY: usize = 5_000;
    /// So many are begun in one turn, fewer than wait to be accepted.
    const WAVE: usize = 100;

    let standing = Rc::new(Cell::new(0));
    let (up, down) = (Rc::clone(&standing), Rc::clone(&standing));
    let server = Script::unnoted()
        .on_made(move |_| up.set(up.get() + 1))
        .on_data(|transport, data| {
            transport.write(data);
        })
        .on_lost(move |_| down.set(down.get() - 1));
    let options = ListenOptions::new(0)
        .interface(IpAddr::V4(Ipv4Addr::LOCALHOST))
        .backlog(4096);
    let port = reactor.listen_tcp_with(options, Rc::new(server)).unwrap();

    let clients: Rc<std::cell::RefCell<Vec<Rc<dyn Transport>>>> = Rc::default();
    let (made, answered) = (Rc::clone(&clients), Rc::new(Cell::new(0)));
    let most = Rc::new(Cell::new(0));
    let (count, peak, at_once) = (Rc::clone(&answered), Rc::clone(&most), Rc::clone(&standing));
    let ended = stop_at_call(MANY, reactor);
    let client = Rc::new(
        Script::unnoted()
            .on_made(move |transport| {
                made.borrow_mut().push(Rc::clone(transport));
                if made.borrow().len() == MANY {
                    for transport in &*made.borrow() {
                        transport.write(b"all here");
                    }
                }
            })
            .on_data(move |transport, _| {
                count.set(count.get() + 1);
                peak.set(peak.get().max(at_once.get()));
                transport.lose_connection();
            })
            .on_lost(move |_| ended()),
    );
    let number = common::number(&port);
    for wave in 0..MANY / WAVE {
        let client = Rc::clone(&client);
        after_turns(reactor, wave * 3, move |reactor| {
            for _ in 0..WAVE {
                reactor.connect_tcp("127.0.0.1", number, Rc::clone(&client));
            }
        });
    }

    run_within(LONG, reactor);

    assert_eq!(answered.get(), MANY);
    assert_eq!(most.get(), MANY);
    assert_eq!(standing.get(), 0);
    clients.borrow_mut().clear();
}

// N-032, S-009
// fault: slow reader
fn a_gigabyte_for_a_slow_reader_takes_little_memory(reactor: &Reactor) {
    in_a_process_of_its_own(
        reactor,
        "a_gigabyte_for_a_slow_reader_takes_little_memory",
        || {
            gigabyte(reactor);
        },
    );
}

fn gigabyte(reactor: &Reactor) {
    const GIGABYTE: u64 = 1 << 30;
    let stop = stop_at_call(1, reactor);
    let script = Script::unnoted()
        .on_made(|transport| {
            send_file(io::repeat(b'x').take(GIGABYTE), transport.clone()).ignore();
            transport.lose_connection();
        })
        .on_lost(move |_| stop());
    let mut peer = peer_of(&listen(reactor, script));
    let before = peak_memory();
    let reader = thread::spawn(move || {
        // Less than what is sent in one piece, so that the sender always waits.
        let (mut buffer, mut sum) = ([0; 10_000], 0);
        loop {
            match peer.read(&mut buffer).expect("the end is in order") {
                0 => return sum,
                count => sum += count as u64,
            }
        }
    });

    run_within(LONG, reactor);

    assert_eq!(reader.join().unwrap(), GIGABYTE);
    let grown = peak_memory() - before;
    println!("measured: {grown} bytes more at the most");
    assert!(grown < 4 * 1024 * 1024, "{grown} bytes more at the most");
}
