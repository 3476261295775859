//! Datagrams between UNIX sockets: their names, their files, and receivers that are full or gone.

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/datagrams.rs"]
mod datagrams;

mod names;
mod refusals;
mod room;
mod speakers;

use std::cell::RefCell;
use std::os::unix::net::UnixDatagram;
use std::rc::Rc;

use common::child::{in_a_process_of_its_own, open_descriptors};
use common::{Log, Ownership, Reports, on_every_backend, run, stop_at_call, stop_soon};
use datagrams::must_send;
use protocols::datagram::{
    DatagramProtocol, DatagramTransport, Delivery, ReactorUdp, ReactorUnixDatagrams, UdpOptions,
    UnixDatagramOptions,
};
use protocols::reactor::Reactor;
use protocols::{Address, UnixAddress};
use speakers::{Folder, abstract_name, speaker, unnoted};

on_every_backend!(
    datagrams_pass_both_ways_with_the_senders_path,
    datagrams_pass_both_ways_with_abstract_names,
    a_sender_without_a_name_is_unnamed_and_cannot_be_answered,
    one_protocol_speaks_by_udp_and_by_paths,
    a_sender_with_the_longest_path_that_there_is_can_do_no_harm,
    the_printed_form_names_the_protocol_and_the_path,
    a_port_that_has_stopped_owns_nothing,
    ports_give_their_descriptors_back,
);

/// Has a client ask a server, which answers.
fn ask(reactor: &Reactor, server_at: UnixAddress, client_at: UnixAddress) {
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let senders = Rc::new(RefCell::new(Vec::new()));
    let (at_server, at_client) = (Rc::clone(&senders), Rc::clone(&senders));
    let server = speaker("server", &log).on_datagram(move |port, _, from| {
        at_server.borrow_mut().push(from.clone());
        must_send(&**port, b"answer", from);
    });
    let client = speaker("client", &log)
        .on_start(|port| assert_eq!(port.send(b"question").unwrap(), Delivery::Sent))
        .on_datagram(move |_, _, from| {
            at_client.borrow_mut().push(from.clone());
            stop();
        });
    let server = reactor
        .listen_unix_datagrams(server_at.clone(), server)
        .unwrap();
    let options = UnixDatagramOptions::new(client_at.clone());
    let client = reactor
        .connect_unix_datagrams_with(options, server_at.clone(), client)
        .unwrap();

    run(reactor);

    log.assert(&[
        "server started",
        "client started",
        "server got question",
        "client got answer",
        "server stopped",
        "client stopped",
    ]);
    assert_eq!(*senders.borrow(), [client_at.clone(), server_at.clone()]);
    assert_eq!(server.host(), Address::Unix(server_at.clone()));
    assert_eq!(client.host(), Address::Unix(client_at));
    assert_eq!(client.peer(), Some(Address::Unix(server_at)));
}

// N-094
fn datagrams_pass_both_ways_with_the_senders_path(reactor: &Reactor) {
    let folder = Folder::new();

    ask(
        reactor,
        folder.file("server").into(),
        folder.file("client").into(),
    );
}

// N-094, N-071
#[cfg(target_os = "linux")]
fn datagrams_pass_both_ways_with_abstract_names(reactor: &Reactor) {
    ask(
        reactor,
        abstract_name(reactor, "server"),
        abstract_name(reactor, "client"),
    );
}

// N-094
fn a_sender_without_a_name_is_unnamed_and_cannot_be_answered(reactor: &Reactor) {
    let (folder, stop) = (Folder::new(), stop_at_call(1, reactor));
    let answered = Rc::new(RefCell::new(None));
    let seen = Rc::clone(&answered);
    let server = unnoted().on_datagram(move |port, _, from| {
        *seen.borrow_mut() = Some((from.clone(), port.send_to(b"answer", from)));
        stop();
    });
    let path = folder.file("server");
    reactor.listen_unix_datagrams(path.clone(), server).unwrap();
    let client = reactor.connect_unix_datagrams(path, unnoted()).unwrap();
    assert_eq!(client.host(), Address::Unix(UnixAddress::Unnamed));
    assert_eq!(client.send(b"question").unwrap(), Delivery::Sent);

    run(reactor);

    let (from, answer) = answered.take().unwrap();
    assert_eq!(from, UnixAddress::Unnamed);
    assert_eq!(
        answer.unwrap_err().to_string(),
        "cannot send to an unnamed socket"
    );
}

