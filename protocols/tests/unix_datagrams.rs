//! Datagrams between UNIX sockets: their names, their files, and receivers that are full or gone.

mod common;
#[path = "common/datagrams.rs"]
mod datagrams;

use std::cell::{Cell, RefCell};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use common::child::{in_a_process_of_its_own, open_descriptors};
use common::{
    Log, Ownership, Reports, after_turns, on_every_backend, run, stop_at_call, stop_soon,
};
use datagrams::{Speaker, must_send};
use protocols::datagram::{
    DatagramError, DatagramProtocol, DatagramTransport, Delivery, ReactorUdp, ReactorUnixDatagrams,
    UdpOptions, UnixDatagramOptions, UnixDatagramPort,
};
use protocols::reactor::Reactor;
use protocols::{Address, UnixAddress};
use rustix::io::Errno;

on_every_backend!(
    datagrams_pass_both_ways_with_the_senders_path,
    datagrams_pass_both_ways_with_abstract_names,
    a_sender_without_a_name_is_unnamed_and_cannot_be_answered,
    one_protocol_speaks_by_udp_and_by_paths,
    a_sender_with_the_longest_path_that_there_is_can_do_no_harm,
    a_path_in_use_is_an_error_that_names_it,
    a_file_that_is_no_socket_is_left_alone,
    a_folder_that_is_not_there_is_an_error_that_names_the_path,
    a_path_that_is_too_long_is_an_error,
    an_abstract_name_leaves_no_file,
    the_file_has_the_mode_that_was_asked_for,
    the_file_goes_when_the_port_stops,
    the_file_goes_when_the_reactor_stops,
    a_file_that_somebody_else_has_put_there_stays,
    a_datagram_to_nobody_is_refused_at_once,
    connecting_to_nobody_is_an_error_and_calls_nothing,
    connecting_from_a_path_in_use_is_an_error_that_names_it,
    a_connected_port_whose_peer_goes_is_told_and_connects_again,
    a_full_receiver_drops_datagrams_and_the_sender_is_told,
    a_sender_goes_on_when_a_full_receiver_has_read,
    a_datagram_that_is_too_long_is_an_error,
    one_turn_reads_a_bounded_number_of_bytes,
    an_error_that_the_system_keeps_is_reported_and_the_port_goes_on,
    the_printed_form_names_the_protocol_and_the_path,
    a_port_that_has_stopped_owns_nothing,
    ports_give_their_descriptors_back,
);

/// A folder of a test's own, which goes with all that is in it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("datagrams-{}-{made}", process::id()));
        fs::create_dir(&path).expect("nobody has a folder of this name");
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Notes everything and does nothing.
fn speaker(name: &'static str, log: &Log) -> Speaker<UnixDatagramPort> {
    Speaker::on_any(name, log)
}

fn unnoted() -> Speaker<UnixDatagramPort> {
    speaker("someone", &Log::default())
}

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

