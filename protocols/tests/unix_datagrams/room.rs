//! How much is taken: of one datagram, by a receiver, and in one turn.

use std::os::unix::net::UnixDatagram;
use std::rc::Rc;
use std::time::Duration;

use protocols::UnixAddress;
use protocols::datagram::{
    DatagramError, DatagramTransport, Delivery, ReactorUnixDatagrams, UnixDatagramOptions,
    UnixDatagramPort,
};
use protocols::reactor::Reactor;

use crate::common::{Log, Reports, after_turns, on_every_backend, run, stop_at_call, stop_soon};
use crate::speakers::{Folder, speaker, unnoted};

on_every_backend!(
    a_full_receiver_drops_datagrams_and_the_sender_is_told,
    a_sender_goes_on_when_a_full_receiver_has_read,
    a_datagram_that_is_too_long_is_an_error,
    one_turn_reads_a_bounded_number_of_bytes,
);

/// Sends to a receiver that does not read, until there is no room; gives back how many it has taken.
fn fill(port: &UnixDatagramPort, to: &UnixAddress) -> usize {
    // More than any system keeps for a socket.
    (0..100_000)
        .position(|_| port.send_to(&[b'x'; 1000], to).unwrap() == Delivery::Dropped)
        .expect("there is no room for so many")
}

// N-089
fn a_full_receiver_drops_datagrams_and_the_sender_is_told(reactor: &Reactor) {
    let (folder, reports) = (Folder::new(), Reports::collected());
    let receiver = UnixDatagram::bind(folder.file("receiver")).unwrap();
    let to = folder.file("receiver").into();
    let port = reactor
        .listen_unix_datagrams(UnixAddress::Unnamed, unnoted())
        .unwrap();
    assert_eq!(port.dropped(), 0);

    let taken = fill(&port, &to);
    let again = port.send_to(b"one more", &to).unwrap();

    assert_eq!(again, Delivery::Dropped);
    assert_eq!(port.dropped(), 2);
    // All that was said to be sent arrives, and nothing else.
    receiver.set_nonblocking(true).unwrap();
    let arrived = (0..)
        .take_while(|_| receiver.recv(&mut [0; 1000]).is_ok())
        .count();
    assert_eq!(arrived, taken);
    reports.assert(&[]);
}

// N-089
fn a_sender_goes_on_when_a_full_receiver_has_read(reactor: &Reactor) {
    let (folder, log) = (Folder::new(), Log::default());
    let (receiver, stop) = (folder.file("receiver"), reactor.clone());
    reactor
        .listen_unix_datagrams(
            receiver.clone(),
            unnoted().on_datagram(move |_, data, _| {
                if data == b"and now?" {
                    stop_soon(&stop);
                }
            }),
        )
        .unwrap();
    let sender = reactor
        .connect_unix_datagrams(receiver.clone(), speaker("sender", &log))
        .unwrap();
    fill(&sender, &receiver.into());
    let handle = Rc::clone(&sender);
    after_turns(reactor, 3, move |_| {
        assert_eq!(handle.send(b"and now?").unwrap(), Delivery::Sent);
    });

    run(reactor);

    assert_eq!(sender.dropped(), 1);
    log.assert(&["sender started", "sender stopped"]);
}

// N-088
fn a_datagram_that_is_too_long_is_an_error(reactor: &Reactor) {
    let folder = Folder::new();
    let _receiver = UnixDatagram::bind(folder.file("receiver")).unwrap();
    let port = reactor
        .connect_unix_datagrams(folder.file("receiver"), unnoted())
        .unwrap();
    let long = vec![b'x'; 10_000_000];

    let error = port.send(&long).unwrap_err();

    assert!(matches!(error, DatagramError::TooLong(10_000_000)));
    assert_eq!(port.send(b"short").unwrap(), Delivery::Sent);
}

// N-031
fn one_turn_reads_a_bounded_number_of_bytes(reactor: &Reactor) {
    let (folder, log, stop) = (Folder::new(), Log::default(), stop_at_call(4, reactor));
    let (noted, reactor_of) = (log.clone(), reactor.clone());
    let receiver = unnoted().on_datagram(move |_, data, _| {
        let noted = noted.clone();
        noted.note(format!("{} bytes", data.len()));
        // Runs when this turn is over.
        reactor_of.call_later(Duration::ZERO, move |_| noted.note("next turn"));
        stop();
    });
    let options = UnixDatagramOptions::new(folder.file("port")).max_packet_size(200_000);
    reactor
        .listen_unix_datagrams_with(options, receiver)
        .unwrap();
    // One each, since the system keeps no more than so much of what one socket sends.
    for _ in 0..4 {
        let sender = UnixDatagram::unbound().unwrap();
        sender
            .send_to(&[b'x'; 100_000], folder.file("port"))
            .unwrap();
    }

    run(reactor);

    let first = ["100000 bytes"; 3].iter().chain(&["next turn"; 3]);
    let all: Vec<_> = first
        .chain(&["100000 bytes", "next turn"])
        .copied()
        .collect();
    log.assert(&all);
}