// N-094
#[cfg(target_os = "linux")]
fn a_sender_with_the_longest_path_that_there_is_can_do_no_harm(reactor: &Reactor) {
    let reports = Reports::collected();
    let (folder, stop) = (Folder::new(), stop_at_call(1, reactor));
    let seen = Rc::new(RefCell::new(None));
    let noted = Rc::clone(&seen);
    let server = unnoted().on_datagram(move |port, _, from| {
        *noted.borrow_mut() = Some(from.clone());
        must_send(&**port, b"answer", from);
        stop();
    });
    let server = reactor
        .listen_unix_datagrams(folder.file("server"), server)
        .unwrap();
    // A path that fills its place in an address to the last byte, and has no zero byte at its end.
    let full = 108 - folder.file("").as_os_str().len();
    let path = folder.file(&"x".repeat(full));
    let client = reactor
        .listen_unix_datagrams(path.clone(), unnoted())
        .unwrap();
    let Address::Unix(to) = server.host() else {
        panic!("it is {:?}", server.host());
    };
    must_send(&*client, b"question", &to);

    run(reactor);

    assert_eq!(seen.take(), Some(path.clone().into()));
    assert_eq!(client.host(), Address::Unix(path.into()));
    reports.assert(&[]);
}

/// Sends everything back, on whatever it came by.
struct Echo;

impl<T: DatagramTransport> DatagramProtocol<T> for Echo {
    fn datagram_received(&mut self, port: &Rc<T>, data: &[u8], from: &T::Address) {
        must_send(&**port, data, from);
    }
}

// N-081, N-094
fn one_protocol_speaks_by_udp_and_by_paths(reactor: &Reactor) {
    let folder = Folder::new();
    let options = UdpOptions::new(0).interface([127, 0, 0, 1].into());
    let udp = reactor.listen_udp_with(options, Echo).unwrap();
    reactor
        .listen_unix_datagrams(folder.file("echo"), Echo)
        .unwrap();
    let by_udp = datagrams::peer();
    let by_path = UnixDatagram::bind(folder.file("peer")).unwrap();
    by_udp.send_to(b"by udp", udp.socket_address()).unwrap();
    by_path.send_to(b"by path", folder.file("echo")).unwrap();
    stop_soon(reactor);

    run(reactor);

    let mut buffer = [0; 10];
    assert_eq!(datagrams::next_of(&by_udp), "by udp");
    assert_eq!(by_path.recv(&mut buffer).unwrap(), 7);
    assert_eq!(&buffer[..7], b"by path");
}

// N-094
fn the_printed_form_names_the_protocol_and_the_path(reactor: &Reactor) {
    let folder = Folder::new();
    let path = folder.file("echo");
    let port = reactor.listen_unix_datagrams(path.clone(), Echo).unwrap();

    let printed = format!("{port:?}");

    let path = path.display();
    assert_eq!(
        printed,
        format!("UnixDatagramPort(unix_datagrams::Echo on {path})")
    );
}

//
fn a_port_that_has_stopped_owns_nothing(reactor: &Reactor) {
    let (folder, (owned, ownership)) = (Folder::new(), Ownership::new());
    let protocol = unnoted().on_start(move |_| {
        let _ = &owned;
    });
    let port = reactor
        .listen_unix_datagrams(folder.file("port"), protocol)
        .unwrap();
    stop_soon(reactor);

    run(reactor);

    let weak = Rc::downgrade(&port);
    drop(port);
    assert!(ownership.is_over());
    assert!(weak.upgrade().is_none());
}

//
#[cfg(target_os = "linux")]
fn ports_give_their_descriptors_back(reactor: &Reactor) {
    in_a_process_of_its_own(reactor, "ports_give_their_descriptors_back", || {
        let (folder, before) = (Folder::new(), open_descriptors());
        for n in 0..20 {
            let path = folder.file(&format!("port {n}"));
            let port = reactor
                .listen_unix_datagrams(path.clone(), unnoted())
                .unwrap();
            // These have no port that they could be.
            let refused = reactor.listen_unix_datagrams(path, unnoted());
            assert!(refused.is_err());
            let nobody = folder.file("nobody");
            assert!(reactor.connect_unix_datagrams(nobody, unnoted()).is_err());
            if n % 2 == 0 {
                drop(port.stop_listening());
            }
        }
        assert_eq!(open_descriptors(), before + 10);
        stop_soon(reactor);

        run(reactor);

        assert_eq!(open_descriptors(), before);
    });
}
