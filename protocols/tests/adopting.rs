//! Sockets that were made elsewhere, as ports and as connections.

mod common;
#[path = "common/logs.rs"]
mod logs;
#[path = "common/paths.rs"]
mod paths;

use std::cell::RefCell;
use std::fs::File;
use std::io::Write;
use std::net::{Ipv6Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::rc::Rc;

use common::peers::{ANY, accepted};
use common::{
    Log, Reports, Script, after_turns, calling, listener, on_every_backend, peer_of, read_all, run,
    stop_at_call, stop_soon,
};
use logs::Logged;
use paths::{Folder, peer_at};
use protocols::reactor::Reactor;
use protocols::{Address, AdoptError, ReactorSockets, UnixAddress};
use rustix::fs::OFlags;
use rustix::net::{Shutdown, listen, shutdown};
use socket2::{Domain, Socket, Type};

on_every_backend!(
    a_listener_is_adopted_as_a_port_of_its_family,
    an_adopted_port_works_when_the_original_is_closed,
    a_unix_listener_is_adopted_as_a_port,
    an_adopted_port_stops_and_does_not_listen_again,
    what_is_no_listener_of_a_known_family_is_not_adopted_as_a_port,
    an_adopted_connection_has_the_right_addresses_and_works_alone,
    an_adopted_connection_over_unix_sockets_works,
    a_connection_is_not_adopted_from_inside_the_call,
    adopted_connections_are_numbered_from_0,
    a_declined_connection_is_closed,
    a_panic_in_build_protocol_closes_an_adopted_connection,
    what_is_no_connection_of_a_known_family_is_not_adopted_as_one,
    an_unknown_error_from_accept_is_logged_and_the_port_goes_on,
);

/// A server that notes what comes and ends the run then.
fn server(reactor: &Reactor, log: &Log) -> Script {
    let stop = stop_at_call(1, reactor);
    Script::new("server", log).on_data(move |transport, _| {
        transport.write(b"heard");
        transport.lose_connection();
        stop();
    })
}

// L-023
fn a_listener_is_adopted_as_a_port_of_its_family(reactor: &Reactor) {
    let mut listeners = vec![TcpListener::bind(ANY).unwrap()];
    // Not every machine has IPv6.
    listeners.extend(TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).ok());
    let log = Log::default();
    let stop = stop_at_call(listeners.len(), reactor);
    let script = Script::new("server", &log).on_made(move |_| stop());
    let factory = Rc::new(script);
    let mut peers = Vec::new();
    for listener in &listeners {
        let port = reactor.adopt_port(listener, Rc::clone(&factory)).unwrap();
        assert_eq!(port.address(), listener.local_addr().unwrap().into());
        peers.push(peer_of(&port));
    }

    run(reactor);

    assert_eq!(log.count("server made"), listeners.len());
}

// L-023
fn an_adopted_port_works_when_the_original_is_closed(reactor: &Reactor) {
    let (log, (listener, _)) = (Log::default(), listener());
    let port = reactor.adopt_port(&listener, Rc::new(server(reactor, &log)));
    drop(listener);
    let mut peer = peer_of(&port.unwrap());
    peer.write_all(b"hello").unwrap();

    run(reactor);

    assert_eq!(read_all(&peer).unwrap(), b"heard");
}