/// A name that no other test has.
#[cfg(target_os = "linux")]
fn abstract_name(reactor: &Reactor, what: &str) -> UnixAddress {
    let (id, backend) = (process::id(), reactor.backend_name());
    UnixAddress::abstract_name(format!("datagrams {id} {backend} {what}"))
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

#[track_caller]
fn assert_not_listened(reactor: &Reactor, path: &Path, errno: Errno) {
    let error = reactor.listen_unix_datagrams(path, unnoted()).unwrap_err();
    assert_eq!(error.address, Address::Unix(path.into()));
    assert_eq!(error.source.raw_os_error(), Some(errno.raw_os_error()));
    assert_eq!(
        error.to_string(),
        format!("cannot listen on {}", path.display())
    );
}

// N-094
fn a_path_in_use_is_an_error_that_names_it(reactor: &Reactor) {
    let folder = Folder::new();
    let path = folder.file("taken");
    let port = reactor.listen_unix_datagrams(path.clone(), unnoted());

    assert_not_listened(reactor, &path, Errno::ADDRINUSE);

    // The first one has kept its file.
    drop(port.unwrap());
    assert!(path.exists());
}

fn a_file_that_is_no_socket_is_left_alone(reactor: &Reactor) {
    let folder = Folder::new();
    fs::write(folder.file("letter"), "Dear reader,").unwrap();

    assert_not_listened(reactor, &folder.file("letter"), Errno::ADDRINUSE);

    assert_eq!(fs::read(folder.file("letter")).unwrap(), b"Dear reader,");
}

fn a_folder_that_is_not_there_is_an_error_that_names_the_path(reactor: &Reactor) {
    let folder = Folder::new();

    assert_not_listened(reactor, &folder.file("no/where"), Errno::NOENT);
}

fn a_path_that_is_too_long_is_an_error(reactor: &Reactor) {
    let folder = Folder::new();

    let path = folder.file(&"x".repeat(200));
    let error = reactor
        .listen_unix_datagrams(&*path, unnoted())
        .unwrap_err();
    assert_eq!(error.address, Address::Unix((&*path).into()));
    assert!(
        error.source.to_string().ends_with("the name is too long"),
        "{}",
        error.source
    );
}

// N-071
#[cfg(target_os = "linux")]
fn an_abstract_name_leaves_no_file(reactor: &Reactor) {
    let name = abstract_name(reactor, "taken");
    let port = reactor
        .listen_unix_datagrams(name.clone(), speaker("The echo", &Log::default()))
        .unwrap();

    let again = reactor
        .listen_unix_datagrams(name.clone(), unnoted())
        .unwrap_err();

    assert_eq!(again.address, Address::Unix(name.clone()));
    assert!(!Path::new(&name.to_string()).exists());
    assert_eq!(
        format!("{port:?}"),
        format!("UnixDatagramPort(The echo on {name})")
    );
}

// N-070
fn the_file_has_the_mode_that_was_asked_for(reactor: &Reactor) {
    for mode in [0o600, 0o622, 0o777] {
        let folder = Folder::new();
        let options = UnixDatagramOptions::new(folder.file("port")).mode(mode);

        let port = reactor.listen_unix_datagrams_with(options, unnoted());

        let permissions = fs::metadata(folder.file("port")).unwrap().permissions();
        assert_eq!(permissions.mode() & 0o777, mode);
        drop(port.unwrap());
    }
}

fn the_file_goes_when_the_port_stops(reactor: &Reactor) {
    let (folder, stop) = (Folder::new(), stop_at_call(1, reactor));
    let path = folder.file("port");
    let port = reactor
        .listen_unix_datagrams(path.clone(), unnoted())
        .unwrap();
    let (existed, seen) = (path.exists(), Rc::new(Cell::new(false)));
    let (gone, file) = (Rc::clone(&seen), path.clone());

    port.stop_listening()
        .map(move |()| {
            gone.set(!file.exists());
            stop();
        })
        .log_failure("while stopping");
    run(reactor);

    assert!(existed && seen.get());
    // There is place for the next one.
    assert!(reactor.listen_unix_datagrams(path, unnoted()).is_ok());
}

fn the_file_goes_when_the_reactor_stops(reactor: &Reactor) {
    let folder = Folder::new();
    reactor
        .listen_unix_datagrams(folder.file("port"), unnoted())
        .unwrap();
    stop_soon(reactor);

    run(reactor);

    assert!(!folder.file("port").exists());
}

fn a_file_that_somebody_else_has_put_there_stays(reactor: &Reactor) {
    let folder = Folder::new();
    let path = folder.file("port");
    let port = reactor
        .listen_unix_datagrams(path.clone(), unnoted())
        .unwrap();
    fs::remove_file(&path).unwrap();
    fs::write(&path, "mine").unwrap();

    drop(port.stop_listening());

    assert_eq!(fs::read(&path).unwrap(), b"mine");
}

// N-086
fn a_datagram_to_nobody_is_refused_at_once(reactor: &Reactor) {
    let (folder, reports) = (Folder::new(), Reports::collected());
    let (left, nothing) = (folder.file("left"), folder.file("nothing"));
    // A file that its program has not removed.
    drop(UnixDatagram::bind(&left).unwrap());
    let port = reactor
        .listen_unix_datagrams(folder.file("port"), unnoted())
        .unwrap();

    for path in [left, nothing] {
        let address = UnixAddress::from(path);
        let error = port.send_to(b"anybody there?", &address).unwrap_err();
        assert!(matches!(&error, DatagramError::Refused(at, _) if *at == address.clone().into()));
        assert_eq!(error.to_string(), format!("nobody listens on {address}"));
    }
    assert_eq!(port.dropped(), 0);
    reports.assert(&[]);
}

// N-094
fn connecting_to_nobody_is_an_error_and_calls_nothing(reactor: &Reactor) {
    let (folder, log) = (Folder::new(), Log::default());
    let options = UnixDatagramOptions::new(folder.file("client"));
    let to = folder.file("server");

    let error = reactor
        .connect_unix_datagrams_with(options, to.clone(), speaker("client", &log))
        .unwrap_err();
    stop_soon(reactor);
    run(reactor);

    assert!(matches!(&error, DatagramError::Refused(at, _) if *at == UnixAddress::from(to).into()));
    log.assert(&[]);
    assert!(!folder.file("client").exists());
}

// N-094
fn connecting_from_a_path_in_use_is_an_error_that_names_it(reactor: &Reactor) {
    let folder = Folder::new();
    let _server = UnixDatagram::bind(folder.file("server")).unwrap();
    let _client = UnixDatagram::bind(folder.file("client")).unwrap();
    let options = UnixDatagramOptions::new(folder.file("client"));

    let error = reactor
        .connect_unix_datagrams_with(options, folder.file("server"), unnoted())
        .unwrap_err();

    let path = folder.file("client");
    assert_eq!(
        error.to_string(),
        format!("cannot listen on {}", path.display())
    );
    assert!(matches!(error, DatagramError::Listen(_)));
}

// N-086
fn a_connected_port_whose_peer_goes_is_told_and_connects_again(reactor: &Reactor) {
    let (folder, log, stop) = (Folder::new(), Log::default(), reactor.clone());
    let (path, noted) = (folder.file("server"), log.clone());
    let server = UnixDatagram::bind(&path).unwrap();
    let again = path.clone();
    let client = speaker("client", &log).on_refused(move |port| {
        assert_eq!(port.peer(), None);
        fs::remove_file(&again).unwrap();
        let server = UnixDatagram::bind(&again).unwrap();
        port.connect(&again.clone().into()).unwrap();
        assert_eq!(port.send(b"welcome back").unwrap(), Delivery::Sent);
        let mut buffer = [0; 20];
        assert_eq!(server.recv(&mut buffer).unwrap(), 12);
        stop_soon(&stop);
    });
    let port = reactor.connect_unix_datagrams(path, client).unwrap();
    assert_eq!(port.send(b"hello").unwrap(), Delivery::Sent);
    drop(server);
    after_turns(reactor, 1, move |_| {
        let sent = port.send(b"still there?");
        noted.note("sent");
        assert!(matches!(sent, Err(DatagramError::Refused(..))));
        assert!(matches!(port.send(b"?"), Err(DatagramError::NotConnected)));
    });

    run(reactor);

    log.assert(&["client started", "sent", "client refused", "client stopped"]);
}

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

//
#[cfg(target_os = "linux")]
fn an_error_that_the_system_keeps_is_reported_and_the_port_goes_on(reactor: &Reactor) {
    let reports = Reports::collected();
    let (folder, log, stop) = (Folder::new(), Log::default(), stop_at_call(1, reactor));
    let (a, b, c) = (folder.file("a"), folder.file("b"), folder.file("c"));
    let friend = UnixDatagram::bind(&b).unwrap();
    let _other = UnixDatagram::bind(&c).unwrap();
    let port = reactor
        .connect_unix_datagrams_with(
            UnixDatagramOptions::new(a.clone()),
            b.clone(),
            speaker("port", &log).on_datagram(move |_, _, _| stop()),
        )
        .unwrap();
    // A friend who turns to somebody else, with something unread, leaves an error with the one who has sent that.
    friend.connect(&a).unwrap();
    assert_eq!(port.send(b"hello").unwrap(), Delivery::Sent);
    friend.connect(&c).unwrap();
    let headline = format!("Error on the UNIX datagram port {}", a.display());
    after_turns(reactor, 3, move |_| {
        friend.connect(&a).unwrap();
        friend.send(b"hello again").unwrap();
    });

    run(reactor);

    log.assert(&["port started", "port got hello again", "port stopped"]);
    let error = std::io::Error::from(Errno::CONNRESET);
    reports.assert(&[(&headline, &format!("std::io::error::Error: {error}"))]);
    assert_eq!(port.dropped(), 0);
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