// L-023
fn a_unix_listener_is_adopted_as_a_port(reactor: &Reactor) {
    let (folder, log) = (Folder::new(), Log::default());
    let path = folder.path("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let port = reactor
        .adopt_port(&listener, Rc::new(server(reactor, &log)))
        .unwrap();
    let mut peer = peer_at(&path);
    peer.write_all(b"hello").unwrap();

    run(reactor);

    assert_eq!(port.address(), UnixAddress::from(&*path).into());
    assert_eq!(log.count("server data hello"), 1);
    // Whoever has made it removes it.
    folder.assert_holds(&["socket"]);
}

// L-023, L-004
fn an_adopted_port_stops_and_does_not_listen_again(reactor: &Reactor) {
    let (listener, number) = listener();
    let port = reactor.adopt_port(&listener, Rc::new(Script::unnoted()));
    let (port, stop) = (port.unwrap(), stop_at_call(1, reactor));
    drop(listener);
    port.stop_listening().map(move |()| stop()).ignore();
    run(reactor);

    let error = port.start_listening().unwrap_err();

    assert_eq!(error.address, port.address());
    assert!(!port.is_listening());
    assert!(TcpListener::bind(("127.0.0.1", number)).is_ok());
}

#[track_caller]
fn assert_no_port(reactor: &Reactor, socket: impl AsFd, expected: &str) {
    let error = reactor.adopt_port(socket, Rc::new(Script::unnoted()));
    assert_eq!(error.unwrap_err().to_string(), expected);
    assert_eq!(reactor.readers().len(), 0);
}

/// A socket of a family that is neither of TCP nor of UNIX sockets.
#[cfg(target_os = "linux")]
fn strange_socket() -> Socket {
    const NETLINK: i32 = 16;
    Socket::new(Domain::from(NETLINK), Type::DGRAM, None).expect("Linux has these")
}

// L-024
fn what_is_no_listener_of_a_known_family_is_not_adopted_as_a_port(reactor: &Reactor) {
    let (listener, _) = listener();
    let connected = TcpStream::connect(listener.local_addr().unwrap()).unwrap();

    let no_stream = "the descriptor is no stream socket";
    assert_no_port(reactor, File::open("/dev/null").unwrap(), no_stream);
    assert_no_port(reactor, UdpSocket::bind(ANY).unwrap(), no_stream);
    assert_no_port(reactor, connected, "the socket does not listen");
    #[cfg(target_os = "linux")]
    assert_no_port(
        reactor,
        strange_socket(),
        "the socket is of a family that is not supported",
    );
}

// N-065
fn an_adopted_connection_has_the_right_addresses_and_works_alone(reactor: &Reactor) {
    let (log, (listener, number)) = (Log::default(), listener());
    let mut peer = TcpStream::connect(("127.0.0.1", number)).unwrap();
    let ours = accepted(&listener);
    let seen: Rc<RefCell<Vec<Address>>> = Rc::default();
    let (built, made) = (Rc::clone(&seen), Rc::clone(&seen));
    let server = server(reactor, &log)
        .on_build(move |peer| {
            built.borrow_mut().push(peer.clone());
            true
        })
        .on_made(move |transport| {
            let addresses = [transport.peer(), transport.host()];
            made.borrow_mut().extend(addresses);
        });
    reactor.adopt_connection(&ours, Rc::new(server)).unwrap();
    drop(ours);
    peer.write_all(b"hello").unwrap();

    run(reactor);

    assert_eq!(read_all(&peer).unwrap(), b"heard");
    log.assert(&[
        "server built",
        "server made",
        "server data hello",
        "server lost ConnectionDone",
    ]);
    let theirs = Address::from(peer.local_addr().unwrap());
    let ours = Address::from(peer.peer_addr().unwrap());
    assert_eq!(*seen.borrow(), [theirs.clone(), theirs, ours]);
}

// N-065
fn an_adopted_connection_over_unix_sockets_works(reactor: &Reactor) {
    let log = Log::default();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let server = Rc::new(server(reactor, &log));
    reactor.adopt_connection(ours, server).unwrap();
    theirs.write_all(b"hello").unwrap();

    run(reactor);

    assert_eq!(log.count("server data hello"), 1);
}

// N-065
fn a_connection_is_not_adopted_from_inside_the_call(reactor: &Reactor) {
    let (log, stop) = (Log::default(), stop_at_call(1, reactor));
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let script = Script::new("server", &log).on_made(move |_| stop());
    let (factory, notes) = (Rc::new(script), log.clone());
    reactor.call_when_running(move |reactor| {
        calling(|| reactor.adopt_connection(&ours, factory)).unwrap();
        notes.note("adopted");
    });

    run(reactor);

    log.assert(&[
        "adopted",
        "server built",
        "server made",
        "server lost ReactorStopped",
    ]);
}

// N-065, N-063
fn adopted_connections_are_numbered_from_0(reactor: &Reactor) {
    let (names, stop): (Rc<RefCell<Vec<String>>>, _) = (Rc::default(), stop_at_call(3, reactor));
    let (seen, loop_) = (Rc::clone(&names), reactor.clone());
    let factory = Rc::new(Script::unnoted().on_data(move |_, _| {
        let readers = loop_.readers();
        let prefixes = readers.iter().map(|reader| reader.log_prefix());
        *seen.borrow_mut() = prefixes.filter(|it| it.starts_with("Player")).collect();
        stop();
    }));
    let mut peers = Vec::new();
    for _ in 0..3 {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(b"hello").unwrap();
        reactor.adopt_connection(ours, Rc::clone(&factory)).unwrap();
        peers.push(theirs);
    }

    run(reactor);

    let mut names = names.take();
    names.sort();
    assert_eq!(names.len(), 3, "{names:?}");
    for (n, name) in names.iter().enumerate() {
        assert!(name.contains(&format!(",{n},")), "{names:?}");
    }
}

// N-065, L-013
fn a_declined_connection_is_closed(reactor: &Reactor) {
    let log = Log::default();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let script = Rc::new(Script::new("server", &log).on_build(|_| false));
    reactor.adopt_connection(ours, script).unwrap();
    reactor.call_when_running(stop_soon);

    run(reactor);

    log.assert(&["server built"]);
    assert_closed(&theirs);
}

#[track_caller]
fn assert_closed(theirs: &UnixStream) {
    theirs.set_nonblocking(true).unwrap();
    assert_eq!(std::io::Read::read(&mut &*theirs, &mut [0]).unwrap(), 0);
}

// N-065, L-013
fn a_panic_in_build_protocol_closes_an_adopted_connection(reactor: &Reactor) {
    let reports = Reports::collected();
    let (ours, theirs) = UnixStream::pair().unwrap();
    let script = Script::unnoted().on_build(|_| panic!("no protocol"));
    reactor.adopt_connection(ours, Rc::new(script)).unwrap();
    reactor.call_when_running(stop_soon);

    run(reactor);

    reports.assert(&[("Unhandled error in build_protocol", "panic: no protocol")]);
    assert_closed(&theirs);
}

// N-066
fn what_is_no_connection_of_a_known_family_is_not_adopted_as_one(reactor: &Reactor) {
    let log = Log::default();
    let adopt = |socket: &dyn AsFd| {
        let script = Rc::new(Script::new("server", &log));
        reactor.adopt_connection(socket.as_fd(), script)
    };
    let (listener, _) = listener();

    assert!(matches!(adopt(&listener), Err(AdoptError::NotConnected)));
    let file = File::open("/dev/null").unwrap();
    assert!(matches!(adopt(&file), Err(AdoptError::NoStream)));
    #[cfg(target_os = "linux")]
    {
        let strange = strange_socket();
        assert!(matches!(
            adopt(&strange),
            Err(AdoptError::UnsupportedFamily)
        ));
        let flags = rustix::fs::fcntl_getfl(&strange).unwrap();
        assert!(!flags.contains(OFlags::NONBLOCK), "it was touched");
    }

    reactor.call_when_running(stop_soon);
    run(reactor);
    log.assert(&[]);
}

// L-016
#[cfg(target_os = "linux")]
fn an_unknown_error_from_accept_is_logged_and_the_port_goes_on(reactor: &Reactor) {
    let (log, logged, (listener, _)) = (Log::default(), Logged::collected(), listener());
    let stop = stop_at_call(1, reactor);
    let script = Script::new("server", &log).on_made(move |_| stop());
    reactor.adopt_port(&listener, Rc::new(script)).unwrap();
    // Nothing can be accepted from it any more, and the system says that it is ready all the time.
    shutdown(&listener, Shutdown::Read).unwrap();
    let peers = Rc::new(RefCell::new(Vec::new()));
    let kept = Rc::clone(&peers);
    after_turns(reactor, 3, move |_| {
        // It gets another number by that.
        listen(&listener, 10).unwrap();
        let there = listener.local_addr().unwrap();
        kept.borrow_mut().push(TcpStream::connect(there).unwrap());
    });

    run(reactor);

    assert_eq!(log.count("server made"), 1);
    let errors = logged.take_level("ERROR");
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("cannot accept on TCP 127.0.0.1:"));
    assert!(errors[0].contains("an unexpected error: "));
    drop(peers);
}

#[cfg(not(target_os = "linux"))]
fn an_unknown_error_from_accept_is_logged_and_the_port_goes_on(_: &Reactor) {
    eprintln!("skipped: only Linux listens again after that");
}
